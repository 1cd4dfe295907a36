/** Positions of the panels for every size of terminal; nothing is drawn here. */
import type { DashboardState, Panel, PanelRow, RunView } from "./dashboardState.ts";
import { logPanel } from "./logPanel.ts";
import { alone, BORDERED_HEIGHT, LEAST_PANEL_HEIGHT } from "./panelRows.ts";
import { runPanel, runRowCount } from "./runPanel.ts";
import { runsPanel } from "./runsPanel.ts";

/** Rows of panels of one width, below each other. */
export type PanelColumn = readonly PanelRow[];

export type Layout =
  /** Too small for panels: one line shows everything. */
  { readonly kind: "line" } | { readonly kind: "panels"; readonly columns: readonly PanelColumn[] };

const LEAST_COLUMNS = 40;
const LEAST_ROWS = 12;
/** From this width on the list of runs has a column of its own. */
const LIST_COLUMNS = 76;
const RUN_HEIGHT = 5;
/** Of the list above other panels: a heading and a run. */
const LEAST_LIST = 4;

/**
 * @param columns width of the terminal
 * @param rows its height; one row is left free, and two are the head and the hints
 */
export function layoutFor(state: DashboardState, columns: number, rows: number): Layout {
  if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) return { kind: "line" };
  return { kind: "panels", columns: columnsFor(state, columns, rows - 3) };
}

function columnsFor(state: DashboardState, width: number, height: number): PanelColumn[] {
  const { view, zoomed } = state;
  if (view.of === "runs") return [view.layout(state, width, height)];
  if (width < LIST_COLUMNS) return [narrowRows(state, view, width, height)];
  if (zoomed) return [runRows(state, view, width, height)];
  const listWidth = Math.min(58, Math.max(30, Math.round(width * 0.36)));
  return [[alone(runsPanel, listWidth, height)], runRows(state, view, width - listWidth, height)];
}

function runRows(state: DashboardState, view: RunView, width: number, height: number): PanelRow[] {
  const own = runHeight(state, width, height);
  return [alone(runPanel, width, own), ...view.layout(state, width, height - own)];
}

/** What the view leaves of so many rows, once it has a panel that is worth its borders: a reason is told whole. */
function runHeight(state: DashboardState, width: number, height: number): number {
  const wanted = Math.max(RUN_HEIGHT, runRowCount(state, width - 4) + 2);
  return Math.max(BORDERED_HEIGHT, Math.min(wanted, height - LEAST_PANEL_HEIGHT));
}

/** One column: the list if it fits, the run, and one panel of the view. */
function narrowRows(state: DashboardState, view: RunView, width: number, height: number): PanelRow[] {
  // what is to be done then stands there
  if (state.runs.length === 0) return [alone(runsPanel, width, height)];
  const hasList = !state.zoomed && height >= LEAST_LIST + BORDERED_HEIGHT + LEAST_PANEL_HEIGHT;
  const own = runHeight(state, width, hasList ? height - LEAST_LIST : height);
  const rest = height - own - LEAST_PANEL_HEIGHT;
  const most = Math.max(LEAST_LIST, Math.min(rest, Math.floor((height - RUN_HEIGHT) * 0.42)));
  // no more than the runs need, with the names of their experiments
  const list = hasList ? Math.min(most, Math.max(LEAST_LIST, state.runs.length + 3)) : 0;
  return [
    ...(hasList ? [alone(runsPanel, width, list)] : []),
    alone(runPanel, width, own),
    alone(lastPanel(state, view), width, height - own - list),
  ];
}

function lastPanel({ focus }: DashboardState, { panels }: RunView): Panel {
  // the log is part of every run
  if (focus === "log") return logPanel;
  return panels.find((panel) => panel.focus === focus) ?? panels[0];
}
