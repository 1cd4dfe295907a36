/** The selected run in one line, for a terminal that is too small for panels. */
import { counted, formatAccuracy, formatEta, formatPercent, leftMs } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { runConfigurations } from "./runTitles.ts";
import { LIFE_LOOKS } from "./theme.ts";
import { selectedRun } from "./visibleRuns.ts";

export function summaryLine(state: DashboardState): string {
  const entry = selectedRun(state);
  if (!entry) return `no runs in ${state.root}`;
  const { summary, life } = entry;
  const left = state.shown && life === "running" ? leftMs(state.shown.state, state.now) : undefined;
  const accuracy = summary.testAccuracy;
  return [
    `${LIFE_LOOKS[life].mark} ${runConfigurations(state).titleOf(entry)}`,
    life === "running" ? `${formatPercent(summary.fraction, 2)} done` : LIFE_LOOKS[life].word,
    ...(accuracy === undefined ? [] : [`test ${formatAccuracy(accuracy)}`]),
    ...(left === undefined ? [] : [`ETA ${formatEta(left)}`]),
    ...(state.runs.length > 1 ? [counted(state.runs.length, "run")] : []),
  ].join(" · ");
}
