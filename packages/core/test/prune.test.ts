import { describe, expect, it } from "vitest";
import { analyse, layerMeasures } from "../src/analysis/analyse.ts";
import type { LogEvent, PruneEvent } from "../src/events.ts";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { prune } from "../src/prune.ts";
import { phew, phewNested } from "../src/pruners/phew.ts";
import { completeOptions, type PruneProgress, type PruningData } from "../src/pruners/pruner.ts";
import { pruners } from "../src/pruners/registry.ts";
import { initialise } from "../src/weights/initialise.ts";
import { zooModel } from "../src/zoo/zoo.ts";

const small = (() => {
  const b = new NetworkBuilder("small", [8]);
  return b.build(b.dense("b", b.relu(b.dense("a", b.input, 12, { bias: false })), 5, { bias: false }));
})();
const weights = await initialise(small, { seed: 1 });
const settings = { method: "phew", density: 0.3, seed: 1 };

/** Replaces the backend that differentiates: the weights are their own gradients. */
const data: PruningData = {
  batches: [{ x: new Float32Array(8), y: Int32Array.of(0), count: 1 }],
  differentiator: {
    activations: async () => new Map(),
    gradients: async (request) => ({ loss: 1, gradients: request.weights }),
    hessianProduct: async (request, direction) => ({
      loss: 1,
      gradients: request.weights,
      products: direction,
    }),
  },
};

