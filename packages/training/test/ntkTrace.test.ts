/** Measures that need examples, with derivatives of the sparse executor, beside the oracle's central differences. */
import {
  type Batch,
  gradientNorms,
  Masks,
  maskedWeights,
  type Network,
  NetworkBuilder,
  ntkTrace,
  type Weights,
} from "@phew/core";
import { crossEntropy, forward, randomFrom } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { createDifferentiator } from "../src/sparse/run/differentiator.ts";

function subject(): { network: Network; weights: Weights; masks: Masks; batch: Batch } {
  const b = new NetworkBuilder("small", [2, 4, 4]);
  let x = b.activation(
    "tanh",
    b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 3, kernel: 3, padding: 1 })),
  );
  x = b.add(x, b.conv2d("inner", x, { outChannels: 3, kernel: 1 }));
  const network = b.build(b.dense("fc", b.flatten(b.globalAveragePool(x)), 3));
  const random = randomFrom(5);
  const normal = () => 2 * random() - 1;
  const weights = new Map(
    network.parameters.map(({ name, shape, role }) => [
      name,
      Float32Array.from({ length: shape.reduce((a, c) => a * c, 1) }, () =>
        role === "variance" ? 0.5 + random() : normal(),
      ),
    ]),
  );
  const masks = new Masks(
    network,
    Uint8Array.from({ length: network.prunableCount }, () => (random() < 0.6 ? 1 : 0)),
  );
  const x0 = Float32Array.from({ length: 4 * 32 }, normal);
  return { network, weights, masks, batch: { x: x0, y: Int32Array.of(0, 2, 1, 1), count: 4 } };
}

const graph = (network: Network) => ({
  nodes: network.nodes.map(({ name, op, inputs }) => ({ name, op, inputs })),
  output: network.output,
});

/** Σ over examples, outputs and trained parameters of squared central differences. */
function tracesByDifferences({ network, weights, masks, batch }: ReturnType<typeof subject>) {
  const trained = network.parameters.filter(({ role }) => role !== "mean" && role !== "variance");
  const at = new Map(
    [...maskedWeights(weights, masks)].map(([name, values]) => [name, Float64Array.from(values)]),
  );
  const step = 1e-5;
  let [all, kept] = [0, 0];
  for (const { name, role } of trained) {
    const values = at.get(name)!;
    for (let e = 0; e < values.length; e++) {
      if (role === "weight" && masks.get(name)![e] === 0) continue;
      const before = values[e]!;
      values[e] = before + step;
      const plus = forward(graph(network), at, Float64Array.from(batch.x), batch.count).output;
      values[e] = before - step;
      const minus = forward(graph(network), at, Float64Array.from(batch.x), batch.count).output;
      values[e] = before;
      let sum = 0;
      for (let k = 0; k < plus.length; k++) sum += ((plus[k]! - minus[k]!) / (2 * step)) ** 2;
      all += sum;
      if (role === "weight") kept += sum;
    }
  }
  return { all, kept };
}

describe("measures of a mask that need examples", () => {
  it("have the trace of the neural tangent kernel that differences of logits show", async () => {
    const own = subject();
    const expected = tracesByDifferences(own);
    const { trace, weightTrace, exact, standardError, probeCount } = await ntkTrace(own.weights, own.masks, {
      batch: own.batch,
      differentiator: createDifferentiator(),
    });
    expect({ exact, standardError, probeCount }).toEqual({ exact: true, standardError: 0, probeCount: 12 });
    expect(trace / expected.all).toBeCloseTo(1, 4);
    expect(weightTrace / expected.kept).toBeCloseTo(1, 4);
  });

  it("estimate it without bias, with the error they say (5 standard errors)", async () => {
    const own = subject();
    const examples = { batch: own.batch, differentiator: createDifferentiator() };
    const { trace } = await ntkTrace(own.weights, own.masks, examples);
    const estimate = await ntkTrace(own.weights, own.masks, examples, {
      exactUpTo: 0,
      probeCount: 60,
      seed: 3,
    });
    expect(estimate).toMatchObject({ exact: false, probeCount: 60 });
    expect(Math.abs(estimate.trace - trace)).toBeLessThan(5 * estimate.standardError);
    expect(estimate.standardError).toBeLessThan(trace / 3);
    const again = await ntkTrace(own.weights, own.masks, examples, { exactUpTo: 0, probeCount: 60, seed: 3 });
    expect(again).toEqual(estimate);
  });

  it("have the norms of the loss gradient, by differences of the loss", async () => {
    const own = subject();
    const { network, weights, masks, batch } = own;
    const { loss, norm, layers } = await gradientNorms(weights, masks, {
      batch,
      differentiator: createDifferentiator(),
    });
    const at = new Map(
      [...maskedWeights(weights, masks)].map(([name, values]) => [name, Float64Array.from(values)]),
    );
    const lossAt = () =>
      crossEntropy(forward(graph(network), at, Float64Array.from(batch.x), 4).output, batch.y);
    expect(loss).toBeCloseTo(lossAt(), 5);
    let all = 0;
    for (const [l, parameter] of network.prunable.entries()) {
      const values = at.get(parameter.name)!;
      let squares = 0;
      for (let e = 0; e < values.length; e++) {
        if (masks.of(parameter)[e] === 0) continue;
        const before = values[e]!;
        values[e] = before + 1e-5;
        const plus = lossAt();
        values[e] = before - 1e-5;
        squares += ((plus - lossAt()) / 2e-5) ** 2;
        values[e] = before;
      }
      expect(layers[l]!.norm / Math.sqrt(squares), parameter.name).toBeCloseTo(1, 4);
      all += squares;
    }
    expect(norm / Math.sqrt(all)).toBeCloseTo(1, 4);
  });

  it("refuse a network whose output is no list of logits", async () => {
    const b = new NetworkBuilder("image", [1, 4, 4]);
    const network = b.build(b.conv2d("conv", b.input, { outChannels: 2, kernel: 3 }));
    const batch = { x: new Float32Array(16), y: new Int32Array(1), count: 1 };
    const weights = new Map(
      network.parameters.map(({ name, shape }) => [name, new Float32Array(shape.reduce((a, c) => a * c, 1))]),
    );
    const examples = { batch, differentiator: createDifferentiator() };
    await expect(ntkTrace(weights, Masks.dense(network), examples)).rejects.toThrow(/a list of logits/);
  });
});
