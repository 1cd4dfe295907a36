/** The density at which a run is compared with others. */
import type { Configuration, ConfiguredRun } from "./configurations.ts";
import { spreadOf } from "./spread.ts";

/** Beyond this part of the density asked for, a rule was free to choose another. */
const FOUND_FROM = 0.05;

interface Densities<Run> {
  /** Fractions; undefined where it is not known. */
  readonly asked: (run: Run) => number | undefined;
  readonly found: (run: Run) => number | undefined;
}

/**
 * The density asked for; of rules that find one, for which that is only a bound, the mean of those that the seeds of a
 * configuration found.
 */
export function comparedDensities<Run extends ConfiguredRun>(
  of: (run: Run) => Configuration<Run>,
  { asked, found }: Densities<Run>,
): (run: Run) => number | undefined {
  const means = new Map<Configuration<Run>, number | undefined>();
  const meanOf = (configuration: Configuration<Run>) => {
    if (!means.has(configuration))
      means.set(configuration, spreadOf(configuration.runs.flatMap((run) => found(run) ?? [])).mean);
    return means.get(configuration);
  };
  return (run) => {
    const bound = asked(run);
    if (run.config.rule === undefined || bound === undefined) return bound;
    const mean = meanOf(of(run));
    return isFound(bound, mean) ? mean : bound;
  };
}

/** True where a run has another density than it was asked for, as rules choose that find one. */
export function isFound(asked: number | undefined, found: number | undefined): found is number {
  return asked !== undefined && found !== undefined && Math.abs(found - asked) > FOUND_FROM * asked;
}
