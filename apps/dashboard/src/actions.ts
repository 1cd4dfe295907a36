/** Everything that changes the state of the screen: results of the watcher, and actions of the user. */
import type { RunEntry, SweepEntry } from "@phew/runs";
import type { RunNotes } from "@phew/runs/list";
import type { PanelName, ShownRun, View } from "./dashboardState.ts";
import type { PanelChoice } from "./panelContent.ts";
import type { SweepAnswer } from "./sweepAnswers.ts";

export type DashboardAction =
  | {
      readonly kind: "watched";
      readonly runs: readonly RunEntry[];
      /** False while folders are still read for the first time. */
      readonly isListed?: boolean;
      readonly shown?: ShownRun | undefined;
      readonly overlays?: readonly ShownRun[];
      readonly sweeps?: readonly SweepEntry[];
      /** Where the filter asks for them. */
      readonly notes?: ReadonlyMap<string, RunNotes> | undefined;
      readonly now: number;
    }
  | { readonly kind: "moved"; readonly by: number }
  | { readonly kind: "jumped"; readonly to: "start" | "end" }
  | { readonly kind: "focusMoved"; readonly by: 1 | -1 }
  | { readonly kind: "viewMoved"; readonly by: 1 | -1 }
  | { readonly kind: "viewChosen"; readonly view: View }
  | { readonly kind: "opened" }
  | { readonly kind: "closed" }
  | { readonly kind: "filterStarted" }
  | { readonly kind: "filterTyped"; readonly text: string }
  | { readonly kind: "filterErased" }
  | { readonly kind: "filterEnded" }
  | { readonly kind: "promptStarted"; readonly prompt: "search" | "jump" }
  | { readonly kind: "promptTyped"; readonly text: string }
  | { readonly kind: "promptErased" }
  | { readonly kind: "promptEnded" }
  | { readonly kind: "searched"; readonly by: 1 | -1 }
  | { readonly kind: "cursorToggled" }
  | { readonly kind: "cursorMoved"; readonly by: number }
  | { readonly kind: "magnified"; readonly by: 1 | -1 }
  | { readonly kind: "helpToggled" }
  | { readonly kind: "helpTurned"; readonly by: 1 | -1 }
  | { readonly kind: "logScaleToggled" }
  | { readonly kind: "smoothed"; readonly by: 1 | -1 }
  | { readonly kind: "recentToggled" }
  | { readonly kind: "frozenToggled" }
  | { readonly kind: "followToggled" }
  | { readonly kind: "marked" }
  | { readonly kind: "timeAxisToggled" }
  | { readonly kind: "ordered" }
  | { readonly kind: "orderTurned" }
  | { readonly kind: "groupToggled" }
  | { readonly kind: "frameSaved" }
  | { readonly kind: "copied"; readonly what: "id" | "path" }
  | { readonly kind: "mouseToggled" }
  | { readonly kind: "focused"; readonly panel: PanelName }
  | PanelChoice
  | { readonly kind: "noticed"; readonly text: string }
  | { readonly kind: "asked" }
  | { readonly kind: "sweepAsked" }
  | { readonly kind: "sweepAnswered"; readonly answer: SweepAnswer }
  | { readonly kind: "answered"; readonly answer: QuitAnswer }
  | { readonly kind: "quit" };

/** What becomes of the run that was started with the screen. */
export type QuitAnswer = "leave" | "stop" | "kill";
