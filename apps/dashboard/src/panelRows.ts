/** How panels share the room of a view: rows of panels below each other, side by side in a row. */
import { tradeOffPanel } from "./comparePanel.ts";
import type { DashboardState, Panel, PanelRow } from "./dashboardState.ts";
import { measuresPanel } from "./measuresPanel.ts";
import { runConfigurations } from "./runTitles.ts";

/** Of one row of content and the two borders: no panel is lower. */
export const BORDERED_HEIGHT = 3;
/** Below it a panel shows too little to be worth its borders. */
export const LEAST_PANEL_HEIGHT = 6;
const MEASURES_WIDTH = 30;

/** One panel over the full width. */
export function alone(panel: Panel, width: number, height: number): PanelRow {
  return [{ panel, width, height }];
}

export function halves(left: Panel, right: Panel, width: number, height: number): PanelRow {
  const half = Math.ceil(width / 2);
  return [...alone(left, half, height), ...alone(right, width - half, height)];
}

/** A panel, and the measures of the mask beside it if they fit. */
export function besideMeasures(panel: Panel, width: number, height: number): PanelRow {
  if (width < 40 + MEASURES_WIDTH) return alone(panel, width, height);
  return [...alone(panel, width - MEASURES_WIDTH, height), ...alone(measuresPanel, MEASURES_WIDTH, height)];
}

interface TableAndPlot {
  /** Accuracy over density of all runs unless given. */
  readonly plot?: Panel | undefined;
  /** Rows that the table needs; the plot gets the rest. */
  readonly rowCount: number;
  /** Least share of the height for the plot. */
  readonly plotShare: number;
}

/** A table over the full width, and below it accuracy over density if that fits. */
export function tableAndPlot(
  table: Panel,
  { plot = tradeOffPanel, rowCount, plotShare }: TableAndPlot,
  width: number,
  height: number,
): PanelRow[] {
  if (height < 15) return [alone(table, width, height)];
  const least = Math.max(8, Math.floor(height * plotShare));
  const plotHeight = Math.max(least, height - Math.max(LEAST_PANEL_HEIGHT, rowCount + 4));
  return [alone(table, width, height - plotHeight), alone(plot, width, plotHeight)];
}

export function configurationCount(state: DashboardState): number {
  return runConfigurations(state).all.length;
}
