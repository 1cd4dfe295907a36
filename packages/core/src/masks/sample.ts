/**
 * Uniformly random masks: every set of the wanted size is equally likely. Weights are drawn and those drawn before are
 * drawn again; beyond half of the free weights, those to be left out are drawn instead. At most 0.7 draws a weight, no
 * memory beside the mask.
 */
import type { Random } from "@phew/engine";
import { countKept } from "./masks.ts";
import { requireKeepCount } from "./select.ts";

/** Streams of a seed's random numbers: weights draw from the lower ones, one a parameter; see initialise.ts. */
export const MASK_STREAM = 2 ** 40;

/**
 * Keeps random weights until keepCount are; those kept already stay.
 * @throws ArgumentError where keepCount is out of range
 */
export function sampleInto(mask: Uint8Array, keepCount: number, random: Random): void {
  const keptCount = countKept(mask);
  const freeCount = mask.length - keptCount;
  if (keepCount === keptCount) return;
  requireKeepCount(keepCount, keptCount, mask.length);
  const wanted = keepCount - keptCount;
  if (2 * wanted <= freeCount) {
    drawInto(mask, wanted, 0, 1, random);
    return;
  }
  // 2 marks weights kept now, so that those of before are not drawn
  for (let k = 0; k < mask.length; k++) if (mask[k] === 0) mask[k] = 2;
  drawInto(mask, freeCount - wanted, 2, 0, random);
  for (let k = 0; k < mask.length; k++) if (mask[k] === 2) mask[k] = 1;
}

/** Turns `count` random bytes of value `from` into `to`. */
function drawInto(mask: Uint8Array, count: number, from: number, to: number, random: Random): void {
  const batch = new Uint32Array(Math.min(count, 1024));
  let drawn = 0;
  while (drawn < count) {
    // draws first, then marks: the marks' cache misses overlap
    const batchCount = Math.min(count - drawn, batch.length);
    for (let j = 0; j < batchCount; j++) batch[j] = random.below(mask.length);
    for (let j = 0; j < batchCount; j++) {
      if (mask[batch[j]!] !== from) continue;
      mask[batch[j]!] = to;
      drawn++;
    }
  }
}
