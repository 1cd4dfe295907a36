/** The density of every layer as a bar, the density asked for as a line through all of them. */
import {
  formatPercent,
  formatShortCount,
  type LayerMeasure,
  type MaskState,
  type RunState,
} from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { faintNote, notice, type PanelContent, windowStart } from "./panelContent.ts";
import { fit, type Span, type StyledRow, textWidth } from "./styledText.ts";
import { bar, COLOURS } from "./theme.ts";

export function layersContent(
  state: DashboardState,
  run: RunState,
  width: number,
  height: number,
): PanelContent {
  const { mask } = run;
  if (!mask) {
    const text =
      run.phase === "pruning" ? "Densities appear when the mask is done." : "No mask: every weight is kept.";
    return { title: "Layers", rows: notice(text, width) };
  }
  const count = mask.layers.length;
  const room = Math.max(1, height - 1);
  const start = windowStart(state.layerCursor, count, room);
  const table = layerTable(mask, width, state.logScale);
  const cursor = state.focus === "layers" ? state.layerCursor : -1;
  const shown = mask.layers.slice(start, start + room);
  const target = `┃ ${formatPercent(mask.requestedDensity)} asked${state.logScale ? ", log" : ""}`;
  return {
    title: "Layers",
    notes: [
      ...faintNote(`${start + 1}–${start + shown.length} of ${count}  ${target}`),
      ...faintNote(target),
    ],
    rows: [headingRow(table), ...shown.map((layer, k) => layerRow(layer, table, start + k === cursor))],
  };
}

/** Where the columns of the table are, and how long a bar is. */
interface LayerTable {
  readonly nameWidth: number;
  readonly barWidth: number;
  /** Column of the bar where the density asked for stands. */
  readonly target: number;
  /** Place of a density on a bar, 0 … 1. */
  readonly scale: (density: number) => number;
  /** Columns behind the density, as many as there is room for. */
  readonly extras: readonly ExtraColumn[];
}

interface ExtraColumn {
  readonly title: string;
  readonly width: number;
  readonly textOf: (layer: LayerMeasure) => string;
}

const DENSITY_WIDTH = 8;
/** The first to be shown where there is room for some only. */
const EXTRA_COLUMNS: readonly ExtraColumn[] = [
  { title: "width", width: 7, textOf: (layer) => formatPercent(layer.width, 2) },
  {
    title: "kept",
    width: 12,
    textOf: (layer) => `${formatShortCount(layer.keptCount)}/${formatShortCount(layer.count)}`,
  },
  { title: "shape", width: 14, textOf: (layer) => layer.shape.join("×") },
];
const LEAST_BAR = 9;

function layerTable({ layers, requestedDensity }: MaskState, width: number, logScale: boolean): LayerTable {
  const longest = Math.max(6, ...layers.map((layer) => textWidth(layerName(layer))));
  const nameWidth = Math.min(longest, Math.floor(width * 0.34));
  let barWidth = width - 2 - nameWidth - 1 - DENSITY_WIDTH;
  const extras: ExtraColumn[] = [];
  for (const column of EXTRA_COLUMNS) {
    if (barWidth - column.width < LEAST_BAR) break;
    barWidth -= column.width;
    extras.push(column);
  }
  barWidth = Math.max(4, barWidth);
  const scale = densityScale(layers.map(densityOf), requestedDensity, logScale);
  const target = Math.min(barWidth - 1, Math.round(scale(requestedDensity) * barWidth));
  return { nameWidth, barWidth, target, scale, extras };
}

function headingRow({ nameWidth, barWidth, extras }: LayerTable): StyledRow {
  const titles = extras.map(({ title, width }) => fit(title, width, "right")).join("");
  const text = `  ${fit("layer", nameWidth)} ${" ".repeat(barWidth)}${fit("density", DENSITY_WIDTH, "right")}${titles}`;
  return [{ text, colour: COLOURS.faint }];
}

function layerRow(layer: LayerMeasure, table: LayerTable, isCursor: boolean): StyledRow {
  const density = densityOf(layer);
  const drawn = [...bar(table.scale(density), table.barWidth, "·")];
  const strong = isCursor ? { bold: true, colour: COLOURS.accent } : {};
  // nothing goes through a layer of which nothing is kept
  const alarm: Partial<Span> = layer.keptCount === 0 ? { colour: COLOURS.error, bold: true } : {};
  return [
    { text: isCursor ? "▸ " : "  ", ...strong },
    { text: `${fit(layerName(layer), table.nameWidth)} `, ...strong },
    { text: drawn.slice(0, table.target).join(""), colour: COLOURS.bar },
    { text: "┃", colour: COLOURS.target },
    { text: drawn.slice(table.target + 1).join(""), colour: COLOURS.bar },
    { text: fit(formatPercent(density), DENSITY_WIDTH, "right"), ...alarm },
    ...table.extras.map(({ textOf, width }, k) => ({
      text: fit(textOf(layer), width, "right"),
      ...(k === 0 ? {} : { colour: COLOURS.faint }),
    })),
  ];
}

function densityOf(layer: LayerMeasure): number {
  return layer.keptCount / layer.count;
}

/** `.weight` is the end of every name and says nothing. */
function layerName(layer: LayerMeasure): string {
  return layer.name.replace(/\.weight$/, "");
}

function densityScale(
  densities: readonly number[],
  asked: number,
  logScale: boolean,
): (density: number) => number {
  const most = Math.max(asked, ...densities);
  if (!logScale) return (density) => density / most;
  const least = Math.min(asked, ...densities.filter((density) => density > 0)) / 2;
  return (density) => (density > 0 ? Math.log(density / least) / Math.log(most / least) : 0);
}
