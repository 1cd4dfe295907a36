import { readFileSync } from "node:fs";
import {
  buildNetwork,
  initialise,
  Masks,
  type Network,
  NetworkBuilder,
  prune,
  type Value,
  zooModel,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  GOLDEN,
  GOLDEN_NAMES,
  goldenNetwork,
  goldenPresent,
  goldenWeights,
  readTensors,
} from "../../core/test/golden.ts";
import { glyphs } from "../src/datasets/glyphs/glyphs.ts";
import type { Batch, ExecutorOptions } from "../src/executor.ts";
import { createSparseExecutor, type SparseExecutorOptions } from "../src/sparse/executor.ts";
import type { LayerKernel } from "../src/sparse/kernelChoice.ts";
import { tensorflowExecutor } from "../src/tensorflow/executor.ts";
import { randomBatch, randomMasks, randomWeights, relativeDifference } from "./randomNetworks.ts";

const withNesterov = { momentum: 0.9, nesterov: true, weightDecay: 5e-4 };
const make = (options: Partial<SparseExecutorOptions> & Pick<ExecutorOptions, "network" | "weights">) =>
  createSparseExecutor({
    optimiser: withNesterov,
    batchSize: 64,
    seed: 0,
    threadCount: 1,
    // a number that is read before it is written shows at once
    unwritten: Number.NaN,
    ...options,
  });

/** Convolutions, one grouped, batch normalisation, a projection shortcut, dense layers. */
function smallNetwork(): Network {
  const b = new NetworkBuilder("small", [2, 8, 8]);
  let x = b.relu(b.batchNorm("bn1", b.conv2d("conv1", b.input, { outChannels: 6, kernel: 3, padding: 1 })));
  const y = b.batchNorm(
    "bn2",
    b.conv2d("conv2", x, { outChannels: 8, kernel: 3, stride: 2, padding: 1, groups: 2 }),
  );
  x = b.relu(b.add(y, b.conv2d("shortcut", x, { outChannels: 8, kernel: 1, stride: 2, bias: false })));
  x = b.relu(b.dense("fc1", b.flatten(b.maxPool2d(x, { kernel: 2 })), 12));
  return b.build(b.dense("fc2", x, 4));
}

interface Agreement {
  readonly masks?: Masks;
  readonly batchSize: number;
  readonly threadCount?: number;
  readonly kernel?: LayerKernel;
}

/** Loss, gradients, weights and running statistics after two steps of the sparse and the tensorflow executor. */
async function expectAgreement(network: Network, { masks, batchSize, threadCount = 1, kernel }: Agreement) {
  const options = {
    network,
    weights: await initialise(network, { seed: 1 }),
    ...(masks && { masks }),
    optimiser: withNesterov,
    batchSize,
    seed: 0,
  };
  const [sparse, dense] = [
    await createSparseExecutor({ ...options, threadCount, unwritten: Number.NaN, ...(kernel && { kernel }) }),
    await tensorflowExecutor("tfjs-wasm")(options),
  ];
  try {
    const batch = randomBatch(network, batchSize, 4);
    const outputs = await sparse.predict(batch.x, batchSize);
    expect(relativeDifference(outputs, await dense.predict(batch.x, batchSize))).toBeLessThan(1e-5);
    for (let step = 0; step < 2; step++) {
      const [{ loss }, expected] = [await sparse.step(batch, 0.01), await dense.step(batch, 0.01)];
      expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-4);
    }
    const pairs = [
      [await sparse.momentum(), await dense.momentum()],
      [await sparse.weights(), await dense.weights()],
    ] as const;
    for (const [values, expected] of pairs) {
      const floor = 0.01 * Math.max(...[...expected.values()].map(greatest));
      for (const [name, all] of expected) {
        const difference = greatest(all.map((v, k) => v - values.get(name)![k]!));
        // batch normalisation takes a bias away: its gradient is 0 and what the other executor has is rounding
        const scale = normalisedBiases(network).has(name) ? 100 * floor : greatest(all) + floor;
        expect(difference / scale, name).toBeLessThan(1e-4);
      }
    }
  } finally {
    sparse.dispose();
    dense.dispose();
  }
}

function normalisedBiases({ nodes }: Network): Set<string | undefined> {
  const normalised = nodes.filter(({ consumers }) => nodes[consumers[0]!]?.op.kind === "batchNorm");
  return new Set(normalised.map(({ op }) => ("bias" in op ? op.bias : undefined)));
}

const greatest = (values: Float32Array): number => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/**
 * The same network with softplus for every activation and means for maxima, and nothing dropped: where a rounding
 * error turns a ReLU on or off, gradients jump, and no two executors agree.
 */
