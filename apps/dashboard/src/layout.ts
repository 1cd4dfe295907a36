/** Positions of the panels for every size of terminal; nothing is drawn here. */
import type { DashboardState, Panel, PanelRow, RunView } from "./dashboardState.ts";
import { logPanel } from "./logPanel.ts";
import { alone, LEAST_PANEL_HEIGHT } from "./panelRows.ts";
import { runPanel } from "./runPanel.ts";
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
  return [alone(runPanel, width, RUN_HEIGHT), ...view.layout(state, width, height - RUN_HEIGHT)];
}

/** One column: the list, the run, and one panel of the view if it fits. */
function narrowRows(state: DashboardState, view: RunView, width: number, height: number): PanelRow[] {
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
    ...(list > 0 ? [alone(runsPanel, width, list)] : []),
    alone(runPanel, width, hasLast || list > 0 ? RUN_HEIGHT : height),
    ...(hasLast ? [alone(lastPanel(state, view), width, left)] : []),
  ];
}

function lastPanel({ focus }: DashboardState, { panels }: RunView): Panel {
  // the log is part of every run
  if (focus === "log") return logPanel;
  return panels.find((panel) => panel.focus === focus) ?? panels[0];
}
