/** The network as columns of units, a layer each: the brighter a cell, the more kept weights enter its units. */
import { formatCount, formatShortCount, type LayerUnits, type RunState } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { fit, type Span, type StyledRow } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

const SHADES = ["░", "▒", "▓", "█"];
const WIDEST_COLUMN = 12;

export function unitsContent(
  state: DashboardState,
  run: RunState,
  width: number,
  height: number,
): PanelContent {
  const units = state.shown?.units;
  if (!units || units.length === 0) {
    const text = run.mask ? "No masks in the run's folder." : "Units appear when the mask is done.";
    return { title: "Units", rows: notice(text, width) };
  }
  const layers = units.slice(0, Math.max(1, Math.floor(width / 2)));
  const columnWidth = Math.min(WIDEST_COLUMN, Math.max(1, Math.floor(width / layers.length) - 1));
  const hasLabels = columnWidth >= 3 && height >= 6;
  const room = height - (hasLabels ? 1 : 0);
  const columns = layers.map((layer) => columnCells(layer, columnWidth, room));
  const dead = units.reduce((sum, { keptIn }) => sum + keptIn.filter((count) => count === 0).length, 0);
  const total = units.reduce((sum, { keptIn }) => sum + keptIn.length, 0);
  const share = layers.length < units.length ? `  layers 1–${layers.length} of ${units.length}` : "";
  const labels = layers.map(
    ({ keptIn }): Span => ({
      text: `${fit(formatShortCount(keptIn.length), columnWidth)} `,
      colour: COLOURS.faint,
    }),
  );
  const rows = Array.from({ length: room }, (_, row) =>
    columns.flatMap((cells) => [...cells[row]!, { text: " " }]),
  );
  return {
    title: "Units",
    notes: [
      ...faintNote(`${formatCount(dead)} of ${formatCount(total)} without weights ·${share}`),
      ...faintNote(`${formatCount(dead)} dead ·`),
    ],
    rows: hasLabels ? [labels, ...rows] : rows,
  };
}

/** The cells of a layer, row by row; several units share one where there are more than cells, by their mean. */
function columnCells({ keptIn }: LayerUnits, width: number, height: number): StyledRow[] {
  const cellCount = Math.min(keptIn.length, width * height);
  const most = keptIn.reduce((a, b) => Math.max(a, b), 1);
  const cells: Span[] = [];
  for (let cell = 0; cell < cellCount; cell++) {
    const first = Math.floor((cell * keptIn.length) / cellCount);
    const end = Math.floor(((cell + 1) * keptIn.length) / cellCount);
    let sum = 0;
    for (let u = first; u < end; u++) sum += keptIn[u]!;
    cells.push(shade(sum / (end - first) / most));
  }
  // a narrow layer stands in the middle, as networks are drawn
  const used = Math.ceil(cellCount / width);
  const top = Math.floor((height - used) / 2);
  return Array.from({ length: height }, (_, row) => {
    const own = cells.slice(Math.max(0, row - top) * width, Math.max(0, row - top + 1) * width);
    return row < top ? [{ text: " ".repeat(width) }] : [...own, { text: " ".repeat(width - own.length) }];
  });
}

function shade(level: number): Span {
  if (level === 0) return { text: "·", colour: COLOURS.error };
  const index = Math.min(SHADES.length - 1, Math.floor(level * SHADES.length));
  return { text: SHADES[index]!, colour: index < 2 ? "blue" : "cyan" };
}
