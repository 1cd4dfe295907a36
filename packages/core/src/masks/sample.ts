/**
 * Uniformly random masks: every set of the wanted size is equally likely. Weights are drawn with rejection of
 * repeats; if more than half of the free weights are to be kept, those to remove are drawn instead. At most 0.7 draws
 * per weight, and no memory beside the mask.
 */
import type { Random } from "@phew/engine";
import { countKept } from "./masks.ts";
import { requireKeepCount } from "./select.ts";

/** Random streams for masks. Weights use lower streams, one per parameter: see initialise.ts. */
export const MASK_STREAM = 2 ** 40;

/**
 * Keeps further random weights until keepCount are kept.
 * @throws ArgumentError if keepCount is out of range
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
  // 2 marks weights that are kept now, so that earlier ones are not drawn
  for (let k = 0; k < mask.length; k++) if (mask[k] === 0) mask[k] = 2;
  drawInto(mask, freeCount - wanted, 2, 0, random);
  for (let k = 0; k < mask.length; k++) if (mask[k] === 2) mask[k] = 1;
}

/** Changes `count` random bytes from `from` to `to`. */
function drawInto(mask: Uint8Array, count: number, from: number, to: number, random: Random): void {
  const batch = new Uint32Array(Math.min(count, 1024));
  let drawn = 0;
  while (drawn < count) {
    // draws a batch before marking it, so that the cache misses of marking overlap
    const batchCount = Math.min(count - drawn, batch.length);
    for (let j = 0; j < batchCount; j++) batch[j] = random.below(mask.length);
    for (let j = 0; j < batchCount; j++) {
      if (mask[batch[j]!] !== from) continue;
      mask[batch[j]!] = to;
      drawn++;
    }
  }
}
