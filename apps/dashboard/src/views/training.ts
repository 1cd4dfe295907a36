/** Loss, accuracy and speed of a training. */
import { accuracyPanel, lossPanel } from "../curvePanels.ts";
import type { View } from "../dashboardState.ts";
import { layersPanel } from "../layersPanel.ts";
import { alone, halves } from "../panelRows.ts";
import { speedPanel } from "../speedPanel.ts";

export const training = {
  name: "training",
  key: "3",
  help: "training",
  shows: "loss and accuracy over steps or time, marked runs laid over each other, images per second",
  of: "run",
  panels: [lossPanel, layersPanel],
  layout(_state, width, height) {
    const speedHeight = height >= 24 ? 10 : 0;
    const left = height - speedHeight;
    const lossHeight = Math.ceil(left / 2);
    const curves =
      left < 20
        ? [halves(lossPanel, accuracyPanel, width, left)]
        : [alone(lossPanel, width, lossHeight), alone(accuracyPanel, width, left - lossHeight)];
    return speedHeight > 0 ? [...curves, alone(speedPanel, width, speedHeight)] : curves;
  },
} as const satisfies View;
