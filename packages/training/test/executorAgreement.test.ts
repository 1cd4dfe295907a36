/** The sparse executor beside the tensorflow executor: the same outputs, losses, gradients and weights. */
import {
  buildNetwork,
  initialise,
  Masks,
  type Network,
  NetworkBuilder,
  prune,
  zooEntries,
  zooModel,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import { longCases } from "../../../vitest.long.ts";
import { glyphs } from "../src/datasets/glyphs/glyphs.ts";
import type { LayerKernel } from "../src/sparse/plan/kernelChoice.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
import { tensorflowExecutor } from "../src/tensorflow/executor.ts";
import { smallNetwork } from "./operationNetworks.ts";
import { randomBatch, randomMasks, relativeDifference } from "./randomNetworks.ts";

const withNesterov = { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 5e-4 } };

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
      [(await sparse.state()).get("momentum")!, (await dense.state()).get("momentum")!],
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

/** Networks of more blocks of the same kind, which only the long tests take. */
const DEEPER = /vgg1[369]|resnet(32|44|56|110|34|101|152)/;

/** Above this, a network is tested with an eighth of its channels, and as it is in the long tests. */
const MANY_WEIGHTS = 2e6;

/** Small images, but such that batch normalisation has some pixels to look at; undefined where the input is another. */
function sideOf({ inputShape, name, prunableCount }: Network): number | undefined {
  if (inputShape[0] !== 3) return undefined;
  // VGG halves its maps until they are a sixteenth
  if (name.startsWith("vgg")) return 32;
  return prunableCount > MANY_WEIGHTS ? 16 : 8;
}

/** The same network with a part of its channels; the outputs stay. */
function narrowed({ name, nodes, output }: Network, divisor: number): Network {
  const specs = nodes.map(({ name: node, op, inputs }) => ({
    name: node,
    inputs: inputs.map((input) => nodes[input]!.name),
    op:
      op.kind === "conv2d"
        ? {
            ...op,
            outChannels: Math.ceil(op.outChannels / divisor),
            groups: Math.ceil(op.groups / divisor),
          }
        : op,
  }));
  return buildNetwork(name, specs, nodes[output]!.name);
}

describe("agreement with the tensorflow executor", () => {
  const names = zooEntries.map(({ name }) => name);
  const deeper = names.filter((name) => DEEPER.test(name));
  it.each([...names.filter((name) => !DEEPER.test(name)), ...longCases(deeper)])(
    "%s, a tenth of its weights: losses, gradients, weights to 1e-4",
    async (name) => {
      const full = zooModel(name);
      const side = sideOf(full);
      const network = smoothed(side === undefined ? full : zooModel(name, { inputShape: [3, side, side] }));
      const narrow = full.prunableCount > MANY_WEIGHTS ? narrowed(network, 8) : network;
      const weights = await initialise(narrow, { seed: 1 });
      const { masks } = await prune(narrow, weights, { method: "erk", density: 0.1, seed: 1 });
      // maps of one pixel: a normalisation over six values magnifies rounding
      const batchSize = name.startsWith("mobilenet") ? 16 : 6;
      await expectAgreement(narrow, { masks, batchSize });
    },
  );

  it.each(["resnet20", ...longCases(["wide-resnet20"])])(
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
  it.each(
    longCases(
      zooEntries.map(({ name }) => name).filter((name) => zooModel(name).prunableCount > MANY_WEIGHTS),
    ),
  )("%s in its full width (long tests)", async (name) => {
    const side = sideOf(zooModel(name))!;
    const network = smoothed(zooModel(name, { inputShape: [3, side, side] }));
    const weights = await initialise(network, { seed: 1 });
    // a depthwise kernel of one weight does not feel it change behind normalisation: its gradient would be rounding
    const { masks } = await prune(network, weights, { method: "erk", density: 0.1, seed: 1 });
    await expectAgreement(network, { masks, batchSize: 6 });
  });

  it.each([1, 7, 33, 129])("batches of %i, on three threads", async (batchSize) => {
    const network = smoothed(smallNetwork());
    await expectAgreement(network, { masks: randomMasks(network, 0.5, 1), batchSize, threadCount: 3 });
  });

  it.each([
    // every pair of two of them comes once
    { channels: 1, kernel: 1, stride: 1 },
    { channels: 1, kernel: 3, stride: 2 },
    { channels: 1, kernel: 5, stride: 3 },
    { channels: 3, kernel: 1, stride: 3 },
    { channels: 3, kernel: 3, stride: 1 },
    { channels: 3, kernel: 5, stride: 2 },
    { channels: 17, kernel: 1, stride: 2 },
    { channels: 17, kernel: 3, stride: 3 },
    { channels: 17, kernel: 5, stride: 1 },
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
