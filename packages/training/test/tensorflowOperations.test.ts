import { ACTIVATIONS, type Network, NetworkBuilder } from "@phew/core";
import { forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tensorflowExecutor } from "../src/tensorflow/executor.ts";
import type { TensorflowBackend } from "../src/tensorflow.ts";
import {
  activationNetwork,
  convolutions,
  graphNetwork,
  normNetwork,
  poolingNetworks,
} from "./operationNetworks.ts";
import {
  oracleGradients,
  oracleGraph,
  oracleLoss,
  randomBatch,
  randomWeights,
  relativeDifference,
} from "./randomNetworks.ts";
import { backends } from "./tensorflowBackends.ts";

const plain = { name: "sgd", settings: { momentum: 0, nesterov: false, weightDecay: 0 } };

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
    const gradients = (await executor.state()).get("momentum")!;
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
    await expectAgreement(activationNetwork(name), 7, 3);
  });

  it("convolutions of any stride, padding, dilation and grouping", async () => {
    const chosen = fc.record({ network: convolutions, seed: fc.integer({ min: 1, max: 1000 }) });
    await fc.assert(
      fc.asyncProperty(chosen, ({ network, seed }) => expectAgreement(network, 2, seed)),
      { numRuns: 60, seed: 5 },
    );
  });

  it("batch normalisation of images and of features", async () => {
    await expectAgreement(normNetwork(), 6, 11);
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
    for (const network of poolingNetworks()) await expectAgreement(network, 3, 2);
  });

  it("add, concat, slice, identity, global pooling and values read several times", async () => {
    await expectAgreement(graphNetwork(), 3, 7);
  });
});
