/**
 * The weights that a masked network computes with: removed weights are 0, and so are the biases, scales and shifts of
 * silent units.
 */
import type { Weights } from "../weights/weights.ts";
import { applyMasks, type Masks } from "./masks.ts";
import { maskedParameters } from "./silentUnits.ts";

/** Parameters that no mask touches are shared, not copied. */
export function maskedWeights(weights: Weights, masks: Masks): Weights {
  const masked = new Map(applyMasks(weights, masks));
  for (const [name, mask] of maskedParameters(masks)) {
    masked.set(
      name,
      weights.get(name)!.map((value, u) => (mask[u] === 1 ? value : 0)),
    );
  }
  return masked;
}
