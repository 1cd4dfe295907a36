/** The densities that runs are compared at. */
import type { RunEntry } from "@phew/runs";
import { comparedDensities } from "@phew/runs/configurations";
import type { DashboardState } from "./dashboardState.ts";
import { askedDensity } from "./runOrder.ts";
import { runConfigurations } from "./runTitles.ts";

const known = new WeakMap<readonly RunEntry[], (run: RunEntry) => number | undefined>();

/** The density that a run is compared at: the one asked for, or what its rule found. */
export function densityOf(state: Pick<DashboardState, "runs">, run: RunEntry): number | undefined {
  const { runs } = state;
  let of = known.get(runs);
  if (of === undefined) {
    of = comparedDensities(runConfigurations(state).of, {
      asked: askedDensity,
      found: ({ life, summary }) => (life === "finished" ? summary.density : undefined),
    });
    known.set(runs, of);
  }
  return of(run);
}

/** All densities below 1 that runs are compared at, the highest first; only 1 if all are dense. Runs without settings have none. */
export function densitiesOf(state: Pick<DashboardState, "runs">, runs: readonly RunEntry[]): number[] {
  const densities = runs.flatMap((run) => (run.isConfigUnknown ? [] : (densityOf(state, run) ?? [])));
  const found = [...new Set(densities)].sort((a, b) => b - a);
  const sparse = found.filter((density) => density < 1);
  return sparse.length > 0 ? sparse : found;
}
