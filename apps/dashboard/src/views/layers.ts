/** The table of layers. */

import type { View } from "../dashboardState.ts";
import { layerTablePanel } from "../layersPanel.ts";
import { alone, besideMeasures } from "../panelRows.ts";

export const layers = {
  name: "layers",
  key: "4",
  help: "layers",
  shows:
    "the table of layers: density against what was asked and expected, width, the kept inputs of a unit as a histogram, and of a training the mean gradient and the time of a step; shape, kept weights",
  of: "run",
  panels: [layerTablePanel],
  readsUnits: true,
  // the table has columns for more room than an overview gives it
  layout: (_state, width, height) => [
    width < 140 ? alone(layerTablePanel, width, height) : besideMeasures(layerTablePanel, width, height),
  ],
} as const satisfies View;
