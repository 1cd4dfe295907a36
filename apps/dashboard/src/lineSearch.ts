/** Lines shown from the last one up, and what they are searched for, in capitals or not. */
import { counted, lineText } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { faintNote, type PanelContent } from "./panelContent.ts";
import type { Span, StyledRow } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

/** Of the log, or of the output where the keys go there. */
export function linesOf({ focus, shown }: DashboardState): readonly string[] {
  if (focus === "output") return shown?.output?.lines ?? [];
  return shown?.state.log.map(({ text }) => text) ?? [];
}

/** The lines of context below the one that was found. */
export const BELOW_FOUND = 2;

/**
 * The lines that fit, with the place among those that have what is searched for.
 * @param rowsOf the rows of a line, by its index
 * @param names what stands in the border where there is nothing else to say, the longest first
 */
export function seenLines(
  state: DashboardState,
  lines: readonly string[],
  rowsOf: (index: number, isFound: boolean) => readonly StyledRow[],
  height: number,
  names: readonly string[] = [],
): Pick<PanelContent, "notes" | "rows"> {
  const count = lines.length;
  let end = Math.max(Math.min(height, count), count - state.logOffset);
  const { foundAt } = state;
  // where lines take several rows, what was found is seen before what stands below it
  if (foundAt !== undefined && foundAt < end && end - foundAt <= BELOW_FOUND + 1)
    while (end > foundAt + 1 && rowCount(rowsOf, foundAt, end) > height) end--;
  const rows: StyledRow[] = [];
  // from the last line up, for as long as there is room
  for (let k = end - 1; k >= 0 && rows.length < height; k--) rows.unshift(...rowsOf(k, k === state.foundAt));
  const message = [searchText(state, lines), end < count ? `${counted(count - end, "later line")} below` : ""]
    .filter((note) => note !== "")
    .join(" · ");
  return {
    notes: (message === "" ? names : [message]).flatMap(faintNote),
    rows: rows.slice(-height),
  };
}

function rowCount(
  rowsOf: (index: number, isFound: boolean) => readonly StyledRow[],
  from: number,
  to: number,
) {
  let count = 0;
  for (let k = from; k < to; k++) count += rowsOf(k, false).length;
  return count;
}

/** What is searched for, and which of the lines that have it is the one. */
function searchText({ search, foundAt }: DashboardState, lines: readonly string[]): string {
  if (search === "") return "";
  const hits = linesWith(lines, search);
  return `“${search}” ${foundAt === undefined ? 0 : hits.indexOf(foundAt) + 1} of ${hits.length}`;
}

/**
 * The line with it that comes next from line `from`, forwards or back, over the ends of the list.
 * @returns undefined where no line has it
 */
export function nextLineWith(
  lines: readonly string[],
  search: string,
  from: number,
  by: 1 | -1,
): number | undefined {
  const hits = linesWith(lines, search);
  return by > 0 ? (hits.find((k) => k > from) ?? hits[0]) : (hits.findLast((k) => k < from) ?? hits.at(-1));
}

/** Their indices, rising. */
function linesWith(lines: readonly string[], search: string): number[] {
  const wanted = search.toLowerCase();
  return lines.flatMap((text, k) => (lineText(text).toLowerCase().includes(wanted) ? [k] : []));
}

/** The span with what was searched for in it set off. */
export function highlighted(span: Span, search: string): StyledRow {
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
