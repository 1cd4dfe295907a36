/** Which panel stands where, for every size of terminal; nothing is drawn here. */
import type { DashboardState } from "./dashboardState.ts";
import { methodOf } from "./runOrder.ts";

export type PanelKind =
  | "runs"
  | "run"
  | "layers"
  | "measures"
  | "loss"
  | "accuracy"
  | "log"
  | "sweep"
  | "tradeOff"
  | "compare"
  | "walks"
  | "units"
  | "speed";

export interface PlacedPanel {
  readonly kind: PanelKind;
  /** Borders included. */
  readonly width: number;
  readonly height: number;
}

export interface PanelRow {
  readonly panels: readonly PlacedPanel[];
}

export interface PanelColumn {
  readonly width: number;
  readonly rows: readonly PanelRow[];
}

export type Layout =
  /** Too small for panels: one line says it all. */
  | { readonly kind: "line" }
  | { readonly kind: "panels"; readonly columns: readonly PanelColumn[]; readonly bodyHeight: number };

const LEAST_COLUMNS = 40;
const LEAST_ROWS = 12;
const RUN_HEIGHT = 5;
const MEASURES_WIDTH = 30;
const LEAST_PANEL_HEIGHT = 6;
/** Of the figures of a pruning alone. */
const FACTS_HEIGHT = 7;

/**
 * @param columns width of the terminal
 * @param rows its height; one row is left free, and two are the head and the hints
 */
export function layoutFor(state: DashboardState, columns: number, rows: number): Layout {
  if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) return { kind: "line" };
  const bodyHeight = rows - 3;
  const table = state.view === "sweep" || state.view === "compare" ? state.view : undefined;
  if (table && !state.zoomed) {
    return {
      kind: "panels",
      bodyHeight,
      columns: [{ width: columns, rows: tableRows(state, table, columns, bodyHeight) }],
    };
  }
  if (columns < 76) {
    return {
      kind: "panels",
      bodyHeight,
      columns: [{ width: columns, rows: narrowRows(state, columns, bodyHeight) }],
    };
  }
  if (state.zoomed) {
    return {
      kind: "panels",
      bodyHeight,
      columns: [{ width: columns, rows: runRows(state, columns, bodyHeight) }],
    };
  }
  const listWidth = Math.min(58, Math.max(30, Math.round(columns * 0.36)));
  const width = columns - listWidth;
  return {
    kind: "panels",
    bodyHeight,
    columns: [
      { width: listWidth, rows: [row(panel("runs", listWidth, bodyHeight))] },
      { width, rows: runRows(state, width, bodyHeight) },
    ],
  };
}

/** A table over all of the width, and below it accuracy over density where there is room. */
function tableRows(
  state: DashboardState,
  table: "sweep" | "compare",
  width: number,
  height: number,
): PanelRow[] {
  if (height < 15) return [row(panel(table, width, height))];
  // what the table does not need is the plot's: a row a run, or a method, at most one heading a method
  const methodCount = new Set(state.runs.map(methodOf)).size;
  const rowCount = table === "compare" ? methodCount : state.runs.length + (state.grouped ? methodCount : 0);
  const least = Math.max(8, Math.floor(height * (table === "sweep" ? 0.34 : 0.6)));
  const plotHeight = Math.max(least, height - Math.max(LEAST_PANEL_HEIGHT, rowCount + 4));
  return [row(panel(table, width, height - plotHeight)), row(panel("tradeOff", width, plotHeight))];
}

/** One column: the list, the run, and where there is room the panel that has the focus. */
function narrowRows(state: DashboardState, width: number, height: number): PanelRow[] {
  const most = Math.max(3, Math.floor((height - RUN_HEIGHT) * 0.42));
  // no more than the runs need, with the names of their experiments
  const listHeight = state.zoomed
    ? 0
    : state.runs.length === 0
      ? most
      : Math.min(most, state.runs.length + 3);
  const left = height - RUN_HEIGHT - listHeight;
  const hasLast = left >= LEAST_PANEL_HEIGHT;
  const list = hasLast || state.zoomed ? listHeight : listHeight + left;
  return [
    ...(list > 0 ? [row(panel("runs", width, list))] : []),
    row(panel("run", width, hasLast || list > 0 ? RUN_HEIGHT : height)),
    ...(hasLast ? [row(lastPanel(state, width, left))] : []),
  ];
}

