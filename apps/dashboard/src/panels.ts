/** The inside of every panel: pure functions of the state and the room they have. */
import { accuracyContent, lossContent } from "./curvePanels.ts";
import { type DashboardState, selectedRun } from "./dashboardState.ts";
import { layersContent } from "./layersPanel.ts";
import type { PanelKind } from "./layout.ts";
import { logContent } from "./logPanel.ts";
import { measuresContent } from "./measuresPanel.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { runContent } from "./runPanel.ts";
import { runsContent } from "./runsPanel.ts";

/** @param width, height the room inside the borders */
export function panelContent(
  kind: PanelKind,
  state: DashboardState,
  width: number,
  height: number,
): PanelContent {
  if (kind === "runs") return runsContent(state, width, height);
  const run = state.shown?.state;
  const entry = selectedRun(state);
  if (!run || !entry) {
    const text = state.selected === undefined ? "No run is chosen." : "Reading the run …";
    return { title: TITLES[kind], rows: kind === "run" ? notice(text, width) : [] };
  }
  switch (kind) {
    case "run":
      return runContent(state, entry, run, width, height);
    case "layers":
      return layersContent(state, run, width, height);
    case "measures":
      return measuresContent(run, width, height);
    case "loss":
      return lossContent(state, run, width, height);
    case "accuracy":
      return accuracyContent(run, width, height);
    case "log":
      return logContent(state, run, width, height);
  }
}

const TITLES: Readonly<Record<PanelKind, string>> = {
  runs: "Runs",
  run: "Run",
  layers: "Layers",
  measures: "Measures",
  loss: "Loss",
  accuracy: "Accuracy",
  log: "Log",
};
