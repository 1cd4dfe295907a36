/** The accuracy of a run: the one number that tables, names and the screen show. */
import type { RunConfig } from "./canonicalJson.ts";
import type { EpochPoint, RunState } from "./reduce.ts";

/**
 * The epoch whose test accuracy is the run's: the last one or, of a run with validation examples, the one with the highest
 * validation accuracy so far, the first of equal ones. The test set has no part in the choice.
 */
export function accuracyEpoch({ epochs }: RunState): EpochPoint | undefined {
  let chosen: EpochPoint | undefined;
  for (const point of epochs)
    if ((point.validationAccuracy ?? -1) > (chosen?.validationAccuracy ?? -1)) chosen = point;
  return chosen ?? epochs.at(-1);
}

/** A fraction of the test set, of {@link accuracyEpoch}; undefined before the first epoch. */
export function runAccuracy(state: RunState): number | undefined {
  return state.finalTestAccuracy ?? accuracyEpoch(state)?.testAccuracy;
}

/** Which epoch the accuracies of these runs are of, for the head of a column. */
export function accuracyWords(runs: Iterable<{ readonly config: RunConfig }>): string {
  let [validated, others] = [false, false];
  for (const { config } of runs)
    if (typeof config.validation === "number" && config.validation > 0) validated = true;
    else others = true;
  if (!validated) return "last epoch";
  return others ? "last epoch, or best on validation" : "best epoch on validation";
}