describe("prune", () => {
  it("asks for examples before any work if a method needs them", async () => {
    for (const { name, examplesOption } of pruners.values()) {
      if (examplesOption === undefined) continue;
      const options = { [examplesOption]: 1 };
      const pruning = prune(small, weights, { method: name, density: 0.3, seed: 3, options });
      await expect(pruning).rejects.toThrow(`method ${name}: got no examples, expected batches of examples`);
    }
  });

  it("refuses an option that has no effect on the network, before any work: batch statistics without normalisation", async () => {
    const normed = new NetworkBuilder("normed", [8]);
    const network = normed.build(
      normed.dense("b", normed.batchNorm("n", normed.dense("a", normed.input, 12)), 5),
    );
    const own = await initialise(network, { seed: 1 });
    for (const method of ["snip", "grasp"]) {
      const events: (PruneEvent | LogEvent)[] = [];
      const onEvent = (event: PruneEvent | LogEvent) => events.push(event);
      const asked = { method, density: 0.3, seed: 3, data, onEvent };
      const options = { statistics: "batch" };
      await expect(prune(small, weights, { ...asked, options })).rejects.toThrow(
        `${method}: statistics: got batch for small, which has no batch normalisation, expected running, or a network with`,
      );
      expect(events).toEqual([]);
      await prune(small, weights, { ...asked, options: { statistics: "running" } });
      expect((await prune(network, own, { ...asked, options })).options.statistics).toBe("batch");
    }
  });

  it("chooses within an earlier mask, by methods that can", async () => {
    const within = (await prune(small, weights, { ...settings, method: "magnitude" })).masks;
    const rest = { density: 0.1, seed: 1, within };
    const { masks } = await prune(small, weights, { ...rest, method: "magnitude" });
    expect(masks.keptCount).toBe(15);
    expect(masks.bytes.every((byte, k) => byte <= within.bytes[k]!)).toBe(true);
    await expect(prune(small, weights, { ...rest, method: "random" })).rejects.toThrow(
      /method random: got a mask to choose the weights within, expected a method that can choose within one: .*phew, .*magnitude/,
    );
    await expect(prune(small, weights, { ...rest, method: "magnitude", density: 0.5 })).rejects.toThrow(
      "density: got 78 weights to keep, expected at most the 46 of 156 that are left",
    );
    await expect(
      prune(small, weights, { ...rest, method: "magnitude", from: Masks.dense(small) }),
    ).rejects.toThrow("from: got weights to keep that are not among those that may be kept");
  });

  it("walks within any earlier mask; within a dense one it gives the same mask as without", async () => {
    const network = zooModel("lenet5", { inputShape: [1, 28, 28], classCount: 10 });
    const own = await initialise(network, { seed: 5 });
    for (const [method, density] of [
      ["magnitude", 0.02],
      ["phew", 0.02],
      ["synflow-l2", 0.01],
    ] as const) {
      const within = (await prune(network, own, { method, density, seed: 2 })).masks;
      for (const options of [{}, { bias: "square" }, { direction: "backward" }]) {
        const asked = { method: "phew", density: density / 4, seed: 3, options, within };
        const { masks } = await prune(network, own, asked);
        expect(masks.keptCount).toBeGreaterThanOrEqual(Math.floor((density / 4) * network.prunableCount));
        expect(masks.bytes.every((byte, k) => byte <= within.bytes[k]!)).toBe(true);
        expect(analyse(own, masks, { without: [] }).ineffectiveCount).toBe(0);
      }
      const uniform = { method: "phew", density: density / 4, seed: 3, options: { bias: "uniform" }, within };
      await expect(prune(network, own, uniform)).rejects.toThrow(/Leave bias at magnitude or square/);
    }
    const asked = { method: "phew", density: 0.05, seed: 3 };
    const [free, all] = [
      await prune(network, own, asked),
      await prune(network, own, { ...asked, within: Masks.dense(network) }),
    ];
    expect(all.masks.bytes).toEqual(free.masks.bytes);
  });

  it.each([...pruners.keys()])("keeps the requested number with %s and reports it", async (method) => {
    const events: (PruneEvent | LogEvent)[] = [];
    const onEvent = (event: PruneEvent | LogEvent) => events.push(event);
    const result = await prune(small, weights, { method, density: 0.3, seed: 3, onEvent, data });
    expect(result.keepCount).toBe(Math.floor(0.3 * 156));
    expect(result.keptCount).toBe(result.masks.keptCount);
    expect(result.density).toBe(result.keptCount / 156);
    expect(result.requestedDensity).toBe(0.3);
    expect(result.keptCount - result.keepCount).toBeLessThan(pruners.get(method)!.wholePaths ? 2 : 1);
    expect(result.elapsedMs).toBeGreaterThan(0);
    expect(events[0]).toEqual({
      kind: "prune.started",
      method,
      density: 0.3,
      keepCount: 46,
      prunableCount: 156,
      layerShapes: [
        { name: "a.weight", shape: [12, 8], count: 96 },
        { name: "b.weight", shape: [5, 12], count: 60 },
      ],
    });
    const last = events.at(-1)!;
    expect(last).toMatchObject({ kind: "prune.finished", method, keptCount: result.keptCount });
    expect(last.kind === "prune.finished" && last.layers.map(({ keptCount }) => keptCount)).toEqual(
      small.prunable.map((parameter) => result.masks.of(parameter).reduce((a, b) => a + b, 0)),
    );
  });

  it.each(["phew", "uniform-walk", "synflow", "snip"])(
    "tells at the end of %s every layer as the mask has it",
    async (method) => {
      const events: (PruneEvent | LogEvent)[] = [];
      const onEvent = (event: PruneEvent | LogEvent) => events.push(event);
      const { masks } = await prune(small, weights, { method, density: 0.3, seed: 3, onEvent, data });
      const layers = events.findLast((event) => event.kind === "prune.progress")!.layerProgress!;
      const measured = layerMeasures(masks);
      expect(layers.map(({ keptCount, width }) => ({ keptCount, width }))).toEqual(
        measured.map(({ keptCount, width }) => ({ keptCount, width })),
      );
      small.prunable.forEach((parameter, l) => {
        const rowLength = parameter.length / parameter.shape[0]!;
        const keptIn = Array.from({ length: parameter.shape[0]! }, (_, unit) =>
          masks
            .of(parameter)
            .subarray(unit * rowLength, (unit + 1) * rowLength)
            .reduce((a, b) => a + b, 0),
        );
        // as many units as this have a digit each
        const most = Math.max(...keptIn);
        const digits = keptIn.map((count) =>
          count === 0 ? 0 : Math.max(1, Math.round((15 * count) / most)),
        );
        expect(layers[l]!.units).toBe(digits.map((digit) => digit.toString(16)).join(""));
      });
      const isWalk = pruners.get(method)!.walks !== undefined;
      const expected = layers.map(({ expectedCount }) => expectedCount);
      if (isWalk) expect(expected[0]! + expected[1]!).toBeGreaterThan(40);
      else expect(expected).toEqual([undefined, undefined]);
    },
  );

  it("completes and reports the options", async () => {
    const { options } = await prune(small, weights, { ...settings, options: { bias: "square" } });
    expect(options).toEqual({
      bias: "square",
      data: 0,
      branching: "equal",
      granularity: "weight",
      direction: "alternate",
    });
  });

  it.each([
    [{ density: 0 }, "density: got 0, expected the fraction of weights kept"],
    [{ density: 5 }, "If you meant 5 %, pass 0.05."],
    [{ density: Number.NaN }, "density: got NaN"],
    [{ density: 0.001 }, "less than one of 156 weights"],
    [{ seed: -1 }, "seed: got -1, expected a whole number from 0 to 2^53 − 1"],
    [{ seed: 0.5 }, "seed: got 0.5"],
    [{ method: "phow" }, 'Did you mean "phew"?'],
    [{ options: { granularity: "kernels" } }, 'Did you mean "kernel"?'],
    [{ options: { biass: "square" } }, 'Did you mean "bias"?'],
    [{ method: "uniform-walk", options: { bias: "square" } }, 'option of uniform-walk: got "bias"'],
  ])("refuses %j", async (wrong, message) => {
    await expect(prune(small, weights, { ...settings, ...wrong })).rejects.toThrow(message);
  });

  it("names the layer and the index of a weight that is not a number", async () => {
    const broken = new Map(weights).set("b.weight", weights.get("b.weight")!.slice());
    broken.get("b.weight")![7] = Number.NaN;
    await expect(prune(small, broken, settings)).rejects.toThrow('layer "b.weight", weight 7: got NaN');
    const request = { network: small, weights: broken, keepCount: 3, seed: 1 };
    await expect(phew.prune({ ...request, options: completeOptions(phew, {}) })).rejects.toThrow(
      'layer "b.weight": got NaN at index 7, expected finite weights',
    );
  });
});

