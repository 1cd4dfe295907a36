/** What a run's process printed. */
import type { View } from "../dashboardState.ts";
import { outputPanel } from "../outputPanel.ts";
import { alone } from "../panelRows.ts";

export const output = {
  name: "output",
  key: "8",
  help: "output of its process",
  shows:
    "what the run's process printed, the last of it: the log of its sweep, or the file that its standard error goes to; also what a process said that was killed",
  of: "run",
  panels: [outputPanel],
  focus: "output",
  readsOutput: true,
  layout: (_state, width, height) => [alone(outputPanel, width, height)],
} as const satisfies View;
