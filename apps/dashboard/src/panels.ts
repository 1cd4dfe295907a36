/** The inside of every panel: pure functions of the state and the room they have. */
import { describeFailure } from "@phew/runs";
import { compareContent, tradeOffContent } from "./comparePanel.ts";
import { accuracyContent, lossContent } from "./curvePanels.ts";
import { type DashboardState, selectedRun } from "./dashboardState.ts";
import { layersContent } from "./layersPanel.ts";
import type { PanelKind } from "./layout.ts";
import { logContent } from "./logPanel.ts";
import { measuresContent } from "./measuresPanel.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { runContent } from "./runPanel.ts";
import { runsContent } from "./runsPanel.ts";
import { speedContent } from "./speedPanel.ts";
import { wrap } from "./styledText.ts";
import { sweepContent } from "./sweepPanel.ts";
import { COLOURS } from "./theme.ts";
import { unitsContent } from "./unitsPanel.ts";
import { walksContent } from "./walksPanel.ts";

type RunPanelKind = Exclude<PanelKind, "runs" | "sweep" | "compare" | "tradeOff">;

/**
 * A panel that cannot be drawn says so in its place, and the others stay.
 * @param width, height the room inside the borders
 */
export function panelContent(
  kind: PanelKind,
  state: DashboardState,
  width: number,
  height: number,
): PanelContent {
  try {
    return contentOf(kind, state, width, height);
  } catch (error) {
    const text = `This panel cannot be drawn: ${describeFailure(error).message}`;
    return {
      title: TITLES[kind],
      rows: wrap(text, width).map((line) => [{ text: line, colour: COLOURS.error }]),
    };
  }
}

function contentOf(kind: PanelKind, state: DashboardState, width: number, height: number): PanelContent {
  switch (kind) {
    case "runs":
      return runsContent(state, width, height);
    case "sweep":
      return sweepContent(state, width, height);
    case "compare":
      return compareContent(state, width, height);
    case "tradeOff":
      return tradeOffContent(state, width, height);
    default:
      return runPanelContent(kind, state, width, height);
  }
}

function runPanelContent(
  kind: RunPanelKind,
  state: DashboardState,
  width: number,
  height: number,
): PanelContent {
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
      return accuracyContent(state, run, width, height);
    case "walks":
      return walksContent(state, run, width, height);
    case "units":
      return unitsContent(state, run, width, height);
    case "speed":
      return speedContent(state, run, width, height);
    case "log":
      return logContent(state, run, width, height);
  }
}

const TITLES: Readonly<Record<PanelKind, string>> = {
  runs: "Runs",
  sweep: "Sweep",
  compare: "Compare",
  tradeOff: "Accuracy over density",
  run: "Run",
  layers: "Layers",
  measures: "Measures",
  loss: "Loss",
  accuracy: "Accuracy",
  log: "Log",
  walks: "Pruning",
  units: "Units",
  speed: "Images per second",
};
