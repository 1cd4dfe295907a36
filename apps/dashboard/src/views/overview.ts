/** The run under the cursor at a glance. */
import { accuracyPanel, lossPanel } from "../curvePanels.ts";
import type { View } from "../dashboardState.ts";
import { layersPanel } from "../layersPanel.ts";
import { logPanel } from "../logPanel.ts";
import { alone, BORDERED_HEIGHT, besideMeasures, halves } from "../panelRows.ts";

export const overview = {
  name: "overview",
  key: "0",
  help: "overview",
  shows: "the run under the cursor: how far it is, its layers, measures, loss and accuracy, log",
  of: "run",
  panels: [accuracyPanel, layersPanel],
  layout(_state, width, height) {
    const logHeight = height >= 24 ? Math.max(5, Math.floor(height * 0.2)) : 0;
    const layersHeight = Math.floor((height - logHeight) * 0.46);
    // a heading without a layer informs about nothing
    if (layersHeight < BORDERED_HEIGHT + 1) return [halves(lossPanel, accuracyPanel, width, height)];
    return [
      besideMeasures(layersPanel, width, layersHeight),
      halves(lossPanel, accuracyPanel, width, height - logHeight - layersHeight),
      ...(logHeight > 0 ? [alone(logPanel, width, logHeight)] : []),
    ];
  },
} as const satisfies View;
