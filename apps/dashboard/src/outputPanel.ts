/** What the process of a run printed: the log of its sweep, or the file that its standard error went to. */
import { basename } from "node:path";
import { lineText } from "@phew/runs";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { highlighted, seenLines } from "./lineSearch.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { type StyledRow, wrap } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export const outputPanel: Panel = { title: "Output", focus: "output", content: outputContent };

const NONE =
  "What this run printed went to the terminal that it was started in, or its file is gone. Runs of a sweep keep it, and so do those whose standard error goes to a file of this machine: by --watch, by nohup, by 2> FILE.";

function outputContent(state: DashboardState, width: number, height: number): PanelContent {
  const output = state.shown?.output;
  if (!output) {
    const text = state.selected === undefined ? "No run is chosen." : NONE;
    return { title: "Output", rows: notice(text, width) };
  }
  const { file, lines } = output;
  if (lines.length === 0)
    return { title: "Output", rows: notice(`Nothing is printed to ${file} yet.`, width) };
  const rowsOf = (k: number, isFound: boolean) => lineRows(lines[k]!, width, state.search, isFound);
  return {
    title: "Output",
    ...seenLines(state, lines, rowsOf, height, [file, basename(file)].map(lineText)),
  };
}

/** A long line goes on below itself. */
function lineRows(text: string, width: number, search: string, isFound: boolean): StyledRow[] {
  return wrap(text, Math.max(1, width - 1)).map((line, k) => [
    { text: k === 0 && isFound ? "▸" : " ", colour: COLOURS.accent },
    ...highlighted({ text: line }, search),
  ]);
}
