/** The progress of sweeps: one row each, with the number of runs in each state and the time until the last run ends. */
import {
  COMMAND,
  formatCount,
  formatEta,
  type RunEntry,
  type RunLife,
  type SweepEntry,
  sweepProgress,
} from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { rowWidth, type Span, type StyledRow } from "./styledText.ts";
import { bar, COLOURS, LIFE_LOOKS } from "./theme.ts";

const MOST_ROWS = 3;
const BAR_WIDTH = 16;
const SHOWN: readonly RunLife[] = ["running", "waiting", "failed", "interrupted", "lost"];
const UNFINISHED: readonly RunLife[] = ["running", "waiting", "interrupted", "lost"];

/** One row for each of the sweeps that were submitted last and have a run on the screen. */
export function sweepRows(state: DashboardState, width: number): StyledRow[] {
  const shownSweeps = state.sweeps
    .map((sweep) => ({ sweep, progress: sweepProgress(sweep, state.runs, state.now) }))
    .filter(({ progress }) => progress.runs.length > 0)
    .sort((a, b) => b.sweep.record.submittedT - a.sweep.record.submittedT)
    .slice(0, MOST_ROWS);
  return shownSweeps.map(({ sweep, progress: { runs, leftMs } }) => {
    const name = shownSweeps.length > 1 || state.runs.length > runs.length ? `${sweep.experiment} ` : "";
    return sweepRow(sweep, name, runs, leftMs, width);
  });
}

function sweepRow(
  { isActive, record: { executor } }: SweepEntry,
  name: string,
  runs: readonly RunEntry[],
  leftMs: number | undefined,
  width: number,
): StyledRow {
  const countOf = (life: RunLife) => runs.filter((run) => run.life === life).length;
  const doneCount = countOf("finished");
  const parts = runs.reduce((sum, { life, summary }) => sum + partOf(life, summary), 0);
  const isLeft = SHOWN.some((life) => countOf(life) > 0);
  const isUnfinished = UNFINISHED.some((life) => countOf(life) > 0);
  const end = !isLeft
    ? "all done"
    : leftMs !== undefined
      ? `${formatEta(leftMs)} left`
      : isActive
        ? "no estimate yet"
        : isUnfinished
          ? executor === COMMAND
            ? "stopped"
            : "stopped: a starts the rest"
          : executor === COMMAND
            ? "ended"
            : "ended: a retries";
  const counts = (textOf: (count: string, life: RunLife) => string): Span[] =>
    SHOWN.flatMap((life) => {
      const count = countOf(life);
      return count === 0 ? [] : [{ text: textOf(formatCount(count), life), colour: LIFE_LOOKS[life].colour }];
    });
  const words = counts((count, life) => ` · ${count} ${LIFE_LOOKS[life].word}`);
  const marks = counts((count, life) => ` ${LIFE_LOOKS[life].mark}${count}`);
  const done: Span = { text: `${formatCount(doneCount)} of ${formatCount(runs.length)} done`, bold: true };
  const bars: Span[] = [
    { text: bar(parts / runs.length, BAR_WIDTH, "░"), colour: COLOURS.accent },
    { text: " " },
  ];
  const last: Span[] = [{ text: " · " }, { text: end, bold: true }];
  const title: Span[] = name === "" ? [] : [{ text: name }];
  const rows: StyledRow[] = [
    [...title, ...bars, done, ...words, ...last],
    [...title, done, ...words, ...last],
    [...title, done, ...marks, ...last],
  ];
  return rows.find((row) => rowWidth(row) <= width) ?? rows.at(-1)!;
}

/** Of a run, as parts of sweeps are counted: pruning is little beside training. */
function partOf(life: RunLife, { phase, fraction }: RunEntry["summary"]): number {
  return life === "finished" ? 1 : phase === "training" ? fraction : 0;
}
