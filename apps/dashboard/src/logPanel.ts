/** The last noteworthy events of a run. */
import { formatClock, type LogEntry, type RunState } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { panelOfRun } from "./panel.ts";
import { faintNote, type PanelContent } from "./panelContent.ts";
import { type StyledRow, wrap } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export const logPanel = panelOfRun(
  "Log",
  (state, { run }, width, height) => logContent(state, run, width, height),
  { focus: "log" },
);

function logContent(state: DashboardState, run: RunState, width: number, height: number): PanelContent {
  const end = Math.max(Math.min(height, run.log.length), run.log.length - state.logOffset);
  const rows: StyledRow[] = [];
  // from the last line up, for as long as there is room
  for (let k = end - 1; k >= 0 && rows.length < height; k--) rows.unshift(...entryRows(run.log[k]!, width));
  return {
    title: "Log",
    ...(end < run.log.length ? { notes: faintNote(`${run.log.length - end} later lines below`) } : {}),
    rows: rows.slice(-height),
  };
}

const CLOCK_WIDTH = 9;

/** A long line goes on below itself. */
function entryRows({ t, level, text }: LogEntry, width: number): StyledRow[] {
  const colour = { info: undefined, warning: COLOURS.warning, error: COLOURS.error }[level];
  const mark = level === "info" ? " " : "!";
  return wrap(text, Math.max(1, width - CLOCK_WIDTH)).map((line, k) => [
    { text: k === 0 ? `${formatClock(t)}${mark}` : " ".repeat(CLOCK_WIDTH), colour: COLOURS.faint },
    { text: line, ...(colour ? { colour } : {}) },
  ]);
}
