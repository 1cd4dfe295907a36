/** Why runs failed: the one under the cursor first, then those that ended last. */
import { counted, type RunEntry, textWidth } from "@phew/runs";
import type { DashboardState, Panel } from "./dashboardState.ts";
import type { PanelContent } from "./panelContent.ts";
import { cutTitle } from "./runTitles.ts";
import { type StyledRow, truncate, wrap } from "./styledText.ts";
import { COLOURS, LIFE_LOOKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

export const failuresPanel: Panel = { title: "Failures", content: failuresContent };

const INDENT = "    ";
/** If a reason is not short. */
const USUAL_LINES = 2;
const MOST_LINES = 3;
const END = " …";

/** Why a run failed, or what is known of its end; undefined of one that did neither fail nor vanish. */
export function failureOf({ sweeps }: DashboardState, run: RunEntry): string | undefined {
  if (run.life === "lost") return "its process is gone without a last word: killed, or the machine went down";
  if (run.life !== "failed") return undefined;
  const sweep = sweeps.find(
    ({ experiment, failures }) => experiment === run.experiment && failures.has(run.id),
  );
  return run.failure ?? sweep?.failures.get(run.id) ?? "for an unknown reason";
}

export function failedRuns(state: DashboardState): readonly RunEntry[] {
  const isSelected = ({ folder }: RunEntry) => Number(folder === state.selected);
  return visibleRuns(state)
    .filter((run) => failureOf(state, run) !== undefined)
    .sort((a, b) => isSelected(b) - isSelected(a) || b.updatedT - a.updatedT);
}

function failuresContent(state: DashboardState, width: number, height: number): PanelContent {
  const failed = failedRuns(state);
  const rows: StyledRow[] = [];
  let toldCount = 0;
  for (const run of failed) {
    const own = failureRows(state, run, width);
    if (rows.length > 0 && rows.length + own.length > height) break;
    rows.push(...own);
    toldCount++;
  }
  const rest = failed.length - toldCount;
  return {
    title: `Failures: ${counted(failed.length, "run")}`,
    notes: [[{ text: rest > 0 ? `${rest} more: / failed` : "", colour: COLOURS.faint }]],
    rows,
  };
}

/** Rows that the reasons want: of the run under the cursor all, of others some. */
export function failureRowCount(state: DashboardState, width: number): number {
  return failedRuns(state).reduce(
    (sum, run) => sum + (run.folder === state.selected ? failureRows(state, run, width).length : USUAL_LINES),
    0,
  );
}

function failureRows(state: DashboardState, run: RunEntry, width: number): StyledRow[] {
  const look = LIFE_LOOKS[run.life];
  const title = cutTitle(state, run, Math.floor(width / 2));
  const all = wrap(`${title}: ${failureOf(state, run)!}`, width - INDENT.length);
  const lines = run.folder === state.selected ? all : shortenedLines(all, width - INDENT.length);
  return lines.map((text, k) =>
    k === 0
      ? [{ text: `${look.mark} `, colour: look.colour, bold: true }, { text }]
      : [{ text: INDENT + text }],
  );
}

/** The last one ends in "…" where there were more: the cursor on the run shows them. */
function shortenedLines(lines: readonly string[], width: number): string[] {
  if (lines.length <= MOST_LINES) return [...lines];
  // no word is cut
  const words = lines[MOST_LINES - 1]!.split(" ");
  while (words.length > 1 && textWidth(words.join(" ")) + END.length > width) words.pop();
  return [...lines.slice(0, MOST_LINES - 1), truncate(words.join(" ") + END, width)];
}
