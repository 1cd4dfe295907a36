/** A view of the screen: one file says all of it, and `registry.ts` has a line for it. See docs/adding-a-view.md. */
import type { DashboardState, PanelName } from "../dashboardState.ts";
import type { Panel } from "../panel.ts";
import type { PanelRow } from "../panelRows.ts";

export type View = RunView | RunsView;

interface ViewBase {
  /** One word: in the head of the screen, and what `phew watch --view` takes. */
  readonly name: string;
  /** The character that shows it; the views stand in the head in the order of the registry. */
  readonly key: string;
  /** In a few words, for the help of the keys. */
  readonly help: string;
  /** What it shows, for docs/dashboard.md. */
  readonly shows: string;
  /** Rows of panels that fill the width and the height they are given, in columns and rows, borders included. */
  readonly layout: (state: DashboardState, width: number, height: number) => readonly PanelRow[];
  /** Where the keys go when it is chosen: to the list, or the layers of a run that has the whole screen, unless given. */
  readonly focus?: PanelName;
  /** The masks of the run under the cursor are read for it. */
  readonly readsUnits?: true;
  /** What ↑ and ↓ do instead of what they do in the panel that has the focus. */
  readonly moved?: (state: DashboardState, by: number) => DashboardState;
}

/** Of the run under the cursor: beside the list of runs, below the panel that says how far the run is. */
export interface RunView extends ViewBase {
  readonly of: "run";
  /**
   * In a narrow terminal there is room for one of them, below the list and the run: the one that has the focus, else the
   * first.
   */
  readonly panels: readonly [Panel, ...Panel[]];
}

/** Of all runs: it has all of the screen, and Enter on a run shows that run's overview. */
export interface RunsView extends ViewBase {
  readonly of: "runs";
}
