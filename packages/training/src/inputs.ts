/** The examples of one input of a network, out of those of all. */
import { elementCount, type Network } from "@phew/core";

/** Number of elements of an example before those of an input. */
export function inputStart({ nodes, inputs }: Network, node: number): number {
  let start = 0;
  for (const input of inputs) {
    if (input === node) return start;
    start += elementCount(nodes[input]!.shape);
  }
  throw new Error(`${nodes[node]?.name} is no input`);
}

/**
 * @param x `[count, ...network.inputShape]` @returns `[count, ...shape of the input]`: x itself where there is only one
 */
export function ofInput(network: Network, node: number, x: Float32Array, count: number): Float32Array {
  if (network.inputs.length === 1) return x;
  const start = inputStart(network, node);
  const length = elementCount(network.nodes[node]!.shape);
  const whole = x.length / count;
  const own = new Float32Array(count * length);
  for (let k = 0; k < count; k++)
    own.set(x.subarray(k * whole + start, k * whole + start + length), k * length);
  return own;
}
