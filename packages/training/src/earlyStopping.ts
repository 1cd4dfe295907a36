/**
 * The best epoch, and whether training has stopped improving. Functions of the epochs' results only, so that a
 * resumed training needs nothing else; the test set is not used.
 */
import type { EpochResult } from "@phew/core";

export type { EpochResult };

/** The epoch with the highest validation accuracy, the first of equal ones; undefined without validation examples. */
export function bestEpoch(epochs: readonly EpochResult[]): EpochResult | undefined {
  let best: EpochResult | undefined;
  for (const epoch of epochs) if (isBetter(epoch, best)) best = epoch;
  return best;
}

/** True where `next` is better by its validation examples than every epoch before. */
export function improved(before: readonly EpochResult[], next: EpochResult): boolean {
  return isBetter(next, bestEpoch(before));
}

/** True if none of the last `patience` epochs was better than all before. @param patience at least 1 */
export function isPatienceOver(epochs: readonly EpochResult[], patience: number): boolean {
  const best = bestEpoch(epochs);
  return best !== undefined && epochs.at(-1)!.epoch - best.epoch >= patience;
}

function isBetter({ validationAccuracy }: EpochResult, best: EpochResult | undefined): boolean {
  return validationAccuracy !== undefined && validationAccuracy > (best?.validationAccuracy ?? -1);
}
