/** The last noteworthy events of a run. */
import { formatClock, type RunState } from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { faintNote, type PanelContent } from "./panelContent.ts";
import { truncate } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export function logContent(
  state: DashboardState,
  run: RunState,
  width: number,
  height: number,
): PanelContent {
  const end = Math.max(Math.min(height, run.log.length), run.log.length - state.logOffset);
  const entries = run.log.slice(Math.max(0, end - height), end);
  const colourOf = { info: undefined, warning: COLOURS.warning, error: COLOURS.error } as const;
  return {
    title: "Log",
    ...(end < run.log.length ? { notes: faintNote(`${run.log.length - end} later lines below`) } : {}),
    rows: entries.map((entry) => {
      const colour = colourOf[entry.level];
      const mark = entry.level === "info" ? " " : "!";
      return [
        { text: `${formatClock(entry.t)}${mark}`, colour: COLOURS.faint },
        { text: truncate(entry.text, width - 9), ...(colour ? { colour } : {}) },
      ];
    }),
  };
}
