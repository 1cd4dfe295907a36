/** Configurations side by side. */
import { comparedTradeOffPanel, comparePanel } from "../comparePanel.ts";
import type { View } from "../dashboardState.ts";
import { densitiesOf } from "../densities.ts";
import { configurationCount, tableAndPlot } from "../panelRows.ts";
import { unknownRows } from "../runTitles.ts";
import { visibleRuns } from "../visibleRuns.ts";

export const compare = {
  name: "compare",
  key: "5",
  help: "compare configurations",
  shows:
    "configurations side by side at one density, with mean and 95 % interval over their seeds; ↑ and ↓ change the density. The letters of rows are those of the lines in the chart, where a vertical line marks the density",
  of: "runs",
  layout: (state, width, height) =>
    tableAndPlot(
      comparePanel,
      {
        plot: comparedTradeOffPanel,
        rowCount: configurationCount(state) + unknownRows(state, width - 4).length,
        plotShare: 0.6,
      },
      width,
      height,
    ),
  moved(state, by) {
    const last = Math.max(0, densitiesOf(state, visibleRuns(state)).length - 1);
    return { ...state, densityCursor: Math.max(0, Math.min(last, state.densityCursor + by)) };
  },
} as const satisfies View;
