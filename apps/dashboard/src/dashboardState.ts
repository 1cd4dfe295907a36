/**
 * The state of the screen, and the views and panels that show it: a view consists of panels, which are functions of
 * the state. `update.ts` changes it.
 */
import type { LayerUnits, RunEntry, RunOutput, RunState, SweepEntry } from "@phew/runs";
import type { RunNotes } from "@phew/runs/list";
import type { PanelContent } from "./panelContent.ts";
import type { OrderName } from "./runOrder.ts";

export const PANELS = ["runs", "layers", "curves", "log", "settings", "output"] as const;
export type PanelName = (typeof PANELS)[number];

/** The run under the cursor, as far as its events are read. */
export interface ShownRun {
  readonly folder: string;
  readonly state: RunState;
  /** Read fraction of its events, 0 … 1. */
  readonly loaded: number;
  /** From its masks, once they are read. */
  readonly units?: readonly LayerUnits[] | undefined;
  /** What its process printed, where that is in a file, once it is read. */
  readonly output?: RunOutput | undefined;
}

export type StepRange = readonly [first: number, last: number];

/** Most runs in one plot: as many as there are colours and letters. */
export const MARK_COUNT = 6;

export interface DashboardState {
  /** The folder being watched, as the user named it. */
  readonly root: string;
  /** Milliseconds since the epoch; constant while frozen. */
  readonly now: number;
  /** All runs in the order of the list. */
  readonly runs: readonly RunEntry[];
  /** False until all folders have been read once. */
  readonly isListed: boolean;
  /** The sweeps that some of them are of. */
  readonly sweeps: readonly SweepEntry[];
  /** Folder of the run under the cursor. */
  readonly selected?: string;
  readonly shown?: ShownRun | undefined;
  /** Folders of the runs laid over each other; the place in the list is the run's colour and letter. */
  readonly marked: readonly (string | undefined)[];
  /** Those of `marked` whose events are read. */
  readonly overlays: readonly ShownRun[];
  /** Of the list of runs. */
  readonly order: OrderName;
  readonly descending: boolean;
  readonly grouped: boolean;
  /** Index of the density that methods are compared at. */
  readonly densityCursor: number;
  /** Curves over the time since the run began, not over the step. */
  readonly timeAxis: boolean;
  /** Result of the last action, shown until the next key. */
  readonly notice?: string;
  /** True: the user is asked whether the run that was started with the screen continues. */
  readonly asking: boolean;
  /** Job arrays whose runs are in the table, not one row for all. */
  readonly openJobs: readonly string[];
  /** True: the user is asked what is to be done with the sweep at hand. */
  readonly askingSweep: boolean;
  /** Process of the run that was started with the screen. */
  readonly startedPid?: number | undefined;
  /** True: the cursor goes to the run that began last, of those started with the screen before any other. */
  readonly follow: boolean;
  readonly view: View;
  readonly focus: PanelName;
  /** The list is hidden and one run has the whole screen. */
  readonly zoomed: boolean;
  readonly filter: string;
  /** Tags and notes by the run's folder, while the filter asks for them. */
  readonly notes?: ReadonlyMap<string, RunNotes> | undefined;
  /** True: keys are letters of the filter. */
  readonly filtering: boolean;
  readonly help: boolean;
  /** Of the help, where it has several; counted on over the last one. */
  readonly helpPage: number;
  readonly logScale: boolean;
  /** Index of {@link SMOOTHING_LEVELS}. */
  readonly smoothing: number;
  /** Only the last steps of the loss. */
  readonly recentOnly: boolean;
  /** The screen is frozen; the run goes on. */
  readonly frozen: boolean;
  readonly layerCursor: number;
  /** Lines between the end of the log, or of the output, and the last one shown. */
  readonly logOffset: number;
  /** The first line of the settings that is shown, where there is room for some only. */
  readonly settingOffset: number;
  /** What log and output are searched for; "" nothing. */
  readonly search: string;
  /** Index of the line that the search has found. */
  readonly foundAt?: number;
  /** What is typed in the bottom line: words to search the log for, or the number of a row or a step. */
  readonly prompt?: { readonly kind: "search" | "jump"; readonly text: string };
  /** The training step of the cursor on the curves. */
  readonly curveStep?: number;
  /** The first and the last step that curves show; absent: all. */
  readonly curveRange?: StepRange;
  /** The terminal reports mouse events. */
  readonly mouse: boolean;
  readonly quitting: boolean;
}

/** A panel of the screen: a pure function of the state and of the room it has inside its borders. */
export interface Panel {
  /** Title of its border if it has nothing to show, or cannot be drawn. */
  readonly title: string;
  /** The name by which Tab selects it; absent: it takes no keys. */
  readonly focus?: PanelName | undefined;
  /** @param width, height the room inside the borders */
  readonly content: (state: DashboardState, width: number, height: number) => PanelContent;
}

export interface PlacedPanel {
  readonly panel: Panel;
  /** In columns and rows, borders included. */
  readonly width: number;
  readonly height: number;
}

/** Panels of one height side by side. */
export type PanelRow = readonly PlacedPanel[];

/** Defined by one file in `views`, with a line in `registry.ts` there. See docs/adding-a-view.md. */
export type View = RunView | RunsView;

interface ViewBase {
  /** One word: in the head of the screen, and what `phew watch --view` takes. */
  readonly name: string;
  /** The key that shows it; the head lists the views in the order of the registry. */
  readonly key: string;
  /** In a few words, for the help of the keys. */
  readonly help: string;
  /** Description for docs/dashboard.md. */
  readonly shows: string;
  /** Rows of panels that fill the width and the height they are given, in columns and rows, borders included. */
  readonly layout: (state: DashboardState, width: number, height: number) => readonly PanelRow[];
  /**
   * The panel that gets the keys when the view is chosen; by default the list, or the layers of a run that fills the
   * screen.
   */
  readonly focus?: PanelName | undefined;
  /** The masks of the run under the cursor are read for it. */
  readonly readsUnits?: true;
  /** What the process of the run printed is read for it. */
  readonly readsOutput?: true;
  /** The action of ↑ and ↓ instead of that of the focused panel. */
  readonly moved?: (state: DashboardState, by: number) => DashboardState;
}

/** For the selected run: beside the list of runs, below the panel with the run's progress. */
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
