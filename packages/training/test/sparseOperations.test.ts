import {
  ACTIVATIONS,
  type Masks,
  maskedParameters,
  maskedWeights,
  type Network,
  NetworkBuilder,
  type Value,
} from "@phew/core";
import { forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSparseExecutor } from "../src/sparse/executor.ts";
import {
  oracleGradients,
  oracleGraph,
  oracleLoss,
  randomBatch,
  randomMasks,
  randomWeights,
  relativeDifference,
} from "./randomNetworks.ts";

const plain = { momentum: 0, nesterov: false, weightDecay: 0 };

interface Case {
  readonly batchSize: number;
  readonly seed: number;
  readonly masks?: Masks;
  readonly threadCount?: number;
}

/**
 * Loss, gradients of what is kept, running statistics and evaluation-mode outputs against float64 and central
 * differences.
 */
async function expectAgreement(
  network: Network,
  { batchSize, seed, masks, threadCount = 1 }: Case,
): Promise<void> {
  const given = randomWeights(network, seed);
  const weights = masks === undefined ? given : maskedWeights(given, masks);
  const batch = randomBatch(network, batchSize, seed);
  const executor = await createSparseExecutor({
    network,
    weights: given,
    ...(masks && { masks }),
    optimiser: plain,
    batchSize,
    seed,
    threadCount,
  });
  try {
    const evaluated = forward(oracleGraph(network), weights, batch.x, batchSize);
    expect(relativeDifference(await executor.predict(batch.x, batchSize), evaluated.output)).toBeLessThan(
      2e-5,
    );
    const { loss } = await executor.step(batch, 0.1);
    expect(loss).toBeCloseTo(oracleLoss(network, batch)(weights), 5);
    // after a first step from rest the momentum is the gradient
    const gradients = await executor.momentum();
    const silent = masks === undefined ? undefined : maskedParameters(masks);
    for (const [name, all] of oracleGradients(network, weights, batch)) {
      const mask = masks?.get(name) ?? silent?.get(name);
      const expected = mask === undefined ? all : all.map((g, k) => (mask[k] === 1 ? g : 0));
      expect(relativeDifference(gradients.get(name)!, expected), name).toBeLessThan(1e-4);
    }
    const { running } = forward(oracleGraph(network), weights, batch.x, batchSize, { mode: "training" });
    const updated = await executor.weights();
    for (const [name, expected] of running) {
      const norm = name.replace(/running_(mean|var)$/, "bias");
      const heard = silent?.get(norm);
      const values = updated.get(name)!;
      // the statistics of a silent unit are not kept: nothing reads them
      const compared = expected.map((v, u) => (heard?.[u] === 0 ? values[u]! : v));
      expect(relativeDifference(values, compared), name).toBeLessThan(1e-5);
    }
  } finally {
    executor.dispose();
  }
}

