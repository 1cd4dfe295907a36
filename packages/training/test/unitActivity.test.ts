/** Activity of units from the sparse executor, against the oracle's values and derivatives by biases, image by image. */
import {
  elementCount,
  Masks,
  maskedWeights,
  type Network,
  NetworkBuilder,
  unitFlows,
  type Weights,
} from "@phew/core";
import { forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Batch } from "../src/executor.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
import { convolutions, normNetwork, smallNetwork } from "./operationNetworks.ts";
import { oracleGradients, oracleGraph, randomBatch, randomMasks, randomWeights } from "./randomNetworks.ts";

async function found(network: Network, weights: Weights, masks: Masks, batch: Batch, signs?: Int8Array) {
  const executor = await createSparseExecutor({
    ...{
      network,
      weights,
      masks,
      optimiser: { name: "sgd" },
      batchSize: batch.count,
      seed: 0,
      threadCount: 1,
    },
    absentGradients: true,
    unitActivity: true,
  });
  try {
    return await executor.unitActivity!(batch, signs);
  } finally {
    executor.dispose();
  }
}

const imageOf = ({ x, y, count }: Batch, b: number): Batch => {
  const length = x.length / count;
  return { x: x.slice(b * length, (b + 1) * length), y: y.slice(b, b + 1), count: 1 };
};

/** By image: the sums of each input unit's values, and of their sizes; the derivatives by each bias of the layer. */
function plainly(network: Network, weights: Weights, batch: Batch) {
  const images = Array.from({ length: batch.count }, (_, b) => imageOf(batch, b));
  const values = images.map((image) => forward(oracleGraph(network), weights, image.x, 1).values);
  const biases = images.map((image) => oracleGradients(network, weights, image));
  return unitFlows(network).flatMap((flow) => {
    if (flow.kind !== "weights") return [];
    const { op } = network.nodes[flow.node]!;
    const plane = elementCount(network.nodes[flow.from]!.shape.slice(1));
    const perUnit = (of: (value: number) => number) =>
      values.map((own) =>
        Array.from({ length: flow.inCount }, (_, i) =>
          own[flow.from]!.slice(i * plane, (i + 1) * plane).reduce((sum, value) => sum + of(value), 0),
        ),
      );
    const bias = "bias" in op ? op.bias : undefined;
    return [
      {
        weight: flow.parameter.name,
        sums: perUnit((value) => value),
        sizes: perUnit(Math.abs),
        isDense: op.kind === "dense",
        derivatives: bias === undefined ? undefined : biases.map((own) => [...own.get(bias)!]),
      },
    ];
  });
}

function requireNear(own: Float64Array, expected: readonly number[]): void {
  expect(own).toHaveLength(expected.length);
  for (const [k, value] of expected.entries()) expect(own[k]!).toBeCloseTo(value, 3);
}

const total = (rows: readonly (readonly number[])[], factor: (b: number) => number, of = (x: number) => x) =>
  rows[0]!.map((_, u) => rows.reduce((sum, row, b) => sum + factor(b) * of(row[u]!), 0));

describe("the activity of units", () => {
  const cases = fc.tuple(convolutions, fc.integer({ min: 1, max: 6 }), fc.nat(99));

  it("is the sum of sizes, of values before a layer and of derivatives behind it", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([network, count, seed]) => {
        const [drawn, batch] = [randomWeights(network, seed), randomBatch(network, count, seed)];
        const masks = randomMasks(network, 0.7, seed);
        const weights = maskedWeights(drawn, masks);
        const own = await found(network, drawn, masks, batch);
        for (const { weight, sizes, isDense, derivatives } of plainly(network, weights, batch)) {
          requireNear(
            own.get(weight)!.inputs,
            total(sizes, () => 1),
          );
          // a dense layer has one place: the derivative by its bias is that by its output; the loss is a mean
          if (isDense && derivatives !== undefined)
            requireNear(
              own.get(weight)!.outputs,
              total(derivatives, () => 1 / count, Math.abs),
            );
        }
      }),
      { numRuns: 8 },
    );
  });

  it("is read of values too that are computed again rather than stored: behind batch normalisation and ReLU", async () => {
    const b = new NetworkBuilder("normed", [2, 6, 5]);
    const conv = b.conv2d("conv", b.input, { outChannels: 4, kernel: 3, stride: 2, bias: false });
    const x = b.relu(b.batchNorm("norm", conv));
    const network = b.build(b.dense("out", b.relu(b.dense("hidden", b.flatten(x), 5)), 3));
    const [weights, batch] = [randomWeights(network, 2), randomBatch(network, 7, 3)];
    const own = await found(network, weights, Masks.dense(network), batch);
    // with the statistics of the batch, as a step has them
    const { values } = forward(oracleGraph(network), weights, batch.x, batch.count, { mode: "training" });
    for (const flow of unitFlows(network)) {
      if (flow.kind !== "weights") continue;
      const sums = new Array<number>(flow.inCount).fill(0);
      const perImage = values[flow.from]!.length / batch.count;
      for (const [k, value] of values[flow.from]!.entries())
        sums[Math.floor((k % perImage) / (perImage / flow.inCount))]! += Math.abs(value);
      requireNear(own.get(flow.parameter.name)!.inputs, sums);
    }
  });

  it("leaves gradients by absent weights as they are, to the bit", async () => {
    const network = normNetwork();
    const [weights, batch, masks] = [
      randomWeights(network, 2),
      randomBatch(network, 9, 3),
      randomMasks(network, 0.5, 4),
    ];
    const gradients = async (unitActivity: boolean) => {
      const executor = await createSparseExecutor({
        ...{ network, weights, masks, optimiser: { name: "sgd" }, batchSize: 9, seed: 0, threadCount: 1 },
        ...{ absentGradients: true, unitActivity },
      });
      const all = new Map<string, number[]>();
      if (unitActivity) await executor.unitActivity!(batch);
      const requests = new Map(network.prunable.map(({ name }) => [name, "all" as const]));
      await executor.absentGradients(requests, batch, (name, gradient) => void all.set(name, [...gradient]));
      executor.dispose();
      return all;
    };
    expect(await gradients(true)).toEqual(await gradients(false));
  });

  it("is refused by an executor that was made without it", async () => {
    const executor = await createSparseExecutor({
      ...{ network: smallNetwork(), weights: randomWeights(smallNetwork(), 1), optimiser: { name: "sgd" } },
      ...{ batchSize: 2, seed: 0, threadCount: 1 },
    });
    await expect(executor.unitActivity!(randomBatch(smallNetwork(), 2, 1))).rejects.toThrow(
      "made without it",
    );
    executor.dispose();
  });

  it("with a sign for each image is the size of the signed sums", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([network, count, seed]) => {
        const [drawn, batch] = [randomWeights(network, seed), randomBatch(network, count, seed)];
        const masks = randomMasks(network, 0.7, seed);
        const weights = maskedWeights(drawn, masks);
        const signs = Int8Array.from({ length: count }, (_, b) => ((seed >> (b % 7)) & 1 ? 1 : -1));
        const own = await found(network, drawn, masks, batch, signs);
        for (const { weight, sums, derivatives } of plainly(network, weights, batch)) {
          requireNear(own.get(weight)!.inputs, total(sums, (b) => signs[b]!).map(Math.abs));
          if (derivatives !== undefined)
            requireNear(own.get(weight)!.outputs, total(derivatives, (b) => signs[b]! / count).map(Math.abs));
        }
      }),
      { numRuns: 8 },
    );
  });
});
