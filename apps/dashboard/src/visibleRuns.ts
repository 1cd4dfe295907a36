/** The runs that the lists show, and the one under the cursor. */
import type { RunEntry } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { filteredRuns } from "./filteredRuns.ts";
import { ordered } from "./runOrder.ts";
import { runConfigurations } from "./runTitles.ts";

/** The runs that pass the filter, in the order chosen. */
export function visibleRuns(state: DashboardState): readonly RunEntry[] {
  const { all, of } = runConfigurations(state);
  const places = new Map(state.grouped ? all.map((each, k) => [each, k]) : []);
  return ordered(filteredRuns(state).passing, state, (run) => places.get(of(run)) ?? 0);
}

/** The entry under the cursor. */
export function selectedRun(state: DashboardState): RunEntry | undefined {
  return state.runs.find((run) => run.folder === state.selected);
}