describe("growing masks", () => {
  it("keep any mask that they grow from", async () => {
    const from = new Masks(small);
    from.bytes.set([1, 1, 1], 20);
    const { masks, keptCount } = await prune(small, weights, { ...settings, from });
    expect([...masks.bytes.subarray(20, 23)]).toEqual([1, 1, 1]);
    expect(keptCount).toBeLessThan(46 + 2);
  });

  it("leave a mask unchanged that already has a walk's excess", async () => {
    const { masks } = await prune(small, weights, settings);
    const again = await prune(small, weights, { ...settings, from: masks });
    expect(again.masks.bytes).toEqual(masks.bytes);
    expect(again.walkCount).toBe(0);
  });

  it("refuse one that keeps more than requested, or is of another network", async () => {
    const from = Masks.dense(small);
    await expect(prune(small, weights, { ...settings, from })).rejects.toThrow(
      "from: got masks that keep 156 weights, expected at most the 46 to be kept. Masks only grow",
    );
    const other = new Masks(zooModel("mlp"));
    await expect(prune(small, weights, { ...settings, from: other })).rejects.toThrow(
      "expected 156, as many as the network has",
    );
  });

  it("must be asked for in ascending order", async () => {
    const request = { network: small, weights, seed: 1, options: completeOptions(phew, {}) };
    for (const counts of [[10, 5], [], [0], [1.5], [157]])
      await expect(phewNested(request, counts).next()).rejects.toThrow("in ascending order");
  });
});

describe("walks that cannot end", () => {
  const square = (() => {
    const b = new NetworkBuilder("square", [10]);
    return b.build(b.dense("a", b.input, 10, { bias: false }));
  })();
  /** In every row and column, `count` of 10 weights are 1, the others `rest`. */
  const weightsWith = (count: number, rest: number) =>
    new Map([
      [
        "a.weight",
        Float32Array.from({ length: 100 }, (_, k) => ((k + Math.floor(k / 10)) % 10 < count ? 1 : rest)),
      ],
    ]);
  const request = { method: "phew", seed: 1 };

  it("are refused before they begin if they had to keep weights of 0", async () => {
    const half = weightsWith(5, 0);
    await expect(prune(square, half, { ...request, density: 0.51 })).rejects.toThrow(
      "density: got 51 of 100 weights to keep, expected at most 50: the others are 0, behind such weights, or on no path from input to output, and no walk reaches them. Ask for a density of at most 0.5.",
    );
    // at 50 all reachable weights are kept; walks biased towards small weights reach all
    expect((await prune(square, half, { ...request, density: 0.5 })).keptCount).toBe(50);
    const inverse = { ...request, options: { bias: "inverse" }, density: 0.6 };
    await expect(prune(square, half, inverse)).resolves.toMatchObject({ keptCount: 60 });
  });

  it("are refused with the greatest density within the limit if the weights left are too small", async () => {
    // refused by the estimated time, or by the stall check, whichever comes first on this machine
    await expect(prune(square, weightsWith(6, 1e-30), { ...request, density: 0.8 })).rejects.toThrow(
      /^density: got .*80 of 100 weights.* Ask for a density of at most 0\.6\b/,
    );
  });

  it("stop without a limit if they keep nothing new", async () => {
    const settings = { ...request, density: 0.8, limitMs: Number.POSITIVE_INFINITY };
    await expect(prune(square, weightsWith(6, 1e-30), settings)).rejects.toThrow(
      "density: got 80 of 100 weights to keep; after 60, 12582912 walks kept no new one, expected a density at which every needed weight is likely enough to be kept. Ask for a density of at most 0.6.",
    );
  });

  it("do not begin if everything is to be kept", async () => {
    const result = await prune(small, weights, { ...settings, density: 1 });
    expect(result.keptCount).toBe(156);
    expect(result.walkCount).toBe(0);
  });
});

