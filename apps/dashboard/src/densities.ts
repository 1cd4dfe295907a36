/** The densities that runs are compared at. */
import type { RunEntry } from "@phew/runs";
import {
  type Configuration,
  type Configurations,
  comparedDensities,
  problemsOf,
} from "@phew/runs/configurations";
import type { DashboardState } from "./dashboardState.ts";
import { askedDensity, methodOf } from "./runOrder.ts";
import { remembered, runConfigurations } from "./runTitles.ts";

const known = new WeakMap<readonly RunEntry[], (run: RunEntry) => number | undefined>();

/** The density that a run is compared at: the one asked for, or what its rule found. */
export function densityOf(state: Pick<DashboardState, "runs">, run: RunEntry): number | undefined {
  const of = remembered(known, state.runs, () =>
    comparedDensities(runConfigurations(state).of, {
      asked: askedDensity,
      found: ({ life, summary }) => (life === "finished" ? summary.density : undefined),
    }),
  );
  return of(run);
}

/** All densities below 1 that runs are compared at, the highest first; only 1 if all are dense. Runs without settings have none. */
export function densitiesOf(state: Pick<DashboardState, "runs">, runs: readonly RunEntry[]): number[] {
  const densities = runs.flatMap((run) => (run.isConfigUnknown ? [] : (densityOf(state, run) ?? [])));
  const found = [...new Set(densities)].sort((a, b) => b - a);
  const sparse = found.filter((density) => density < 1);
  return sparse.length > 0 ? sparse : found;
}

const problems = new WeakMap<readonly RunEntry[], Configurations<RunEntry>>();

/** Runs of one experiment, network and data. */
function problemOf({ runs }: Pick<DashboardState, "runs">, run: RunEntry): Configuration<RunEntry> {
  return remembered(problems, runs, problemsOf).of(run);
}

/** Whether a run is compared at a density: a dense one where masks of its own experiment, network and data are. */
export function comparedAt(
  state: Pick<DashboardState, "runs">,
  runs: readonly RunEntry[],
  density: number,
): (run: RunEntry) => boolean {
  const isDense = (run: RunEntry) => methodOf(run) === "dense";
  const isAt = (run: RunEntry) => densityOf(state, run) === density;
  const masked = new Set(
    runs.filter((run) => !isDense(run) && isAt(run)).map((run) => problemOf(state, run)),
  );
  return (run) => isAt(run) || (isDense(run) && masked.has(problemOf(state, run)));
}
