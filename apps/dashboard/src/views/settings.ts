/** The settings of a run, and the differences between runs. */
import type { View } from "../dashboardState.ts";
import { alone } from "../panelRows.ts";
import { settingsPanel } from "../settingsPanel.ts";

export const settings = {
  name: "settings",
  key: "7",
  help: "settings, differences",
  shows:
    "the settings of the run, those first that somebody chose; of two or more marked runs the settings in which they differ, and their accuracies",
  of: "run",
  panels: [settingsPanel],
  focus: "settings",
  layout: (_state, width, height) => [alone(settingsPanel, width, height)],
} as const satisfies View;
