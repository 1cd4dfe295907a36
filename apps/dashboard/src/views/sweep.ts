/** All runs in a table. */

import type { View } from "../dashboardState.ts";
import { methodCount, tableAndPlot } from "../panelRows.ts";
import { sweepPanel } from "../sweepPanel.ts";

export const sweep = {
  name: "sweep",
  key: "1",
  help: "sweep, all runs",
  shows: "all runs in a table, and accuracy over density",
  of: "runs",
  layout(state, width, height) {
    // a row per run, and a heading per method if they are grouped
    const rowCount = state.runs.length + (state.grouped ? methodCount(state) : 0);
    return tableAndPlot(sweepPanel, { rowCount, plotShare: 0.34 }, width, height);
  },
} as const satisfies View;
