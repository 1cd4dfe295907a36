/** What happened, in words. */
import { logPanel } from "../logPanel.ts";
import { alone } from "../panelRows.ts";
import type { View } from "./view.ts";

export const log = {
  name: "log",
  key: "6",
  help: "log",
  shows: "everything noteworthy, oldest first",
  of: "run",
  panels: [logPanel],
  focus: "log",
  layout: (_state, width, height) => [alone(logPanel, width, height)],
} as const satisfies View;
