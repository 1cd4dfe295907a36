/**
 * Which epoch is the best, and when there has been none better for long enough. Functions of the epochs' results alone, so
 * that a training that goes on needs nothing else; the test set has no part in them.
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

/** True where the last `patience` epochs brought none better than those before. @param patience at least 1 */
export function isPatienceOver(epochs: readonly EpochResult[], patience: number): boolean {
  const best = bestEpoch(epochs);
  return best !== undefined && epochs.at(-1)!.epoch - best.epoch >= patience;
}

function isBetter({ validationAccuracy }: EpochResult, best: EpochResult | undefined): boolean {
  return validationAccuracy !== undefined && validationAccuracy > (best?.validationAccuracy ?? -1);
}