describe("long walks", () => {
  const network = zooModel("mlp");
  /** Of ever smaller magnitude, so that there is always a further weight to keep. */
  const fading = () =>
    new Map(
      network.parameters.map(({ name, shape }) => [
        name,
        Float32Array.from(
          { length: shape.reduce((a, b) => a * b, 1) },
          (_, k) => 10 ** -((Math.imul(k, 2_654_435_761) >>> 8) % 40),
        ),
      ]),
    );

  it.each([
    ["phew", { bias: "magnitude" }],
    ["phew", { bias: "square" }],
    ["phew", { bias: "magnitude", direction: "forward", granularity: "kernel" }],
  ] as const)("are refused where they would take longer than the limit: %s %j", async (method, options) => {
    const asked = { ...settings, method, options, density: 0.9 };
    await expect(prune(network, fading(), asked)).rejects.toThrow(
      /^density: got one that takes .* years: about .* walks are needed to keep \d+ of 266200 weights, expected walks that take at most 1:00:00 h\. Ask for a density of at most 0\.\d+,/,
    );
    const refused = await prune(network, fading(), { ...asked, limitMs: 1000 }).catch((error) => `${error}`);
    const [, density] = `${refused}`.match(/at most 1\.0 s\. Ask for a density of at most (0\.\d+)/)!;
    // with that density the walks end
    const { expectedMs = 0, keptCount } = await prune(network, fading(), {
      ...asked,
      density: Number(density),
      limitMs: 600_000,
    });
    expect(keptCount).toBeGreaterThanOrEqual(Math.floor(Number(density) * 266_200));
    expect(expectedMs).toBeLessThan(600_000);
  });

  it("cause a warning, as a message and as an event, if they take more than a minute", async () => {
    const controller = new AbortController();
    const messages: string[] = [];
    const pruning = prune(network, fading(), {
      ...settings,
      density: 0.9,
      limitMs: Number.POSITIVE_INFINITY,
      signal: controller.signal,
      onWarning: (text) => {
        messages.push(text);
        controller.abort(new Error("stopped by the test"));
      },
      onEvent: (event) => {
        if (event.kind === "log") messages.push(event.message);
      },
    });
    await expect(pruning).rejects.toThrow("stopped by the test");
    expect(messages).toEqual([
      expect.stringMatching(
        /^about .* walks are needed to keep 239580 of 266200 weights, which take about .* years$/,
      ),
      messages[0],
    ]);
  });

  it("report their progress up to the end", async () => {
    const weights = await initialise(network, { seed: 1 });
    const reports: PruneProgress[] = [];
    await prune(network, weights, { ...settings, density: 0.99, onProgress: (p) => reports.push(p) });
    expect(reports.length).toBeGreaterThan(1);
    expect(reports.at(-1)!.fraction).toBe(1);
    const fractions = reports.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions[0]).toBeGreaterThan(0);
  });

  it("end when aborted, with the given reason", async () => {
    const weights = await initialise(network, { seed: 1 });
    const controller = new AbortController();
    const reason = new Error("enough");
    setTimeout(() => controller.abort(reason), 20);
    await expect(
      prune(network, weights, { ...settings, density: 0.9999, signal: controller.signal }),
    ).rejects.toBe(reason);
    const aborted = AbortSignal.abort(reason);
    await expect(prune(network, weights, { ...settings, signal: aborted })).rejects.toBe(reason);
  });

  it("give the same mask with and without listeners", async () => {
    const weights = await initialise(network, { seed: 1 });
    const alone = await prune(network, weights, { ...settings, density: 0.9 });
    const watched = await prune(network, weights, { ...settings, density: 0.9, onProgress: () => {} });
    expect(watched.masks.bytes).toEqual(alone.masks.bytes);
    expect(watched.walkCount).toBe(alone.walkCount);
  });
});
