/** The last noteworthy events of a run. */
import { counted, formatClock, type LogEntry, type RunState } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { panelOfRun } from "./panel.ts";
import { faintNote, type PanelContent } from "./panelContent.ts";
import { linesWith } from "./searchedLines.ts";
import { type Span, type StyledRow, wrap } from "./styledText.ts";
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
  for (let k = end - 1; k >= 0 && rows.length < height; k--)
    rows.unshift(...entryRows(run.log[k]!, width, state.search, k === state.foundAt));
  const notes = [
    searchText(state, run.log),
    ...(end < run.log.length ? [`${counted(run.log.length - end, "later line")} below`] : []),
  ];
  return {
    title: "Log",
    notes: faintNote(notes.filter((note) => note !== "").join(" · ")),
    rows: rows.slice(-height),
  };
}

const CLOCK_WIDTH = 9;

/** What is searched for, and which of the lines that have it is the one. */
function searchText({ search, foundAt }: DashboardState, log: readonly LogEntry[]): string {
  if (search === "") return "";
  const hits = linesWith(log, search);
  return `“${search}” ${foundAt === undefined ? 0 : hits.indexOf(foundAt) + 1} of ${hits.length}`;
}

/** A long line continues on the next rows. */
function entryRows(
  { t, level, text }: LogEntry,
  width: number,
  search: string,
  isFound: boolean,
): StyledRow[] {
  const colour = { info: undefined, warning: COLOURS.warning, error: COLOURS.error }[level];
  const mark = isFound ? "▸" : level === "info" ? " " : "!";
  return wrap(text, Math.max(1, width - CLOCK_WIDTH)).map((line, k) => [
    { text: k === 0 ? `${formatClock(t)}${mark}` : " ".repeat(CLOCK_WIDTH), colour: COLOURS.faint },
    ...highlighted({ text: line, colour }, search),
  ]);
}

/** The span with what was searched for in it set off. */
function highlighted(span: Span, search: string): StyledRow {
  const at = search === "" ? -1 : span.text.toLowerCase().indexOf(search.toLowerCase());
  if (at < 0) return [span];
  const end = at + search.length;
  const found: Span = { text: span.text.slice(at, end), colour: COLOURS.accent, bold: true };
  return [
    { ...span, text: span.text.slice(0, at) },
    found,
    ...highlighted({ ...span, text: span.text.slice(end) }, search),
  ];
}
