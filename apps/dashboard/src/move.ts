/** Where the keys go: to another run, row, line or step, by so many, by a number, or to what is searched for. */
import { withCursorAt, withCursorMoved, withoutZoom } from "./curveWindow.ts";
import type { DashboardState } from "./dashboardState.ts";
import { listedRuns } from "./jobArrays.ts";
import { BELOW_FOUND, linesOf, nextLineWith } from "./lineSearch.ts";
import { settingCount } from "./settingsPanel.ts";

/** @param by rows further; ±Infinity: to an end */
export function movedBy(state: DashboardState, by: number): DashboardState {
  if (state.view.moved) return state.view.moved(state, by);
  switch (state.zoomed && state.focus === "runs" ? "layers" : state.focus) {
    case "runs": {
      const runs = listedRuns(state);
      const at = runs.findIndex((run) => run.folder === state.selected);
      const run = runs[clamp(at + by, 0, runs.length - 1)];
      return run ? { ...select(state, run.folder), follow: false } : state;
    }
    case "layers":
      return {
        ...state,
        layerCursor: clamp(state.layerCursor + by, 0, Math.max(0, layerCount(state) - 1)),
      };
    case "log":
    case "output":
      return { ...state, logOffset: clamp(state.logOffset - by, 0, Math.max(0, linesOf(state).length - 1)) };
    case "settings":
      return {
        ...state,
        settingOffset: clamp(state.settingOffset + by, 0, Math.max(0, settingCount(state) - 1)),
      };
    case "curves":
      return Number.isFinite(by) ? withCursorMoved(state, by) : withCursorAt(state, by);
  }
}

/** Of the run shown, whether its mask is done or coming about. */
function layerCount({ shown }: DashboardState): number {
  const { mask, pruning } = shown?.state ?? {};
  return mask?.layers.length ?? pruning?.layerProgress?.length ?? 0;
}

/** With another run under the cursor. */
export function select(state: DashboardState, folder: string): DashboardState {
  if (state.selected === folder) return state;
  const { shown, foundAt: _, ...rest } = withoutZoom(state);
  const selected: DashboardState = {
    ...rest,
    selected: folder,
    layerCursor: 0,
    logOffset: 0,
    settingOffset: 0,
  };
  return shown?.folder === folder ? { ...selected, shown } : selected;
}

/** What is typed in the bottom line, changed. */
export function prompted(state: DashboardState, typed: (text: string) => string): DashboardState {
  const { prompt } = state;
  return prompt ? { ...state, prompt: { ...prompt, text: typed(prompt.text) } } : state;
}

/** What was typed is searched for, or gone to. */
export function promptAnswered({ prompt, ...state }: DashboardState): DashboardState {
  if (prompt?.kind === "search") {
    const { foundAt: _, ...before } = state;
    return searched({ ...before, search: prompt.text }, -1);
  }
  const number = Number.parseInt(prompt?.text ?? "", 10);
  if (Number.isNaN(number)) return state;
  if (state.focus === "curves" && !state.view.moved) return withCursorAt(state, number);
  return movedBy(movedBy(state, -Infinity), Math.max(0, number - 1));
}

/** The next line that has what is searched for; the last one there is at first. */
export function searched(state: DashboardState, by: 1 | -1): DashboardState {
  const { search, foundAt } = state;
  if (search === "") return { ...state, notice: "/ searches where the log or the output has the keys" };
  const lines = linesOf(state);
  const found = nextLineWith(lines, search, foundAt ?? lines.length - state.logOffset, by);
  if (found === undefined) return { ...state, notice: `no line has “${search}”` };
  return { ...state, foundAt: found, logOffset: Math.max(0, lines.length - 1 - found - BELOW_FOUND) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
