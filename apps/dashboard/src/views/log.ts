/** The events, in words. */

import type { View } from "../dashboardState.ts";
import { logPanel } from "../logPanel.ts";
import { alone } from "../panelRows.ts";

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
