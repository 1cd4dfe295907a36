import { availableParallelism } from "node:os";
import { ArgumentError, NetworkBuilder } from "@phew/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { benchLayer } from "../src/bench/benchLayer.ts";
import { benchPredict, benchSubject, benchTrain } from "../src/bench/benchNetwork.ts";
import { benchPrune } from "../src/bench/benchPrune.ts";
import type { Contender, startContender } from "../src/bench/contender.ts";
import { ExecutorBench } from "../src/bench/executorBench.ts";
import type { LayerTime, ProfiledExecutor } from "../src/bench/profiled.ts";
import { median, paceOf, race, ratioOf } from "../src/bench/race.ts";
import type { BenchTask, Round } from "../src/bench/task.ts";
import { TaskReader } from "../src/bench/taskReader.ts";
import { workOf } from "../src/bench/work.ts";
import type { Batch, StepResult } from "../src/executor.ts";
import { randomMasks, randomWeights } from "./randomNetworks.ts";

/** Two 3×3 convolutions of 4×4 maps behind a batch normalisation or not, and a dense layer. */
function smallNetwork(normFirst = false) {
  const b = new NetworkBuilder("small", [2, 4, 4]);
  const input = normFirst ? b.batchNorm("bn", b.input) : b.input;
  const x = b.relu(b.conv2d("conv1", input, { outChannels: 3, kernel: 3, bias: false }));
  return b.build(b.dense("fc", b.flatten(b.conv2d("conv2", x, { outChannels: 4, kernel: 1 })), 5));
}

const round = (seconds: number, imageCount: number, stepCount = 1): Round => ({
  seconds,
  imageCount,
  stepCount,
});

describe("figures of rounds", () => {
  it("are medians and bests of rates and of steps", () => {
    const { imagesPerSecond, stepMilliseconds } = paceOf([
      round(2, 100, 4),
      round(1, 100, 1),
      round(4, 100, 2),
    ]);
    expect(imagesPerSecond).toEqual({ median: 50, best: 100 });
    expect(stepMilliseconds).toEqual({ median: 1000, least: 500 });
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("are ratios round by round, so that a slow moment that hits both does not count", () => {
    const ours = [round(1, 300), round(10, 300), round(1, 330)];
    const baseline = [round(1, 100), round(10, 100), round(1, 100)];
    const { median: middle, best } = ratioOf(ours, baseline);
    expect(middle).toBeCloseTo(3, 12);
    expect(best).toBeCloseTo(3.3, 12);
  });

  it("come of rounds in turns", async () => {
    const order: string[] = [];
    const contender = (name: string) => ({
      round: async () => {
        order.push(name);
        return round(order.length, 1);
      },
    });
    const progress: string[] = [];
    const rounds = await race([contender("a"), contender("b")], {
      roundCount: 3,
      pauseMs: 0,
      onRound: (done, all) => progress.push(`${done}/${all}`),
    });
    expect(order.join("")).toBe("ababab");
    expect(rounds.map((list) => list.map(({ seconds }) => seconds))).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ]);
    expect(progress).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
  });

  it("end when they are to end", async () => {
    const controller = new AbortController();
    const stop = { round: async () => round(1, 1) };
    controller.abort(new Error("enough"));
    const options = { roundCount: 1, pauseMs: 0, signal: controller.signal };
    await expect(race([stop], options)).rejects.toThrow("enough");
  });
});

/** An executor whose steps take what a clock says. */
class FakeExecutor implements Pick<ProfiledExecutor, "name" | "backend"> {
  readonly name = "fake";
  readonly backend = "none";
  readonly msPerStep: number;
  clock = 0;
  readonly calls: string[] = [];

