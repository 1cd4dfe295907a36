/** The first line of the screen: what is watched, the views, how many runs are in which state, the time. */
import { formatClock, formatCount, textWidth } from "@phew/runs";
import type { DashboardState, View } from "./dashboardState.ts";
import { rowWidth, type Span, type StyledRow } from "./styledText.ts";
import { COLOURS, LIFE_LOOKS, type LifeLook } from "./theme.ts";
import { VIEWS } from "./views/registry.ts";

/** What stands at the left end of the first line, and at its right one. */
type StyledHead = readonly [left: StyledRow, right: StyledRow];

/** Fewest letters of a view's name: with fewer, other parts of the head use the room better. */
const LEAST_LETTERS = 3;

/** The longest head that fits: names of views are shortened, at most to their keys. */
export function headRow(state: DashboardState, width: number): StyledRow {
  const [left, end] = headOf(state, width);
  return [...left, { text: " ".repeat(Math.max(0, width - rowWidth(left) - rowWidth(end))) }, ...end];
}

function headOf(state: DashboardState, width: number): StyledHead {
  const clock: Span = state.frozen
    ? { text: "  PAUSED ", colour: COLOURS.warning, bold: true }
    : { text: `  ${formatClock(state.now).slice(0, 5)} `, colour: COLOURS.faint };
  const name: Span = { text: " PHEW", bold: true, colour: COLOURS.accent };
  const root: Span = { text: ` ${state.root}` };
  const longest = Math.max(...VIEWS.map((view) => view.name.length));
  const words = [...lifeCounts(state, (count, { mark, word }) => `  ${mark} ${count} ${word}`), clock];
  const marks = [...lifeCounts(state, (count, { mark }) => ` ${mark} ${count}`), clock];
  // the user must see that the screen is frozen
  const last = state.frozen ? [clock] : [];
  const counts = [...lifeCounts(state, (count, { mark }) => ` ${mark}${count}`), ...last];
  const letters = Array.from({ length: longest + 1 }, (_, k) => longest - k);
  const tabs = letters.map((count) => viewTabs(state, count));
  const [full = [], keys = []] = [tabs[0], tabs.at(-1)];
  const readable = tabs.slice(0, -LEAST_LETTERS);
  const heads: readonly StyledHead[] = [
    [[name, root, { text: " " }, ...full], words],
    [[name, ...full], words],
    ...[words, marks, counts].flatMap((end) => readable.map((row): StyledHead => [[name, ...row], end])),
    ...readable.map((row): StyledHead => [row, counts]),
    ...tabs.slice(-LEAST_LETTERS).map((row): StyledHead => [[name, ...row], counts]),
    ...[[name, ...keys], keys].map((row): StyledHead => [row, last]),
  ];
  return heads.find(([left, right]) => rowWidth(left) + rowWidth(right) <= width) ?? heads.at(-1)!;
}

/** All views by their keys, with at most so many letters of their names; the one that is shown in full. */
function viewTabs(state: DashboardState, letterCount: number): StyledRow {
  return VIEWS.map((view): Span => {
    if (view === state.view)
      return { text: ` [${view.key} ${view.name}]`, bold: true, colour: COLOURS.accent };
    const word = view.name.slice(0, letterCount);
    return { text: ` ${view.key}${word === "" ? "" : ` ${word}`}`, colour: COLOURS.faint };
  });
}

/** How many runs are in each state that any is in. */
function lifeCounts(state: DashboardState, textOf: (count: string, look: LifeLook) => string): Span[] {
  return Object.entries(LIFE_LOOKS).flatMap(([life, look]): Span[] => {
    const count = state.runs.filter((run) => run.life === life).length;
    return count === 0 ? [] : [{ text: textOf(formatCount(count), look), colour: look.colour }];
  });
}

/** The view whose key and name stand in a column of the head. */
export function viewAt(state: DashboardState, width: number, column: number): View | undefined {
  const [left] = headOf(state, width);
  let end = 0;
  const at = left.findIndex(({ text }) => {
    end += textWidth(text);
    return column < end;
  });
  // they stand last
  return VIEWS[at - left.length + VIEWS.length];
}
