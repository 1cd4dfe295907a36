/** The progress of a pruning, and its mask. */

import type { View } from "../dashboardState.ts";
import { layersPanel } from "../layersPanel.ts";
import { alone, besideMeasures, halves, LEAST_PANEL_HEIGHT } from "../panelRows.ts";
import { unitsPanel } from "../unitsPanel.ts";
import { walksPanel } from "../walksPanel.ts";

/** Rows of the figures of a pruning without their plot. */
const FACTS_HEIGHT = 7;

export const pruning = {
  name: "pruning",
  key: "2",
  help: "pruning",
  shows: "what is kept over the time against the target, layers filling up beside what theory expects, units",
  of: "run",
  panels: [walksPanel],
  readsUnits: true,
  layout(state, width, height) {
    if (height < LEAST_PANEL_HEIGHT + FACTS_HEIGHT) return [alone(walksPanel, width, height)];
    if (height < 22) {
      // figures without their plot, to leave room for the layers
      const left = height - FACTS_HEIGHT;
      return [
        alone(walksPanel, width, FACTS_HEIGHT),
        width < 70 ? alone(layersPanel, width, left) : halves(layersPanel, unitsPanel, width, left),
      ];
    }
    const walksHeight = Math.max(FACTS_HEIGHT + 2, Math.floor(height * 0.28));
    const layersHeight = Math.ceil((height - walksHeight) / 2);
    return [
      alone(walksPanel, width, walksHeight),
      // there are no measures before the mask is finished
      (state.shown?.state.mask ? besideMeasures : alone)(layersPanel, width, layersHeight),
      alone(unitsPanel, width, height - walksHeight - layersHeight),
    ];
  },
} as const satisfies View;
