/** What a network computes, by the oracle; and masks to compute it with. */
import { elementCount, Masks, type Network, type Weights } from "@phew/core";
import { forward } from "@phew/oracle";

/** @param x `[count, ...inputShape]` */
export function predict(network: Network, weights: Weights, x: Float32Array, count: number): Float64Array {
  const nodes = network.nodes.map(({ name, op, inputs }) => {
    if (op.kind === "opaque") throw new Error("opaque");
    return { name, op, inputs };
  });
  return forward({ nodes, output: network.output }, weights, x, count).output;
}

export const softmax = (values: Float64Array, classes: number): Float64Array => {
  const result = values.map(Math.exp);
  for (let row = 0; row < values.length; row += classes) {
    const sum = result.subarray(row, row + classes).reduce((a, b) => a + b, 0);
    for (let k = row; k < row + classes; k++) result[k]! /= sum;
  }
  return result;
};

/** Seeded inputs between −0.5 and 0.5. */
export const inputs = (network: Network, count: number, next: () => number): Float32Array =>
  Float32Array.from({ length: count * elementCount(network.inputShape) }, () => next() - 0.5);

export function randomWeights(network: Network, next: () => number): Weights {
  return new Map(
    network.parameters.map(({ name, shape, role }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () =>
        role === "variance" ? 0.5 + next() : next() - 0.5,
      ),
    ]),
  );
}

/** Random masks in which a third of the units of every layer but the last is dead. */
export function masksWithDeadUnits(network: Network, next: () => number, density = 0.4): Masks {
  const masks = Masks.dense(network);
  for (const [l, parameter] of network.prunable.entries()) {
    const mask = masks.of(parameter);
    const rowLength = mask.length / parameter.shape[0]!;
    for (let start = 0; start < mask.length; start += rowLength) {
      const isDead = l < network.prunable.length - 1 && next() < 1 / 3;
      for (let k = start; k < start + rowLength; k++) mask[k] = !isDead && next() < density ? 1 : 0;
    }
  }
  return masks;
}

/** True where two arrays hold the same bits; comparing large ones element by element takes seconds. */
export function sameBits(a: ArrayBufferView | undefined, b: ArrayBufferView | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return Buffer.compare(bytes(a), bytes(b)) === 0;
}