  constructor(msPerStep: number) {
    this.msPerStep = msPerStep;
  }
  async step(batch: Batch, rate: number): Promise<StepResult> {
    this.clock += this.msPerStep;
    this.calls.push(`step of ${batch.count} at ${rate}`);
    return { loss: 1, correctCount: 0 };
  }
  async predict(_x: Float32Array, count: number): Promise<Float32Array> {
    this.clock += this.msPerStep;
    this.calls.push(`predict ${count}`);
    return Float32Array.of(1, 2);
  }
}

/** Every third step is disturbed. */
class TellingExecutor extends FakeExecutor {
  #stepCount = 0;
  #timed = false;

  startTiming(): void {
    this.#timed = true;
  }
  endTiming(): readonly LayerTime[] {
    if (!this.#timed) throw new Error("nothing is measured");
    this.#timed = false;
    const slow = ++this.#stepCount % 3 === 0 ? 50 : 0;
    return [
      { layer: "conv", work: "forward", milliseconds: 5 + slow },
      { layer: "conv", work: "border", milliseconds: 0 },
      { layer: "fc", work: "forward", milliseconds: 2 },
      { layer: "fc", work: "forward", milliseconds: 1.5 },
    ];
  }
}

function benchOf(executor: FakeExecutor, mode: BenchTask["mode"], least: [number, number]) {
  const [stepCount, milliseconds] = least;
  const stretch = { stepCount, milliseconds };
  const task = { mode, rate: 0.5, round: stretch, warmUp: { stepCount: 1, milliseconds: 0 } } as BenchTask;
  const batch = { x: new Float32Array(6), y: new Int32Array(3), count: 3 };
  return new ExecutorBench(executor as unknown as ProfiledExecutor, task, batch, () => executor.clock);
}

describe("a round of an executor", () => {
  it.each([
    [[1, 35], 4],
    [[6, 35], 6],
    [[1, 0], 1],
    [[1, 30], 3],
  ] as const)(
    "of at least %j steps and milliseconds has %i steps of 10 ms",
    async ([steps, ms], expected) => {
      const executor = new FakeExecutor(10);
      const { seconds, stepCount, imageCount } = await benchOf(executor, "train", [steps, ms]).round();
      expect({ stepCount, imageCount }).toEqual({ stepCount: expected, imageCount: 3 * expected });
      expect(seconds).toBeCloseTo(expected / 100, 12);
      expect(executor.calls).toEqual(Array(expected).fill("step of 3 at 0.5"));
    },
  );

  it("predicts where predictions are timed, and gives the outputs", async () => {
    const executor = new FakeExecutor(10);
    const bench = benchOf(executor, "predict", [2, 0]);
    await bench.warmUp();
    await bench.round();
    expect(executor.calls).toEqual(["predict 3", "predict 3", "predict 3"]);
    expect([...(await bench.outputs())]).toEqual([1, 2]);
  });

  it("is reported for each layer of the median step, if the executor measures it", async () => {
    expect(await benchOf(new FakeExecutor(10), "train", [1, 0]).profile()).toBeUndefined();
    const executor = new TellingExecutor(10);
    expect(await benchOf(executor, "train", [1, 0]).profile()).toEqual([
      { layer: "conv", work: "forward", milliseconds: 5 },
      { layer: "fc", work: "forward", milliseconds: 3.5 },
    ]);
    expect(executor.calls).toHaveLength(30);
    // five steps where three hundred milliseconds are over before
    const slow = new TellingExecutor(1000);
    await benchOf(slow, "train", [1, 0]).profile();
    expect(slow.calls).toHaveLength(5);
  });
});

describe("work", () => {
  it("of a step is thrice the way forward, less the gradient of an input before which nothing is trained", () => {
    const masks = randomMasks(smallNetwork(), 0.5, 1);
    const { layers, keptMultiplyAdds } = workOf(masks.network, masks, "train");
    expect(layers.map((layer) => layer.stepMultiplyAdds / layer.forwardMultiplyAdds)).toEqual([2, 3, 3]);
    expect(layers.reduce((sum, layer) => sum + layer.forwardMultiplyAdds, 0)).toBe(keptMultiplyAdds);
    const behindNorm = workOf(smallNetwork(true), undefined, "train").layers;
    expect(behindNorm.map((layer) => layer.stepMultiplyAdds / layer.forwardMultiplyAdds)).toEqual([3, 3, 3]);
    for (const layer of workOf(masks.network, masks, "predict").layers)
      expect(layer.stepMultiplyAdds).toBe(layer.forwardMultiplyAdds);
  });
});

/** Contenders that answer with rounds of their own; what they were given is kept. */
function fakeStart(rates: readonly number[], unavailable?: string) {
  const tasks: BenchTask[] = [];
  const payloads: number[] = [];
  const killed: number[] = [];
  const start: typeof startContender = async (_command, task, payload) => {
    const k = tasks.push(task) - 1;
    payloads.push(payload.reduce((sum, { byteLength }) => sum + byteLength, 0));
    if (k === 1 && unavailable !== undefined) return { unavailable };
    const contender: Contender = {
      name: `contender ${k}`,
      backend: "fake",
      ...(k === 0 ? { threadCount: 3 } : {}),
      round: async () => round(1, rates[k]!, 2),
      profile: async () => (k === 0 ? [{ layer: "fc", work: "forward", milliseconds: 7 }] : undefined),
      outputs: async () => new Float32Array(),
      finish: async () => ({ startBytes: 10, peakBytes: 20 + k }),
      kill: () => killed.push(k),
    };
    return contender;
  };
  return { start, tasks, payloads, killed };
}

describe("the report of a network", () => {
  const network = smallNetwork();
  const weights = randomWeights(network, 1);
  const masks = randomMasks(network, 0.25, 2);
  const settings = { batchSize: 4, roundCount: 1, baseline: "torch", profile: true };

  it("holds rates, ratio, operations a second and memory of both", async () => {
    const { start, tasks, killed } = fakeStart([300, 100]);
    const report = await benchSubject("train", { network, weights, masks }, 5, settings, start);
    expect(report.ratio).toEqual({ median: 3, best: 3 });
    // dense: 3·2·9 weights at 2×2 places, twice; 4·3 at 2×2, thrice; 5·16, thrice
    const denseStep = 2 * (54 * 4) + 3 * (12 * 4) + 3 * 80;
    expect(report.baseline!.gigaflops).toBeCloseTo((2 * denseStep * 100) / 1e9, 15);
    const keptStep = [2 * 4, 3 * 4, 3].reduce(
      (sum, perWeight, l) =>
        sum + perWeight * masks.of(network.prunable[l]!).reduce((count, kept) => count + kept, 0),
      0,
    );
    expect(report.ours.gigaflops).toBeCloseTo((2 * keptStep * 300) / 1e9, 15);
    expect(report.work.share).toBe(report.work.keptMultiplyAdds / report.work.denseMultiplyAdds);
    expect(report.ours.memory).toEqual({ startBytes: 10, peakBytes: 20 });
    expect(report.baseline!.memory.peakBytes).toBe(21);
    expect(report.ours.times).toEqual([{ layer: "fc", work: "forward", milliseconds: 7 }]);
    expect([report.ours.weights, report.baseline!.weights]).toEqual(["kept", "all"]);
    expect(tasks.map(({ masked }) => masked)).toEqual([true, false]);
    expect(tasks.map(({ threadCount }) => threadCount)).toEqual([undefined, availableParallelism()]);
    expect(killed).toEqual([0, 1]);
    expect(report.loadAverage).toBeGreaterThanOrEqual(0);
  });

  it("sends weights, inputs and classes to both, and masks to those that have them", async () => {
    const { start, payloads } = fakeStart([1, 1]);
    await benchSubject("predict", { network, weights, masks }, 5, settings, start);
    const parameterCount = 54 + 12 + 4 + 80 + 5;
    const bytes = 4 * (parameterCount + 4 * 32 + 4);
    expect(payloads).toEqual([bytes + network.prunableCount, bytes]);
    const again = fakeStart([1, 1]);
    const masked = { ...settings, maskBaseline: true };
    const report = await benchSubject("predict", { network, weights, masks }, 5, masked, again.start);
    expect(again.payloads).toEqual([bytes + network.prunableCount, bytes + network.prunableCount]);
    expect(report.baseline!.weights).toBe("masked");
  });

  it("says why there is no baseline", async () => {
    const { start } = fakeStart([1, 1], "python3 has no torch");
    const report = await benchSubject("train", { network, weights, masks }, 5, settings, start);
    expect(report.baselineUnavailable).toBe("python3 has no torch");
    expect(report.baseline).toBeUndefined();
    expect(report.ratio).toBeUndefined();
  });
});

describe("a stream of lines and numbers", () => {
  it("is read the same however it is cut into pieces", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.stringMatching(/^[a-zé ]{0,12}$/), fc.uint8Array({ maxLength: 20 })), {
          maxLength: 8,
        }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
        async (items, sizes) => {
          const whole = Buffer.concat(
            items.map((item) => (typeof item === "string" ? Buffer.from(`${item}\n`) : Buffer.from(item))),
          );
          async function* pieces() {
            for (let at = 0, k = 0; at < whole.length; k++) {
              const end = at + sizes[k % sizes.length]!;
              yield whole.subarray(at, end);
              at = end;
            }
          }
          const reader = new TaskReader(pieces());
          for (const item of items) {
            if (typeof item === "string") expect(await reader.line()).toBe(item);
            else {
              const bytes = new Uint8Array(item.length);
              await reader.readInto(bytes);
              expect([...bytes]).toEqual([...item]);
            }
          }
          expect(await reader.line()).toBeUndefined();
        },
      ),
      { numRuns: 200 },
    );
  });

  it("that ends early is an error", async () => {
    async function* short() {
      yield Uint8Array.of(1, 2);
    }
    await expect(new TaskReader(short()).readInto(new Float32Array(1))).rejects.toThrow("2 bytes early");
  });
});

