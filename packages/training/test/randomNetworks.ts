/** Small networks and data for tests, and the oracle's word on them. */
import { elementCount, Masks, type Network, type Weights } from "@phew/core";
import { Random } from "@phew/engine";
import { crossEntropy, forward, gradient, type OracleGraph, type Parameters } from "@phew/oracle";
import type { Batch } from "../src/executor.ts";

/** The same operations, read by code that shares nothing with the executors. */
export function oracleGraph(network: Network): OracleGraph {
  const nodes = network.nodes.map(({ name, op, inputs }) => ({ name, op, inputs }));
  return { nodes, output: network.output };
}

/** Weights in ±0.7, scales about 1, statistics as after some training. */
export function randomWeights(network: Network, seed: number): Weights {
  const random = new Random(seed, 1);
  return new Map(
    network.parameters.map(({ name, shape, role }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () => {
        const u = random.nextFloat() - 0.5;
        return role === "scale" || role === "variance" ? 1 + u : 1.4 * u;
      }),
    ]),
  );
}

/** Inputs in ±1, classes over all outputs. */
export function randomBatch(network: Network, count: number, seed: number): Batch {
  const random = new Random(seed, 2);
  const x = Float32Array.from(
    { length: count * elementCount(network.inputShape) },
    () => 2 * random.nextFloat() - 1,
  );
  const y = Int32Array.from({ length: count }, () => random.below(network.outputShape[0]!));
  return { x, y, count };
}

export function randomMasks(network: Network, density: number, seed: number): Masks {
  const random = new Random(seed, 3);
  return new Masks(
    network,
    Uint8Array.from({ length: network.prunableCount }, () => (random.nextFloat() < density ? 1 : 0)),
  );
}

/** Loss in training mode, in float64. */
export function oracleLoss(network: Network, batch: Batch, labelSmoothing = 0) {
  const graph = oracleGraph(network);
  return (parameters: Parameters): number => {
    const { output } = forward(graph, parameters, batch.x, batch.count, { mode: "training" });
    return crossEntropy(output, batch.y, { labelSmoothing });
  };
}

/** ∂L/∂θ of every trained parameter by central differences. */
export function oracleGradients(network: Network, weights: Weights, batch: Batch): Map<string, Float64Array> {
  const loss = oracleLoss(network, batch);
  const trained = network.parameters.filter(({ role }) => role !== "mean" && role !== "variance");
  return new Map(trained.map(({ name }) => [name, gradient(loss, weights, name)]));
}

/** max|a − b| / (max|b| + 1e-3) */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let difference = 0;
  let greatest = 0;
  for (let k = 0; k < b.length; k++) {
    // a NaN must not pass for agreement
    if (Number.isNaN(a[k]! - b[k]!)) return Number.NaN;
    difference = Math.max(difference, Math.abs(a[k]! - b[k]!));
    greatest = Math.max(greatest, Math.abs(b[k]!));
  }
  return difference / (greatest + 1e-3);
}