function smoothed({ name, nodes, output }: Network): Network {
  const specs = nodes.map(({ name: node, op, inputs }) => ({
    name: node,
    inputs: inputs.map((input) => nodes[input]!.name),
    op:
      op.kind === "activation"
        ? ({ kind: "activation", name: "softplus" } as const)
        : op.kind === "maxPool2d"
          ? { ...op, kind: "averagePool2d" as const, countPadding: false }
          : op.kind === "dropout"
            ? { ...op, rate: 0 }
            : op,
  }));
  return buildNetwork(name, specs, nodes[output]!.name);
}

describe("agreement with the tensorflow executor", () => {
  const small = [
    "mlp",
    "lenet5",
    "vgg11-bn",
    "resnet20",
    "resnet56",
    "wide-resnet20",
    "mobilenet-v1",
    "mobilenet-v2",
  ];

  it.each(small)("%s, a tenth of its weights: losses, gradients, weights to 1e-4", async (name) => {
    const full = zooModel(name);
    const network = smoothed(full.inputShape[0] === 3 ? zooModel(name, { inputShape: [3, 16, 16] }) : full);
    const weights = await initialise(network, { seed: 1 });
    const { masks } = await prune(network, weights, { method: "erk", density: 0.1, seed: 1 });
    await expectAgreement(network, { masks, batchSize: 6 });
  });

  it.each(["resnet20", "wide-resnet20"])(
    "%s, nine tenths of its weights, in the domain of F(4×4, 3×3)",
    async (name) => {
      const network = smoothed(zooModel(name, { inputShape: [3, 16, 16] }));
      await expectAgreement(network, {
        masks: randomMasks(network, 0.9, 1),
        batchSize: 6,
        kernel: "winograd",
      });
    },
  );

  // minutes: 58 million weights in dense layers of another package
  it
    .runIf(process.env.PHEW_TEST_LARGE)
    .each(["vgg19-bn", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])(
    "%s, where PHEW_TEST_LARGE is set",
    async (name) => {
      // VGG halves its maps until they are a sixteenth: two pixels are left for batch normalisation to look at
      const size = name.startsWith("vgg") ? 32 : 16;
      const network = smoothed(zooModel(name, { inputShape: [3, size, size] }));
      const weights = await initialise(network, { seed: 1 });
      const { masks } = await prune(network, weights, { method: "random", density: 0.1, seed: 1 });
      await expectAgreement(network, { masks, batchSize: 6 });
    },
    300_000,
  );

  it.each([1, 7, 33, 129])("batches of %i, on three threads", async (batchSize) => {
    const network = smoothed(smallNetwork());
    await expectAgreement(network, { masks: randomMasks(network, 0.5, 1), batchSize, threadCount: 3 });
  });

  it.each([
    { channels: 1, kernel: 1, stride: 1 },
    { channels: 3, kernel: 5, stride: 2 },
    { channels: 17, kernel: 3, stride: 3 },
    { channels: 17, kernel: 5, stride: 1 },
    { channels: 3, kernel: 1, stride: 3 },
  ])("$channels channels, $kernel×$kernel kernels, stride $stride", async ({ channels, kernel, stride }) => {
    const b = new NetworkBuilder("odd", [channels, 11, 9]);
    const conv = (name: string, x: string) =>
      b.conv2d(name, x, { outChannels: 17, kernel, stride, padding: kernel >> 1 });
    // no normalisation behind the first: a unit with one weight would not feel it change, its gradient only rounding
    const x = b.batchNorm("bn", b.activation("silu", conv("a", b.input)));
    const network = b.build(b.dense("out", b.globalAveragePool(b.activation("tanh", conv("b", x))), 3));
    await expectAgreement(network, { batchSize: 7 });
    await expectAgreement(network, { masks: randomMasks(network, 0.2, 5), batchSize: 18 });
  });

  it("a layer with one kept weight, a layer kept whole, a layer without any", async () => {
    const b = new NetworkBuilder("extremes", [2, 6, 6]);
    const conv = (name: string, x: string) =>
      b.activation("tanh", b.conv2d(name, x, { outChannels: 5, kernel: 3, padding: 1 }));
    const stem = conv("whole", b.input);
    const one = conv("one", stem);
    const none = b.relu(b.conv2d("none", stem, { outChannels: 5, kernel: 3, padding: 1 }));
    const network = b.build(b.dense("out", b.globalAveragePool(b.add(stem, one, none)), 3));
    const masks = Masks.dense(network);
    masks.get("one.weight")!.fill(0)[77] = 1;
    masks.get("none.weight")!.fill(0);
    await expectAgreement(network, { masks, batchSize: 5 });
  });

  it("the first 50 losses of a training to 1e-3", async () => {
    const { train } = glyphs({ classCount: 10, trainCount: 400, testCount: 1, seed: 1 });
    const network = zooModel("lenet5");
    const weights = await initialise(network, { seed: 1 });
    const { masks } = await prune(network, weights, { method: "phew", density: 0.1, seed: 1 });
    const options = { network, weights, masks, optimiser: withNesterov, batchSize: 40, seed: 0 };
    const executors = [await createSparseExecutor(options), await tensorflowExecutor("tfjs-wasm")(options)];
    const losses: number[][] = [[], []];
    for (let step = 0; step < 50; step++) {
      const indices = Array.from({ length: 40 }, (_, k) => (40 * step + k) % 400);
      const x = new Float32Array(40 * 784);
      train.fillInto(x, indices);
      const batch = { x, y: Int32Array.from(indices, (k) => train.classes[k]!), count: 40 };
      for (const [k, executor] of executors.entries())
        losses[k]!.push((await executor.step(batch, 0.02)).loss);
    }
    for (const executor of executors) executor.dispose();
    for (const [step, loss] of losses[0]!.entries())
      expect(Math.abs(loss / losses[1]![step]! - 1), `step ${step}`).toBeLessThan(1e-3);
    expect(losses[0]!.at(-1)).toBeLessThan(losses[0]![0]! / 2);
  });
});