describe("options that are not usable", () => {
  const base = { model: "lenet5", method: "phew", density: 0.1, seed: 0, batchSize: 8 };
  it.each([
    [{ batchSize: 0 }, /batch size: got 0/],
    [{ batchSize: 1.5 }, /batch size/],
    [{ threadCount: 0 }, /threads: got 0/],
    [{ roundCount: 0 }, /rounds: got 0/],
    [{ round: { stepCount: 1, milliseconds: Number.NaN } }, /milliseconds of a round/],
    [{ baseline: "pytorch" }, /baseline: got "pytorch", expected one of torch, tfjs, tensorflow, none/],
    [{ executor: "dense" }, /executor: got "dense"/],
    [{ method: "phwe" }, /Did you mean "phew"/],
    [{ method: "dense" }, /density: got 0.1 for a dense network/],
    [{ model: "resnet21" }, /resnet20/],
    [{ density: 5 }, /pass 0.05/],
  ])("%j are refused before anything is started", async (fault, message) => {
    for (const bench of [benchTrain, benchPredict]) {
      const failure = await bench({ ...base, ...fault }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ArgumentError);
      expect((failure as Error).message).toMatch(message);
    }
  });

  it("of a layer and of a mask are refused too", async () => {
    const layer = { inputShape: [4, 8, 8], outCount: 4, density: 0.5, seed: 0, batchSize: 4 };
    await expect(benchLayer({ ...layer, outCount: 1 })).rejects.toThrow(/output channels/);
    await expect(benchLayer({ ...layer, kernel: 0 })).rejects.toThrow(/kernel/);
    await expect(benchPrune({ model: "mlp", density: 0.1, seed: 0, roundCount: 0 })).rejects.toThrow(
      /rounds/,
    );
    await expect(benchPrune({ model: "mlp", density: 0, seed: 0 })).rejects.toThrow(/density/);
  });
});
