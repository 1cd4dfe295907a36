/** Masks of a network that was pruned elsewhere and stores its pruned weights as zeros. */
import type { Network } from "../network/network.ts";
import type { Weights } from "../weights/weights.ts";
import { Masks } from "./masks.ts";
import { maskedParameters } from "./silentUnits.ts";

/** Keeps every prunable weight that is neither 0 nor −0. */
export function nonzeroMasks(network: Network, weights: Weights): Masks {
  const masks = new Masks(network);
  for (const parameter of network.prunable) {
    const values = weights.get(parameter.name)!;
    const mask = masks.of(parameter);
    for (let k = 0; k < mask.length; k++) mask[k] = values[k] === 0 ? 0 : 1;
  }
  return masks;
}

/** Number of prunable weights that are exactly 0. */
export function zeroCount(network: Network, weights: Weights): number {
  let count = 0;
  for (const { name } of network.prunable) {
    const values = weights.get(name)!;
    // an iterator takes some five times as long over 100 million weights
    for (let k = 0; k < values.length; k++) if (values[k] === 0) count++;
  }
  return count;
}

/**
 * Number of biases, scales and shifts other than 0 that the masks set to 0. If it is 0, the masked network computes
 * the same as the network with its pruned weights at 0.
 */
export function silencedCount(weights: Weights, masks: Masks): number {
  let count = 0;
  for (const [name, mask] of maskedParameters(masks)) {
    const values = weights.get(name)!;
    for (let u = 0; u < mask.length; u++) if (mask[u] === 0 && values[u] !== 0) count++;
  }
  return count;
}
