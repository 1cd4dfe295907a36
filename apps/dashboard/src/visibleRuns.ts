/** The runs that the lists show, and the one under the cursor. */
import type { RunEntry } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { ordered } from "./runOrder.ts";
import { runConfigurations } from "./runTitles.ts";

/** The runs that pass the filter: every word is in name, experiment, state or configuration, or begins the folder's name. */
export function visibleRuns(state: DashboardState): readonly RunEntry[] {
  const { all, of, nameOf } = runConfigurations(state);
  const places = new Map(state.grouped ? all.map((each, k) => [each, k]) : []);
  const sorted = (runs: readonly RunEntry[]) => ordered(runs, state, (run) => places.get(of(run)) ?? 0);
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return sorted(state.runs);
  const passing = state.runs.filter((run) => {
    const facts = [nameOf(run), run.name, run.experiment, run.life, ...Object.values(run.config)];
    const text = facts.join("\n").toLowerCase();
    return words.every((word) => text.includes(word) || run.id.startsWith(word));
  });
  return sorted(passing);
}

/** The entry under the cursor. */
export function selectedRun(state: DashboardState): RunEntry | undefined {
  return state.runs.find((run) => run.folder === state.selected);
}