describe("agreement with PyTorch", () => {
  it.each([1, 3])(
    "makes PyTorch's 20 steps on %i threads (fixtures/torchTrajectory.py)",
    async (threadCount) => {
      const torch = JSON.parse(
        readFileSync(new URL("fixtures/torchTrajectory.json", import.meta.url), "utf8"),
      );
      const b = new NetworkBuilder("torch", [2, 8, 8]);
      let x = b.relu(b.batchNorm("1", b.conv2d("0", b.input, { outChannels: 4, kernel: 3, padding: 1 })));
      const conv = { outChannels: 6, kernel: 3, stride: 2, padding: 1, groups: 2 };
      x = b.relu(b.batchNorm("5", b.conv2d("4", b.maxPool2d(x, { kernel: 2 }), conv)));
      const network = b.build(b.dense("8", b.flatten(x), 5));
      const masks = new Masks(network);
      for (const parameter of network.prunable) masks.of(parameter).set(torch.masks[parameter.name]);
      const executor = await make({
        network,
        masks,
        weights: new Map(
          Object.entries<number[]>(torch.start).map(([name, v]) => [name, Float32Array.from(v)]),
        ),
        optimiser: { momentum: torch.momentum, nesterov: true, weightDecay: torch.weightDecay },
        labelSmoothing: torch.labelSmoothing,
        threadCount,
      });
      const batch = (index: number): Batch => {
        const length = torch.count * 128;
        return {
          x: Float32Array.from(torch.x.slice(index * length, (index + 1) * length)),
          y: Int32Array.from(torch.y.slice(index * torch.count, (index + 1) * torch.count)),
          count: torch.count,
        };
      };
      for (let step = 0; step < torch.steps; step++) {
        const { loss, correctCount } = await executor.step(batch(step % torch.batches), torch.rate);
        expect(Math.abs(loss / torch.losses[step] - 1), `step ${step}`).toBeLessThan(1e-4);
        expect(correctCount).toBe(torch.correct[step]);
      }
      for (const [name, values] of await executor.weights())
        expect(relativeDifference(values, torch.end[name]), name).toBeLessThan(1e-4);
      expect(relativeDifference(await executor.predict(batch(0).x, torch.count), torch.logits)).toBeLessThan(
        1e-4,
      );
      executor.dispose();
    },
  );

  it.skipIf(!goldenPresent).each(GOLDEN_NAMES)(
    "golden %s: the logits to 1e-4 (skipped where the files are not on this machine)",
    async (name) => {
      const batch = readTensors(`${GOLDEN}${name}/batch.safetensors`);
      const { data: x, shape } = batch.get("x")!;
      const executor = await make({
        network: goldenNetwork(name),
        weights: goldenWeights(name),
        batchSize: shape[0]!,
      });
      const logits = await executor.predict(x, shape[0]!);
      expect(relativeDifference(logits, batch.get("logits")!.data)).toBeLessThan(1e-4);
      executor.dispose();
    },
  );
});

