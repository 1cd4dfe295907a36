/** All runs in a table. */

import type { View } from "../dashboardState.ts";
import { failedRuns, failureRowCount, failuresPanel } from "../failuresPanel.ts";
import {
  alone,
  BORDERED_HEIGHT,
  configurationCount,
  LEAST_PANEL_HEIGHT,
  tableAndPlot,
} from "../panelRows.ts";
import { unknownRows } from "../runTitles.ts";
import { sweepPanel } from "../sweepPanel.ts";

const LEAST_WITH_PLOT = 24;

export const sweep = {
  name: "sweep",
  key: "1",
  help: "sweep, all runs",
  shows:
    "all runs in a table, those that wait too; how far each sweep is and when it will end; why runs failed; accuracy over density",
  of: "runs",
  layout(state, width, height) {
    // a row a run, and a heading a configuration where they are grouped
    const headingCount = state.grouped ? configurationCount(state) : 0;
    const warningCount = unknownRows(state, width - 4).length;
    const rowCount = state.runs.length + headingCount + state.sweeps.length + warningCount;
    const failedCount = failedRuns(state).length;
    const wanted = Math.min(Math.floor(height / 3), failureRowCount(state, width - 4) + 2);
    const isTold = failedCount > 0 && wanted >= BORDERED_HEIGHT && height - wanted >= LEAST_PANEL_HEIGHT;
    const failures = isTold ? [alone(failuresPanel, width, wanted)] : [];
    const rest = height - (isTold ? wanted : 0);
    // runs go before the plot where failures take their room
    if (isTold && rest < LEAST_WITH_PLOT) return [alone(sweepPanel, width, rest), ...failures];
    const [table, ...plot] = tableAndPlot(sweepPanel, { rowCount, plotShare: 0.34 }, width, rest);
    return [table!, ...failures, ...plot];
  },
} as const satisfies View;
