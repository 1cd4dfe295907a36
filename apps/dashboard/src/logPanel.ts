/** The last noteworthy events of a run. */
import { formatClock, type LogEntry } from "@phew/runs";
import { highlighted, seenLines } from "./lineSearch.ts";
import { panelOfRun } from "./panel.ts";
import { type StyledRow, wrap } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export const logPanel = panelOfRun(
  "Log",
  (state, { run: { log } }, width, height) => ({
    title: "Log",
    ...seenLines(
      state,
      log.map(({ text }) => text),
      (k, isFound) => entryRows(log[k]!, width, state.search, isFound),
      height,
    ),
  }),
  { focus: "log" },
);

const CLOCK_WIDTH = 9;

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
