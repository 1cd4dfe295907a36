/** All runs in a table. */

import type { View } from "../dashboardState.ts";
import { configurationCount, tableAndPlot } from "../panelRows.ts";
import { sweepPanel } from "../sweepPanel.ts";

export const sweep = {
  name: "sweep",
  key: "1",
  help: "sweep, all runs",
  shows: "all runs in a table, and accuracy over density",
  of: "runs",
  layout(state, width, height) {
    // a row a run, and a heading a configuration where they are grouped
    const rowCount = state.runs.length + (state.grouped ? configurationCount(state) : 0);
    return tableAndPlot(sweepPanel, { rowCount, plotShare: 0.34 }, width, height);
  },
} as const satisfies View;
