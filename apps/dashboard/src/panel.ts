/** Panels of one run, and panels as they are drawn. */
import { describeFailure, type RunEntry, type RunState } from "@phew/runs";
import type { DashboardState, Panel, PanelName } from "./dashboardState.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { wrap } from "./styledText.ts";
import { COLOURS } from "./theme.ts";
import { selectedRun } from "./visibleRuns.ts";

/** The selected run, from its folder and its events. */
export interface PanelRun {
  readonly entry: RunEntry;
  readonly run: RunState;
}

/**
 * A panel of the selected run: blank if there is none, or if it has not been read yet.
 * @param isFirst shows a message then; other panels stay blank
 */
export function panelOfRun(
  title: string,
  content: (state: DashboardState, shown: PanelRun, width: number, height: number) => PanelContent,
  { focus, isFirst = false }: { readonly focus?: PanelName | undefined; readonly isFirst?: boolean } = {},
): Panel {
  return {
    title,
    focus,
    content(state, width, height) {
      const run = state.shown?.state;
      const entry = selectedRun(state);
      if (run && entry) return content(state, { entry, run }, width, height);
      const text = state.selected === undefined ? "No run is chosen." : "Reading the run …";
      return { title, rows: isFirst ? notice(text, width) : [] };
    },
  };
}

/** The content of a panel. If one cannot be drawn, it shows the error, and the others are unaffected. */
export function drawnPanel(panel: Panel, state: DashboardState, width: number, height: number): PanelContent {
  try {
    return panel.content(state, width, height);
  } catch (error) {
    const text = `This panel cannot be drawn: ${describeFailure(error).message}`;
    return {
      title: panel.title,
      rows: wrap(text, width).map((line) => [{ text: line, colour: COLOURS.error }]),
    };
  }
}
