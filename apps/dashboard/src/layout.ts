/** Which panel stands where, for every size of terminal; nothing is drawn here. */
import type { DashboardState } from "./dashboardState.ts";

export type PanelKind = "runs" | "run" | "layers" | "measures" | "loss" | "accuracy" | "log";

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

/**
 * @param columns width of the terminal
 * @param rows its height; one row is left free, and two are the head and the hints
 */
export function layoutFor(state: DashboardState, columns: number, rows: number): Layout {
  if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) return { kind: "line" };
  const bodyHeight = rows - 3;
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

/** One column: the list, the run, and where there is room the panel that has the focus. */
function narrowRows(state: DashboardState, width: number, height: number): PanelRow[] {
  const listHeight = state.zoomed ? 0 : Math.max(3, Math.floor((height - RUN_HEIGHT) * 0.42));
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
  if (state.focus === "layers" || state.view === "layers") return panel("layers", width, height);
  return panel(state.view === "curves" ? "loss" : "accuracy", width, height);
}

function runRows(state: DashboardState, width: number, height: number): PanelRow[] {
  const run = row(panel("run", width, RUN_HEIGHT));
  const rest = height - RUN_HEIGHT;
  switch (state.view) {
    case "overview":
      return [run, ...overviewRows(width, rest)];
    case "layers":
      // the table has columns for more room than an overview gives it
      return [run, width < 110 ? row(panel("layers", width, rest)) : layersRow(width, rest)];
    case "curves":
      return [run, ...curveRows(width, rest)];
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
  const logHeight = height >= 24 ? 6 : 0;
  const left = height - logHeight;
  if (left < 20) return [halves("loss", "accuracy", width, left), ...logRow(width, logHeight)];
  const lossHeight = Math.ceil(left / 2);
  return [
    row(panel("loss", width, lossHeight)),
    row(panel("accuracy", width, left - lossHeight)),
    ...logRow(width, logHeight),
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
