/**
 * The density of every layer as a bar, filling up while a pruning is under way. A line through all of them is the density
 * asked for, a mark on each the one that theory foretells, where walks prune.
 */
import {
  formatMeasure,
  formatPercent,
  formatShortCount,
  type LayerMeasure,
  type LayerUnits,
  type RunState,
  textWidth,
} from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { fanInHistogram, fanInRange } from "./fanIn.ts";
import { panelOfRun } from "./panel.ts";
import { faintNote, notice, type PanelContent, windowStart } from "./panelContent.ts";
import { fit, type Span, type StyledRow } from "./styledText.ts";
import { bar, COLOURS } from "./theme.ts";

/** Beside others: the bars first, and what there is room for behind them. */
export const layersPanel = panelOfRun(
  "Layers",
  (state, { run }, width, height) => layersContent(state, run, width, height, false),
  { focus: "layers" },
);

/** By itself: all that is known of a layer, and the bars in what room is left. */
export const layerTablePanel = panelOfRun(
  "Layers",
  (state, { run }, width, height) => layersContent(state, run, width, height, true),
  { focus: "layers" },
);

function layersContent(
  state: DashboardState,
  run: RunState,
  width: number,
  height: number,
  isTable: boolean,
): PanelContent {
  const layers = layersOf(run, state.shown?.units);
  if (layers.length === 0) {
    const text = run.phase === "pruning" ? "Densities come with the mask." : "No mask: every weight is kept.";
    return { title: "Layers", rows: notice(text, width) };
  }
  const requested = (run.mask ?? run.pruning)?.requestedDensity ?? 1;
  const count = layers.length;
  const room = Math.max(1, height - 1);
  const start = windowStart(state.layerCursor, count, room);
  const table = layerTable(layers, requested, width, state, isTable);
  const cursor = state.focus === "layers" ? state.layerCursor : -1;
  const shown = layers.slice(start, start + room);
  const target = `┃ ${formatPercent(requested)} asked`;
  const isExpected = layers.some(({ expectedCount }) => expectedCount !== undefined);
  const marks = [target, ...(isExpected ? ["┊ expected"] : []), ...(state.logScale ? ["log"] : [])].join(
    ", ",
  );
  return {
    title: "Layers",
    notes: [
      ...faintNote(`${start + 1}–${start + shown.length} of ${count}  ${marks}`),
      ...faintNote(marks),
      ...faintNote(target),
    ],
    rows: [headingRow(table), ...shown.map((layer, k) => layerRow(layer, table, start + k === cursor))],
    choiceAt: (row) =>
      row > 0 && row <= shown.length ? { kind: "layerChosen", index: start + row - 1 } : undefined,
  };
}

/** A layer's mask, done or coming about, and what else is known of the layer. */
interface ShownLayer extends LayerMeasure {
  readonly expectedCount?: number | undefined;
  readonly keptIn?: Uint32Array | undefined;
  readonly gradientNorm?: number | undefined;
  readonly milliseconds?: number | undefined;
}

/** From the mask, else from the last progress of the pruning; none if neither is known. */
function layersOf(
  { mask, pruning, training }: RunState,
  units: readonly LayerUnits[] | undefined,
): readonly ShownLayer[] {
  const { layerShapes = [], layerProgress = [] } = pruning ?? {};
  const known =
    mask?.layers ??
    layerProgress.map(({ keptCount, width }, l) => ({ ...layerShapes[l]!, keptCount, width }));
  const unitsOf = new Map(units?.map(({ name, keptIn }) => [name, keptIn]));
  return known.map((layer, l) => {
    const expectedCount = layerProgress[l]?.expectedCount;
    const keptIn = unitsOf.get(layer.name);
    const gradientNorm = training?.gradientNorms?.[l];
    const milliseconds = training?.layerMs?.[l];
    return {
      ...layer,
      expectedCount,
      keptIn,
      gradientNorm,
      milliseconds,
    };
  });
}

/** Columns of the table, and the length of a bar. */
interface LayerTable {
  readonly nameWidth: number;
  readonly barWidth: number;
  /** Column of the bar at the requested density. */
  readonly target: number;
  /** Place of a density on a bar, 0 … 1. */
  readonly scale: (density: number) => number;
  /** Columns behind the density, as many as there is room for. */
  readonly extras: readonly ExtraColumn[];
}

interface ExtraColumn {
  readonly title: string;
  readonly width: number;
  readonly textOf: (layer: ShownLayer) => string;
  /** True: only for runs that train. */
  readonly ofTraining?: boolean;
}