describe("the same bits", () => {
  const network = smallNetwork();
  const weights = randomWeights(network, 9);
  const masks = randomMasks(network, 0.4, 2);

  async function trained(threadCount: number, batchSize: number) {
    const executor = await make({ network, weights, masks, threadCount, batchSize });
    const losses = [];
    for (let step = 0; step < 6; step++)
      losses.push((await executor.step(randomBatch(network, batchSize - step, step), 0.05)).loss);
    const result = { losses, weights: await executor.weights(), momentum: await executor.momentum() };
    executor.dispose();
    return result;
  }

  it.each([50, 300])("for 1, 2 and 3 threads, batches of up to %i", async (batchSize) => {
    const alone = await trained(1, batchSize);
    for (const threadCount of [2, 3]) expect(await trained(threadCount, batchSize)).toEqual(alone);
  });

  it("for 1, 2 and 3 threads and whatever memory held, layers in the domain of F(4×4, 3×3) among others", async () => {
    const b = new NetworkBuilder("wide", [3, 13, 10]);
    const conv = (name: string, x: Value, outChannels: number) =>
      b.relu(b.batchNorm(`${name}.bn`, b.conv2d(name, x, { outChannels, kernel: 3, padding: 1 })));
    const x = conv("c", conv("b", conv("a", b.input, 20), 37), 18);
    const wide = b.build(b.dense("out", b.globalAveragePool(x), 4));
    const start = randomWeights(wide, 4);
    const kept = randomMasks(wide, 0.8, 1);
    const trainedWide = async (threadCount: number, unwritten: number) => {
      const options = { weights: start, masks: kept, batchSize: 70, kernel: "winograd" } as const;
      const executor = await make({ network: wide, ...options, threadCount, unwritten });
      for (let step = 0; step < 3; step++) await executor.step(randomBatch(wide, 70 - 9 * step, step), 0.05);
      const result = { weights: await executor.weights(), momentum: await executor.momentum() };
      executor.dispose();
      return result;
    };
    const alone = await trainedWide(1, 0);
    expect(await trainedWide(1, Number.NaN)).toEqual(alone);
    for (const threadCount of [2, 3]) expect(await trainedWide(threadCount, 1e30)).toEqual(alone);
  });

  it("when a training is continued from a saved state, with dropout and dead units", async () => {
    const b = new NetworkBuilder("dropping", [2, 6, 6]);
    const conv = b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 8, kernel: 3, padding: 1 }));
    const dropping = b.build(b.dense("out", b.dropout(0.3, b.flatten(b.relu(conv))), 4));
    const kept = Masks.dense(dropping);
    kept.get("conv.weight")!.fill(0, 0, 36);
    const options = { network: dropping, weights: randomWeights(dropping, 1), masks: kept };
    const step = (executor: Awaited<ReturnType<typeof make>>, k: number) =>
      executor.step(randomBatch(dropping, 8, k), 0.05);
    const whole = await make(options);
    for (let k = 0; k < 3; k++) await step(whole, k);
    const [saved, momentum] = [await whole.weights(), await whole.momentum()];
    const resumed = await make(options);
    await resumed.restore(saved, momentum, 3);
    for (let k = 3; k < 6; k++) expect(await step(resumed, k)).toEqual(await step(whole, k));
    expect(await resumed.weights()).toEqual(await whole.weights());
    whole.dispose();
    resumed.dispose();
  });
});

