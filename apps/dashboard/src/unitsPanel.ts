/**
 * The network as columns of units, one per layer: the brighter a cell, the more kept weights enter its units. During
 * a pruning by groups of units, from its events; for a finished mask unit by unit.
 */
import {
  formatCount,
  formatShortCount,
  type LayerProgress,
  type LayerShape,
  type LayerUnits,
  type RunState,
} from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { panelOfRun } from "./panel.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { fit, type Span, type StyledRow } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

/** The darkest shade first; each is for levels up to its own. Units of a layer are often much alike: most of them are above a half. */
const SHADES = [
  { upTo: 0.5, glyph: "░", colour: "blue" },
  { upTo: 0.7, glyph: "▒", colour: "blue" },
  { upTo: 0.87, glyph: "▓", colour: "cyan" },
  { upTo: 1, glyph: "█", colour: "cyan" },
] as const;
const WIDEST_COLUMN = 12;

interface UnitColumn {
  readonly unitCount: number;
  readonly deadCount: number;
  /**
   * Of units first … end − 1, relative to the unit with the most kept weights, 0 … 1; 0 if no weights enter any of
   * them.
   */
  readonly level: (first: number, end: number) => number;
}

export const unitsPanel = panelOfRun("Units", (state, { run }, width, height) =>
  unitsContent(state, run, width, height),
);

function unitsContent(state: DashboardState, run: RunState, width: number, height: number): PanelContent {
  const all = columnsOf(state, run);
  if (all.length === 0) {
    const text = run.mask ? "No masks in the run's folder." : "Units come with the mask.";
    return { title: "Units", rows: notice(text, width) };
  }
  const layers = all.slice(0, Math.max(1, Math.floor(width / 2)));
  const columnWidth = Math.min(WIDEST_COLUMN, Math.max(1, Math.floor(width / layers.length) - 1));
  const hasLabels = columnWidth >= 3 && height >= 6;
  const room = height - (hasLabels ? 1 : 0);
  const columns = layers.map((layer) => columnCells(layer, columnWidth, room));
  const dead = all.reduce((sum, { deadCount }) => sum + deadCount, 0);
  const total = all.reduce((sum, { unitCount }) => sum + unitCount, 0);
  const share = layers.length < all.length ? `  layers 1–${layers.length} of ${all.length}` : "";
  const labels = layers.map(
    ({ unitCount }): Span => ({
      text: `${fit(formatShortCount(unitCount), columnWidth)} `,
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

function columnsOf({ shown }: DashboardState, { pruning, mask, rewiring, phase }: RunState): UnitColumn[] {
  // the file has the masks that a training began with, until it has those that it ended with
  const isMoving = rewiring !== undefined && phase !== "finished" && pruning?.layerProgress !== undefined;
  if (shown?.units && !isMoving) return shown.units.map(countedColumn);
  const { layerShapes = [], layerProgress = [] } = pruning ?? {};
  // if a check has changed the mask, the progress of the pruning does not describe it
  const isSame = !mask || mask.layers.every(({ keptCount }, l) => keptCount === layerProgress[l]?.keptCount);
  return isSame ? layerProgress.map((progress, l) => groupedColumn(layerShapes[l]!, progress)) : [];
}

function countedColumn({ keptIn }: LayerUnits): UnitColumn {
  const most = keptIn.reduce((a, b) => Math.max(a, b), 1);
  return {
    unitCount: keptIn.length,
    deadCount: keptIn.reduce((dead, count) => dead + (count === 0 ? 1 : 0), 0),
    level(first, end) {
      let sum = 0;
      for (let u = first; u < end; u++) sum += keptIn[u]!;
      return sum / (end - first) / most;
    },
  };
}

function groupedColumn({ shape }: LayerShape, { width, units }: LayerProgress): UnitColumn {
  const unitCount = shape[0] ?? 0;
  return {
    unitCount,
    deadCount: Math.round((1 - width) * unitCount),
    level(first, end) {
      const group = Math.floor(((first + end) / 2 / unitCount) * units.length);
      return (Number.parseInt(units[group] ?? "0", 16) || 0) / 15;
    },
  };
}

/** The cells of a layer, row by row; several units share a cell if there are more than cells. */
function columnCells({ unitCount, level }: UnitColumn, width: number, height: number): StyledRow[] {
  const cellCount = Math.min(unitCount, width * height);
  const cells = Array.from({ length: cellCount }, (_, cell) =>
    shade(
      level(Math.floor((cell * unitCount) / cellCount), Math.floor(((cell + 1) * unitCount) / cellCount)),
    ),
  );
  // a narrow layer is centred, as networks are drawn
  const used = Math.ceil(cellCount / width);
  const top = Math.floor((height - used) / 2);
  return Array.from({ length: height }, (_, row) => {
    const own = cells.slice(Math.max(0, row - top) * width, Math.max(0, row - top + 1) * width);
    return row < top ? [{ text: " ".repeat(width) }] : [...own, { text: " ".repeat(width - own.length) }];
  });
}

function shade(level: number): Span {
  if (level === 0) return { text: "·", colour: COLOURS.error };
  const { glyph, colour } = SHADES.find(({ upTo }) => level <= upTo) ?? SHADES[3];
  return { text: glyph, colour };
}