describe("sparse executor, operation by operation", () => {
  it.each(ACTIVATIONS)("%s: loss and gradients equal central differences", async (name) => {
    const b = new NetworkBuilder(name, [5]);
    const hidden = b.activation(name, b.dense("first", b.input, 6));
    const network = b.build(b.dense("second", b.activation(name, b.dense("middle", hidden, 5)), 3));
    await expectAgreement(network, { batchSize: 7, seed: 3 });
    await expectAgreement(network, { batchSize: 7, seed: 3, masks: randomMasks(network, 0.5, 1) });
  });

  it("convolutions of any stride, padding, dilation and grouping", async () => {
    const upTo = (most: number, least = 1) => fc.integer({ min: least, max: most });
    const convolution = fc.record({
      height: upTo(7, 4),
      width: upTo(7, 4),
      kernel: fc.tuple(upTo(3), upTo(3)),
      stride: fc.tuple(upTo(3), upTo(3)),
      dilation: fc.tuple(upTo(2), upTo(2)),
      padding: fc.tuple(upTo(3, 0), upTo(3, 0), upTo(3, 0), upTo(3, 0)),
      groups: upTo(3),
      inPerGroup: upTo(2),
      outPerGroup: upTo(2),
      bias: fc.boolean(),
      seed: upTo(1000),
      density: fc.constantFrom(1, 0.6, 0.2),
    });
    await fc.assert(
      fc.asyncProperty(
        convolution,
        async ({ height, width, groups, inPerGroup, outPerGroup, seed, density, ...options }) => {
          const { kernel, dilation, padding } = options;
          const fits = (length: number, axis: 0 | 1) =>
            length + padding[axis] + padding[axis + 2]! >= dilation[axis] * (kernel[axis] - 1) + 1;
          fc.pre(fits(height, 0) && fits(width, 1));
          const b = new NetworkBuilder("conv", [2, height, width]);
          const first = b.activation(
            "tanh",
            b.conv2d("in", b.input, { outChannels: groups * inPerGroup, kernel: 1 }),
          );
          const conv = b.conv2d("conv", first, { ...options, outChannels: groups * outPerGroup, groups });
          const network = b.build(b.dense("out", b.flatten(b.activation("tanh", conv)), 3));
          const masks = randomMasks(network, density, seed);
          await expectAgreement(network, { batchSize: 2, seed, masks });
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });

  it("batch normalisation of images and of features", async () => {
    const b = new NetworkBuilder("norms", [2, 4, 5]);
    const conv = b.conv2d("conv", b.batchNorm("bn0", b.input), {
      outChannels: 3,
      kernel: 3,
      padding: 1,
      bias: false,
    });
    const x = b.flatten(b.activation("tanh", b.batchNorm("bn1", conv)));
    const hidden = b.batchNorm("bn2", b.dense("hidden", x, 6, { bias: false }), {
      epsilon: 1e-3,
      momentum: 0.3,
    });
    const network = b.build(b.dense("out", b.activation("tanh", hidden), 3));
    for (const batchSize of [6, 17]) await expectAgreement(network, { batchSize, seed: 11 });
    await expectAgreement(network, { batchSize: 6, seed: 11, masks: randomMasks(network, 0.3, 4) });
  });

  it("pooling with overlap, uneven padding, ceil mode and dilation", async () => {
    const pooled = (pool: (b: NetworkBuilder, x: Value) => Value): Network => {
      const b = new NetworkBuilder("pool", [2, 7, 6]);
      const x = pool(
        b,
        b.activation("tanh", b.conv2d("conv", b.input, { outChannels: 3, kernel: 3, padding: 1 })),
      );
      return b.build(b.dense("out", b.flatten(x), 3));
    };
    const window = { kernel: [3, 2], stride: [2, 2], padding: [1, 0, 0, 1], dilation: [1, 1] } as const;
    const networks = [
      pooled((b, x) => b.maxPool2d(x, { kernel: 2 })),
      pooled((b, x) => b.maxPool2d(x, { kernel: 3, stride: 2, padding: 1, ceil: true })),
      pooled((b, x) => b.node("dilated", { kind: "maxPool2d", ...window, dilation: [2, 3] }, x)),
      pooled((b, x) => b.averagePool2d(x, { kernel: 2 })),
      pooled((b, x) => b.averagePool2d(x, { kernel: 3, stride: 2, padding: 1, ceil: true })),
      pooled((b, x) =>
        b.node("uncounted", { kind: "averagePool2d", ...window, countPadding: false, ceil: true }, x),
      ),
      pooled((b, x) =>
        b.node("counted", { kind: "averagePool2d", ...window, countPadding: true, ceil: true }, x),
      ),
    ];
    for (const network of networks) {
      await expectAgreement(network, { batchSize: 3, seed: 2 });
      await expectAgreement(network, { batchSize: 3, seed: 2, masks: randomMasks(network, 0.3, 2) });
    }
  });

  it("add, concat, slice, identity, global pooling and values read several times", async () => {
    const b = new NetworkBuilder("graph", [3, 5, 5]);
    const conv = (name: string, x: Value, outChannels: number) =>
      b.activation("tanh", b.conv2d(name, x, { outChannels, kernel: 3, padding: 1 }));
    const first = conv("a", b.input, 4);
    const merged = b.add(first, conv("b", first, 4), b.node("same", { kind: "identity" }, first));
    const stacked = b.concat(
      merged,
      b.input,
      conv("c", b.node("cut", { kind: "slice", start: 1, count: 2 }, merged), 2),
    );
    const features = b.concat(b.globalAveragePool(stacked), b.flatten(first));
    const cut = b.node("features", { kind: "slice", start: 4, count: 60 }, b.flatten(features));
    const network = b.build(b.dense("out", b.dropout(0, cut), 4));
    await expectAgreement(network, { batchSize: 3, seed: 7 });
    for (const density of [0.5, 0.2, 0.05])
      await expectAgreement(network, { batchSize: 3, seed: 7, masks: randomMasks(network, density, 8) });
  });

  it("residual blocks with identity and projection shortcuts, at densities that leave units dead", async () => {
    const b = new NetworkBuilder("residual", [2, 4, 4]);
    const norm = (name: string, x: Value, outChannels: number, kernel: number, stride = 1) =>
      b.batchNorm(
        `${name}.bn`,
        b.conv2d(name, x, { outChannels, kernel, stride, padding: kernel >> 1, bias: false }),
      );
    const smooth = (x: Value) => b.activation("tanh", x);
    const stem = smooth(norm("stem", b.input, 4, 3));
    const one = smooth(b.add(norm("one.b", smooth(norm("one.a", stem, 4, 3)), 4, 3), stem));
    const two = smooth(
      b.add(norm("two.b", smooth(norm("two.a", one, 6, 3, 2)), 6, 3), norm("two.s", one, 6, 1, 2)),
    );
    const network = b.build(b.dense("out", b.globalAveragePool(two), 3));
    for (const batchSize of [4, 9]) await expectAgreement(network, { batchSize, seed: 5 });
    for (const density of [0.5, 0.2, 0.08])
      await expectAgreement(network, { batchSize: 5, seed: 5, masks: randomMasks(network, density, 3) });
  });
});
