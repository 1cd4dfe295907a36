import { ACTIVATIONS, type Network, NetworkBuilder, type Value } from "@phew/core";
import { forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tensorflowExecutor } from "../src/tensorflow/executor.ts";
import type { TensorflowBackend } from "../src/tensorflow.ts";
import {
  oracleGradients,
  oracleGraph,
  oracleLoss,
  randomBatch,
  randomWeights,
  relativeDifference,
} from "./randomNetworks.ts";
import { backends } from "./tensorflowBackends.ts";

const plain = { momentum: 0, nesterov: false, weightDecay: 0 };

/** Loss, all gradients, running statistics and evaluation-mode outputs against float64 and central differences. */
async function compare(
  backend: TensorflowBackend,
  network: Network,
  batchSize: number,
  seed: number,
): Promise<void> {
  const weights = randomWeights(network, seed);
  const batch = randomBatch(network, batchSize, seed);
  const executor = await tensorflowExecutor(backend)({
    network,
    weights,
    optimiser: plain,
    batchSize,
    seed,
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
    for (const [name, expected] of oracleGradients(network, weights, batch)) {
      expect(relativeDifference(gradients.get(name)!, expected), name).toBeLessThan(1e-4);
    }
    const { running } = forward(oracleGraph(network), weights, batch.x, batchSize, { mode: "training" });
    const updated = await executor.weights();
    for (const [name, expected] of running) {
      expect(relativeDifference(updated.get(name)!, expected), name).toBeLessThan(1e-5);
    }
  } finally {
    executor.dispose();
  }
}

describe.each(backends)("tensorflow executor on $heading, operation by operation", ({ backend, present }) => {
  const it = present ? test : test.skip;
  const expectAgreement = (network: Network, batchSize: number, seed: number) =>
    compare(backend, network, batchSize, seed);

  it.each(ACTIVATIONS)("%s: loss and gradients equal central differences", async (name) => {
    const b = new NetworkBuilder(name, [5]);
    const hidden = b.activation(name, b.dense("first", b.input, 6));
    await expectAgreement(
      b.build(b.dense("second", b.activation(name, b.dense("middle", hidden, 5)), 3)),
      7,
      3,
    );
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
    });
    await fc.assert(
      fc.asyncProperty(
        convolution,
        async ({ height, width, groups, inPerGroup, outPerGroup, seed, ...options }) => {
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
          await expectAgreement(network, 2, seed);
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
    await expectAgreement(b.build(b.dense("out", b.activation("tanh", hidden), 3)), 6, 11);
  });

  it("a batch of one value per unit normalises to its shift and leaves the running variance finite", async () => {
    const b = new NetworkBuilder("one", [4]);
    const network = b.build(b.dense("out", b.batchNorm("bn", b.dense("hidden", b.input, 3)), 2));
    const weights = randomWeights(network, 1);
    const executor = await tensorflowExecutor(backend)({
      network,
      weights,
      optimiser: plain,
      batchSize: 1,
      seed: 0,
    });
    const { loss } = await executor.step(randomBatch(network, 1, 1), 0.1);
    expect(loss).toBeGreaterThan(0);
    const variance = (await executor.weights()).get("bn.running_var")!;
    variance.forEach((v, k) => {
      expect(v).toBeCloseTo(0.9 * weights.get("bn.running_var")![k]!, 6);
    });
    executor.dispose();
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
    for (const network of networks) await expectAgreement(network, 3, 2);
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
    await expectAgreement(b.build(b.dense("out", b.dropout(0, cut), 4)), 3, 7);
  });
});