function lastPanel(state: DashboardState, width: number, height: number): PlacedPanel {
  if (state.focus === "log") return panel("log", width, height);
  if (state.view === "log") return panel("log", width, height);
  if (state.view === "pruning") return panel("walks", width, height);
  if (state.focus === "layers" || state.view === "layers") return panel("layers", width, height);
  return panel(state.view === "training" ? "loss" : "accuracy", width, height);
}

function runRows(state: DashboardState, width: number, height: number): PanelRow[] {
  const run = row(panel("run", width, RUN_HEIGHT));
  const rest = height - RUN_HEIGHT;
  switch (state.view) {
    case "overview":
    case "sweep":
    case "compare":
      return [run, ...overviewRows(width, rest)];
    case "layers":
      // the table has columns for more room than an overview gives it
      return [run, width < 140 ? row(panel("layers", width, rest)) : layersRow(width, rest)];
    case "training":
      return [run, ...curveRows(width, rest)];
    case "pruning":
      return [run, ...pruningRows(state, width, rest)];
    case "log":
      return [run, row(panel("log", width, rest))];
  }
}

function overviewRows(width: number, height: number): PanelRow[] {
  const logHeight = height >= 24 ? Math.max(5, Math.floor(height * 0.2)) : 0;
  const layersHeight = Math.floor((height - logHeight) * 0.46);
  const curvesHeight = height - logHeight - layersHeight;
  return [
    layersRow(width, layersHeight),
    halves("loss", "accuracy", width, curvesHeight),
    ...logRow(width, logHeight),
  ];
}

function curveRows(width: number, height: number): PanelRow[] {
  const speedHeight = height >= 24 ? 10 : 0;
  const left = height - speedHeight;
  const speed = speedHeight > 0 ? [row(panel("speed", width, speedHeight))] : [];
  if (left < 20) return [halves("loss", "accuracy", width, left), ...speed];
  const lossHeight = Math.ceil(left / 2);
  return [row(panel("loss", width, lossHeight)), row(panel("accuracy", width, left - lossHeight)), ...speed];
}

function pruningRows(state: DashboardState, width: number, height: number): PanelRow[] {
  if (height < LEAST_PANEL_HEIGHT + FACTS_HEIGHT) return [row(panel("walks", width, height))];
  if (height < 22) {
    // figures without their plot, so that the layers are seen to fill up
    const left = height - FACTS_HEIGHT;
    const layers = width < 70 ? row(panel("layers", width, left)) : halves("layers", "units", width, left);
    return [row(panel("walks", width, FACTS_HEIGHT)), layers];
  }
  const walksHeight = Math.max(FACTS_HEIGHT + 2, Math.floor(height * 0.28));
  const layersHeight = Math.ceil((height - walksHeight) / 2);
  return [
    row(panel("walks", width, walksHeight)),
    // there is nothing to measure before the mask is done
    state.shown?.state.mask ? layersRow(width, layersHeight) : row(panel("layers", width, layersHeight)),
    row(panel("units", width, height - walksHeight - layersHeight)),
  ];
}

function layersRow(width: number, height: number): PanelRow {
  if (width < 40 + MEASURES_WIDTH) return row(panel("layers", width, height));
  return row(panel("layers", width - MEASURES_WIDTH, height), panel("measures", MEASURES_WIDTH, height));
}

function logRow(width: number, height: number): PanelRow[] {
  return height > 0 ? [row(panel("log", width, height))] : [];
}

function halves(left: PanelKind, right: PanelKind, width: number, height: number): PanelRow {
  const half = Math.ceil(width / 2);
  return row(panel(left, half, height), panel(right, width - half, height));
}

function row(...panels: readonly PlacedPanel[]): PanelRow {
  return { panels };
}

function panel(kind: PanelKind, width: number, height: number): PlacedPanel {
  return { kind, width, height };
}