describe("sparse executor", () => {
  const network = smallNetwork();
  const weights = randomWeights(network, 9);

  it("gives back the weights it was given, unchanged by prediction and evaluation", async () => {
    const executor = await make({ network, weights });
    const batch = randomBatch(network, 8, 3);
    await executor.predict(batch.x, 8);
    await executor.evaluate(batch);
    for (const [name, values] of await executor.weights()) expect(values).toEqual(weights.get(name));
    for (const [, values] of await executor.momentum()) expect(values.every((v) => v === 0)).toBe(true);
    executor.dispose();
  });

  it("changes nothing in a step whose loss is not finite, and names the layer where that began", async () => {
    const huge = new Map(weights).set(
      "fc1.weight",
      weights.get("fc1.weight")!.map((w) => w * 3e38),
    );
    const executor = await make({ network, weights: huge });
    const batch = randomBatch(network, 20, 1);
    const { loss } = await executor.step(batch, 0.1);
    expect(loss).not.toSatisfy(Number.isFinite);
    // relu#2 is fc1's own activation, in place
    expect(executor.firstNonFinite!()).toBe("fc1");
    for (const [name, values] of await executor.weights()) expect(values).toEqual(huge.get(name));
    await executor.restore(weights, new Map());
    expect((await executor.step(batch, 0.1)).loss).toSatisfy(Number.isFinite);
    expect(executor.firstNonFinite!()).toBeUndefined();
    executor.dispose();
  });

  it("names the parameter whose gradient is not finite, though the loss is, and changes nothing", async () => {
    const b = new NetworkBuilder("overflow", [1]);
    const hidden = b.dense("first", b.input, 1, { bias: false });
    const chain = b.build(b.dense("second", hidden, 2, { bias: false }));
    const start = new Map([
      ["first.weight", Float32Array.of(0)],
      ["second.weight", Float32Array.of(1e20, -1e20)],
    ]);
    const executor = await make({ network: chain, weights: start });
    // hidden and logits are 0, the loss is ln 2, and ∂L/∂first is 1e30 · 1e20
    const step = () => executor.step({ x: Float32Array.of(1e30), y: Int32Array.of(0), count: 1 }, 0.1);
    for (let k = 0; k < 2; k++)
      await expect(step()).rejects.toThrow('the gradient of "first.weight" is no longer finite');
    for (const [name, values] of await executor.weights()) expect(values).toEqual(start.get(name));
    expect(
      (await executor.step({ x: Float32Array.of(1), y: Int32Array.of(0), count: 1 }, 0.1)).loss,
    ).toBeCloseTo(Math.log(2), 6);
    executor.dispose();
  });

  it("drops the same elements for the same seed, others for another, about as many as asked for", async () => {
    const b = new NetworkBuilder("dropout", [4000]);
    // sums of what is left of 4,000 ones, in both classes the same: the loss is ln 2, the gradient shows what was dropped
    const dropping = b.build(b.dense("sum", b.dropout(0.25, b.input), 2, { bias: false }));
    const zero = new Map([["sum.weight", new Float32Array(8000)]]);
    const ones = { x: new Float32Array(4000).fill(1), y: Int32Array.of(0), count: 1 };
    const plain = { momentum: 0, nesterov: false, weightDecay: 0 };
    const gradients = async (seed: number) => {
      const executor = await make({ network: dropping, weights: zero, seed, optimiser: plain });
      const steps = [];
      for (let step = 0; step < 2; step++) {
        await executor.step(ones, 0);
        steps.push((await executor.momentum()).get("sum.weight")!.subarray(0, 4000));
      }
      executor.dispose();
      return steps;
    };
    const [first, second] = await gradients(1);
    expect(await gradients(1)).toEqual([first, second]);
    expect(second).not.toEqual(first);
    expect((await gradients(2))[0]).not.toEqual(first);
    // kept elements are divided by 0.75; 3,000 ± 27 are kept, six standard deviations are allowed: 2e-9 false alarms
    const kept = first!.filter((g) => g !== 0);
    expect(Math.abs(kept.length - 3000)).toBeLessThan(6 * Math.sqrt(4000 * 0.25 * 0.75));
    expect(kept.every((g) => Math.abs(g + 0.5 / 0.75) < 1e-6)).toBe(true);
    // and none in evaluation
    const executor = await make({
      network: dropping,
      weights: new Map([["sum.weight", new Float32Array(8000).fill(1)]]),
    });
    expect([...(await executor.predict(ones.x, 1))]).toEqual([4000, 4000]);
    executor.dispose();
  });

  it("needs under 10 MB for weights and optimiser of vgg19-bn at 2 %", async () => {
    const vgg = zooModel("vgg19-bn");
    const initial = await initialise(vgg, { seed: 1 });
    const { masks } = await prune(vgg, initial, { method: "phew", density: 0.02, seed: 1 });
    const executor = await make({ network: vgg, weights: initial, masks, batchSize: 16 });
    const { weightBytes, optimiserBytes } = executor.plan;
    expect(weightBytes + optimiserBytes).toBeLessThan(1e7);
    executor.dispose();
  });

  it("says which layer it cannot compute", async () => {
    const odd = buildNetwork(
      "odd",
      [
        { name: "x", op: { kind: "input", shape: [4] }, inputs: [] },
        { name: "fc", op: { kind: "dense", weight: "fc.weight", outFeatures: 3 }, inputs: ["x"] },
        { name: "odd", op: { kind: "opaque", operation: "Einsum", shape: [3] }, inputs: ["fc"] },
      ],
      "odd",
    );
    await expect(make({ network: odd, weights: randomWeights(odd, 0) })).rejects.toThrow(
      /layer "odd": got the operation Einsum/,
    );
  });
});
