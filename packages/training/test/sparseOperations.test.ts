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
import { caseCount } from "../../../vitest.long.ts";
import type { LayerKernel } from "../src/sparse/plan/kernelChoice.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
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
  randomMasks,
  randomWeights,
  relativeDifference,
} from "./randomNetworks.ts";

const plain = { name: "sgd", settings: { momentum: 0, nesterov: false, weightDecay: 0 } };

interface Case {
  readonly batchSize: number;
  readonly seed: number;
  readonly masks?: Masks;
  readonly threadCount?: number;
  readonly kernel?: LayerKernel;
}

/**
 * Loss, gradients of what is kept, running statistics and evaluation-mode outputs against float64 and central
 * differences.
 */
async function expectAgreement(
  network: Network,
  { batchSize, seed, masks, threadCount = 1, kernel }: Case,
): Promise<void> {
  const given = randomWeights(network, seed);
  const weights = masks === undefined ? given : maskedWeights(given, masks);
  const batch = randomBatch(network, batchSize, seed);
  const executor = await createSparseExecutor({
    network,
    weights: given,
    ...(masks && { masks }),
    ...(kernel && { kernel }),
    optimiser: plain,
    batchSize,
    seed,
    threadCount,
    // a number that is read before it is written shows at once
    unwritten: Number.NaN,
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
    const network = activationNetwork(name);
    await expectAgreement(network, { batchSize: 7, seed: 3 });
    await expectAgreement(network, { batchSize: 7, seed: 3, masks: randomMasks(network, 0.5, 1) });
  });

  it.each(["rows", "pixels"] as const)(
    "convolutions of any stride, padding, dilation and grouping, kernel %s",
    async (kernel) => {
      const chosen = fc.record({
        network: convolutions,
        seed: fc.integer({ min: 1, max: 1000 }),
        density: fc.constantFrom(1, 0.6, 0.2),
      });
      await fc.assert(
        fc.asyncProperty(chosen, async ({ network, seed, density }) => {
          const masks = randomMasks(network, density, seed);
          await expectAgreement(network, { batchSize: seed % 3 === 0 ? 9 : 2, seed, masks, kernel });
        }),
        { numRuns: caseCount(24, 600), seed: 5 },
      );
    },
  );

  it("3×3 convolutions in the domain of F(4×4, 3×3), tiles hanging over the edges", async () => {
    const upTo = (most: number, least = 1) => fc.integer({ min: least, max: most });
    const convolution = fc.record({
      height: upTo(9, 3),
      width: upTo(9, 3),
      padding: fc.tuple(upTo(2, 0), upTo(2, 0), upTo(2, 0), upTo(2, 0)),
      inChannels: upTo(6),
      outChannels: upTo(5),
      bias: fc.boolean(),
      seed: upTo(1000),
      density: fc.constantFrom(1, 0.5),
      batchSize: fc.constantFrom(2, 9),
    });
    await fc.assert(
      fc.asyncProperty(
        convolution,
        async ({ height, width, inChannels, seed, density, batchSize, ...options }) => {
          const b = new NetworkBuilder("winograd", [1, height, width]);
          const first = b.activation("tanh", b.conv2d("in", b.input, { outChannels: inChannels, kernel: 1 }));
          const conv = b.conv2d("conv", first, { ...options, kernel: 3 });
          // the input of the convolution is read twice: its gradient is added to another
          const pooled = b.concat(
            b.globalAveragePool(b.activation("tanh", conv)),
            b.globalAveragePool(first),
          );
          const network = b.build(b.dense("out", pooled, 3));
          const masks = randomMasks(network, density, seed);
          await expectAgreement(network, { batchSize, seed, masks, kernel: "winograd" });
        },
      ),
      { numRuns: caseCount(16, 400), seed: 5 },
    );
  });

  it("batch normalisation of images and of features", async () => {
    const network = normNetwork();
    for (const batchSize of [6, 17]) await expectAgreement(network, { batchSize, seed: 11 });
    await expectAgreement(network, { batchSize: 6, seed: 11, masks: randomMasks(network, 0.3, 4) });
  });

  it("pooling with overlap, uneven padding, ceil mode and dilation", async () => {
    for (const network of poolingNetworks()) {
      await expectAgreement(network, { batchSize: 3, seed: 2 });
      await expectAgreement(network, { batchSize: 3, seed: 2, masks: randomMasks(network, 0.3, 2) });
    }
  });

  it("add, concat, slice, identity, global pooling and values read several times", async () => {
    const network = graphNetwork();
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
    const stem = smooth(norm("stem", b.input, 3, 3));
    const one = smooth(b.add(norm("one.b", smooth(norm("one.a", stem, 3, 3)), 3, 3), stem));
    const two = smooth(
      b.add(norm("two.b", smooth(norm("two.a", one, 4, 3, 2)), 4, 3), norm("two.s", one, 4, 1, 2)),
    );
    const network = b.build(b.dense("out", b.globalAveragePool(two), 3));
    for (const batchSize of [4, 9]) await expectAgreement(network, { batchSize, seed: 5 });
    for (const density of [0.5, 0.2, 0.08])
      await expectAgreement(network, { batchSize: 5, seed: 5, masks: randomMasks(network, density, 3) });
  });
});