const DENSITY_WIDTH = 8;
const NOTHING = "–";
const WIDTH: ExtraColumn = { title: "width", width: 7, textOf: (layer) => formatPercent(layer.width, 2) };
const KEPT: ExtraColumn = {
  title: "kept",
  width: 12,
  textOf: (layer) => `${formatShortCount(layer.keptCount)}/${formatShortCount(layer.count)}`,
};
const SHAPE: ExtraColumn = { title: "shape", width: 14, textOf: (layer) => layer.shape.join("×") };
/** The columns to show first if not all fit. */
const EXTRA_COLUMNS: readonly ExtraColumn[] = [WIDTH, KEPT, SHAPE];
/** Text in the table; unknown values are a dash. */
const ALL_COLUMNS: readonly ExtraColumn[] = [
  WIDTH,
  {
    title: "fan-in",
    width: 20,
    textOf: ({ keptIn }) =>
      keptIn === undefined ? NOTHING : `${fanInRange(keptIn)} ${fit(fanInHistogram(keptIn), 8)}`,
  },
  {
    title: "gradient",
    width: 10,
    ofTraining: true,
    textOf: ({ gradientNorm }) => (gradientNorm === undefined ? NOTHING : formatMeasure(gradientNorm)),
  },
  {
    title: "step",
    width: 10,
    ofTraining: true,
    textOf: ({ milliseconds }) =>
      milliseconds === undefined ? NOTHING : `${formatMeasure(milliseconds)} ms`,
  },
  SHAPE,
  KEPT,
];
/** With the first of the columns, and with more. */
const LEAST_BARS = [9, 18] as const;
/** In the table the columns go first. */
const LEAST_BAR = 8;

function layerTable(
  layers: readonly ShownLayer[],
  requested: number,
  width: number,
  { logScale, shown }: Pick<DashboardState, "logScale" | "shown">,
  isTable: boolean,
): LayerTable {
  const longest = Math.max(6, ...layers.map((layer) => textWidth(layerName(layer))));
  const nameWidth = Math.min(longest, Math.floor(width * 0.34));
  let barWidth = width - 2 - nameWidth - 1 - DENSITY_WIDTH;
  const extras: ExtraColumn[] = [];
  const isTrained = shown?.state.training !== undefined;
  const columns = ALL_COLUMNS.filter(({ ofTraining }) => isTrained || !ofTraining);
  for (const column of isTable ? columns : EXTRA_COLUMNS) {
    const least = isTable ? LEAST_BAR : extras.length === 0 ? LEAST_BARS[0] : LEAST_BARS[1];
    if (barWidth - column.width < least) break;
    barWidth -= column.width;
    extras.push(column);
  }
  barWidth = Math.max(4, barWidth);
  // the final width is reserved from the start: bars grow towards their marks
  const densities = layers.flatMap((layer) => [densityOf(layer), expectedDensityOf(layer) ?? 0]);
  const scale = densityScale(densities, requested, logScale);
  const target = columnOf(scale(requested), barWidth);
  return { nameWidth, barWidth, target, scale, extras };
}

function headingRow({ nameWidth, barWidth, extras }: LayerTable): StyledRow {
  const titles = extras.map(({ title, width }) => fit(title, width, "right")).join("");
  const text = `  ${fit("layer", nameWidth)} ${" ".repeat(barWidth)}${fit("density", DENSITY_WIDTH, "right")}${titles}`;
  return [{ text, colour: COLOURS.faint }];
}

function layerRow(layer: ShownLayer, table: LayerTable, isCursor: boolean): StyledRow {
  const density = densityOf(layer);
  const strong = isCursor ? { bold: true, colour: COLOURS.accent } : {};
  // nothing goes through a layer of which nothing is kept
  const alarm: Partial<Span> = layer.keptCount === 0 ? { colour: COLOURS.error, bold: true } : {};
  return [
    { text: isCursor ? "▸ " : "  ", ...strong },
    { text: `${fit(layerName(layer), table.nameWidth)} `, ...strong },
    ...markedBar(layer, table),
    { text: fit(formatPercent(density), DENSITY_WIDTH, "right"), ...alarm },
    ...table.extras.map(({ textOf, width }, k) => ({
      text: fit(textOf(layer), width, "right"),
      colour: k === 0 ? undefined : COLOURS.faint,
    })),
  ];
}

/** The bar, with the density asked for and the one expected drawn into it. */
function markedBar(layer: ShownLayer, { scale, barWidth, target }: LayerTable): StyledRow {
  const expected = expectedDensityOf(layer);
  const marks = new Map<number, Span>();
  if (expected !== undefined)
    marks.set(columnOf(scale(expected), barWidth), { text: "┊", colour: COLOURS.expected, bold: true });
  marks.set(target, { text: "┃", colour: COLOURS.target });
  return [...bar(scale(densityOf(layer)), barWidth, "·")].map(
    (cell, column) => marks.get(column) ?? { text: cell, colour: COLOURS.bar },
  );
}

function columnOf(place: number, barWidth: number): number {
  return Math.min(barWidth - 1, Math.max(0, Math.round(place * barWidth)));
}

function expectedDensityOf({ expectedCount, count }: ShownLayer): number | undefined {
  return expectedCount === undefined ? undefined : expectedCount / count;
}

function densityOf(layer: ShownLayer): number {
  return layer.keptCount / layer.count;
}

/** `.weight` is the end of every name and is left out. */
function layerName(layer: ShownLayer): string {
  return layer.name.replace(/\.weight$/, "");
}

function densityScale(
  densities: readonly number[],
  requested: number,
  logScale: boolean,
): (density: number) => number {
  const most = Math.max(requested, ...densities);
  if (!logScale) return (density) => density / most;
  const least = Math.min(requested, ...densities.filter((density) => density > 0)) / 2;
  return (density) => (density > 0 ? Math.log(density / least) / Math.log(most / least) : 0);
}
