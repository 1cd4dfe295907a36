/** The weights of a layer that are left, side by side: the fewer there are, the less there is to look at. */
import { countKept } from "./masks.ts";
import type { ScoredMask } from "./select.ts";

/** @param kept one byte a weight, 1 = left @returns scores and mask of those alone, in order */
export function survivors({ name, scores, mask }: ScoredMask, kept: Uint8Array): ScoredMask {
  const count = countKept(kept);
  const leftMask = new Uint8Array(count);
  const leftScores = scores instanceof Float64Array ? new Float64Array(count) : new Float32Array(count);
  // no branch: which weights are left cannot be foreseen; what is written for others is overwritten
  for (let k = 0, at = 0; at < count; k++) {
    leftScores[at] = scores[k]!;
    leftMask[at] = mask[k]!;
    at += kept[k]!;
  }
  return { name, scores: leftScores, mask: leftMask };
}

/** Writes the mask of the survivors to their places. @param mask 0 where a weight was not left */
export function returnInto(mask: Uint8Array, survived: Uint8Array, kept: Uint8Array): void {
  for (let k = 0, at = 0; at < survived.length; k++) {
    mask[k] = kept[k]! & survived[at]!;
    at += kept[k]!;
  }
}
