/** Changes the pure state of the screen: `update` applies watcher results and user actions. */

import { counted } from "@phew/runs";
import type { DashboardAction } from "./actions.ts";
import { withCursorAt, withCursorMoved, withoutCursor, withoutZoom, withZoom } from "./curveWindow.ts";
import { type DashboardState, MARK_COUNT, PANELS, type PanelName, type View } from "./dashboardState.ts";
import { withArrayClosed, withArrayOpened } from "./jobArrays.ts";
import { movedBy, promptAnswered, prompted, searched, select } from "./move.ts";
import { ORDERS, startedT } from "./runOrder.ts";
import { SMOOTHING_LEVELS } from "./smoothing.ts";
import { sweepAtHand, sweepChoices } from "./sweepAnswers.ts";
import { overview } from "./views/overview.ts";
import { VIEWS } from "./views/registry.ts";
import { visibleRuns } from "./visibleRuns.ts";

/** @param start what differs from the overview of runs that were there before */
export function initialDashboard(
  root: string,
  now: number,
  start: Partial<Pick<DashboardState, "startedPid" | "view">> = {},
): DashboardState {
  return {
    root,
    now,
    runs: [],
    isListed: false,
    sweeps: [],
    marked: [],
    overlays: [],
    order: "start",
    descending: false,
    grouped: false,
    densityCursor: 0,
    timeAxis: false,
    asking: false,
    askingSweep: false,
    openJobs: [],
    follow: true,
    view: overview,
    focus: start.view?.focus ?? "runs",
    zoomed: false,
    filter: "",
    filtering: false,
    help: false,
    helpPage: 0,
    logScale: false,
    smoothing: 2,
    recentOnly: false,
    frozen: false,
    layerCursor: 0,
    logOffset: 0,
    settingOffset: 0,
    search: "",
    mouse: true,
    quitting: false,
    ...start,
  };
}

type Changes = {
  readonly [K in DashboardAction["kind"]]: (
    state: DashboardState,
    action: Extract<DashboardAction, { kind: K }>,
  ) => DashboardState;
};

/** What each action does, by its kind. */
const CHANGES: Changes = {
  watched: (state, action) => watched(state, action),
  moved: (state, action) => movedBy(state, action.by),
  jumped: (state, action) => movedBy(state, action.to === "start" ? -Infinity : Infinity),
  focusMoved: (state, action) => ({ ...state, focus: next(focusable(state), state.focus, action.by) }),
  viewMoved: (state, action) => viewed(state, next(VIEWS, state.view, action.by)),
  viewChosen: (state, action) => viewed(state, action.view),
  opened: (state) => opened(state),
  closed: (state) => closed(state),
  filterStarted: (state) => {
    if (state.focus === "log" || state.focus === "output")
      return { ...state, prompt: { kind: "search", text: "" } };
    return { ...state, filtering: true, focus: "runs", zoomed: false };
  },
  filterTyped: (state, action) => filtered(state, state.filter + action.text),
  filterErased: (state) => filtered(state, [...state.filter].slice(0, -1).join("")),
  filterEnded: (state) => ({ ...state, filtering: false }),
  promptStarted: (state, action) => ({ ...state, prompt: { kind: action.prompt, text: "" } }),
  promptTyped: (state, action) => prompted(state, (text) => text + action.text),
  promptErased: (state) => prompted(state, (text) => [...text].slice(0, -1).join("")),
  promptEnded: (state) => promptAnswered(state),
  searched: (state, action) => searched(state, action.by),
  cursorToggled: (state) => cursorToggled(state),
  cursorMoved: (state, action) => withCursorMoved(state, action.by),
  magnified: (state, action) => withZoom(state, action.by),
  helpToggled: (state) => ({ ...state, help: !state.help, helpPage: 0 }),
  helpTurned: (state, action) => ({ ...state, helpPage: Math.max(0, state.helpPage + action.by) }),
  logScaleToggled: (state) => ({ ...state, logScale: !state.logScale }),
  smoothed: (state, action) => ({
    ...state,
    smoothing: Math.min(SMOOTHING_LEVELS.length - 1, Math.max(0, state.smoothing + action.by)),
  }),
  recentToggled: (state) => ({ ...state, recentOnly: !state.recentOnly }),
  frozenToggled: (state) => ({ ...state, frozen: !state.frozen }),
  followToggled: (state) => ({ ...state, follow: !state.follow }),
  marked: (state) => marked(state),
  timeAxisToggled: (state) => ({ ...state, timeAxis: !state.timeAxis }),
  ordered: (state) => ({ ...state, order: next(ORDERS, state.order, 1) }),
  orderTurned: (state) => ({ ...state, descending: !state.descending }),
  groupToggled: (state) => ({ ...state, grouped: !state.grouped }),
  noticed: (state, action) => ({ ...state, notice: action.text }),
  asked: (state) => ({ ...state, asking: true }),
  sweepAsked: (state) => sweepAsked(state),
  sweepAnswered: (state) => ({ ...state, askingSweep: false }),
  frameSaved: (state) => state,
  copied: (state) => state,
  mouseToggled: (state) => mouseToggled(state),
  focused: (state, action) => ({ ...state, focus: action.panel }),
  runChosen: (state, action) => ({ ...select(state, action.folder), follow: false, focus: "runs" }),
  layerChosen: (state, action) => ({ ...state, layerCursor: action.index, focus: "layers" }),
  stepChosen: (state, action) => ({ ...withCursorAt(state, action.step), focus: "curves" }),
  answered: (state) => ({ ...state, asking: false, quitting: true }),
  quit: (state) => ({ ...state, asking: false, quitting: true }),
};

export function update(before: DashboardState, action: DashboardAction): DashboardState {
  const state = action.kind === "watched" ? before : withoutNotice(before);
  // the compiler does not see that the kind chooses both
  return (CHANGES[action.kind] as (state: DashboardState, action: DashboardAction) => DashboardState)(
    state,
    action,
  );
}

function withoutNotice(state: DashboardState): DashboardState {
  if (state.notice === undefined) return state;
  const { notice: _, ...rest } = state;
  return rest;
}

/** The keys go to the subject of a view. */
function viewed(state: DashboardState, view: View): DashboardState {
  const zoomed = state.zoomed && view.of === "run";
  const focus = view.focus ?? (zoomed ? "layers" : "runs");
  // log and output are other lines
  const { foundAt: _, ...rest } = state;
  if (focus === state.focus) return { ...state, view, zoomed };
  return { ...rest, logOffset: 0, view, zoomed, focus };
}

function marked(state: DashboardState): DashboardState {
  const { selected } = state;
  if (selected === undefined) return state;
  const at = state.marked.indexOf(selected);
  if (at >= 0) return { ...state, marked: state.marked.with(at, undefined) };
  const free = Array.from({ length: MARK_COUNT }, (_, k) => k).find((k) => state.marked[k] === undefined);
  if (free === undefined) {
    return {
      ...state,
      notice: `${counted(MARK_COUNT, "run")} are marked; Space on one of them frees its place`,
    };
  }
  const slots = Array.from({ length: Math.max(state.marked.length, free + 1) }, (_, k) => state.marked[k]);
  return { ...state, marked: slots.with(free, selected) };
}

function watched(
  state: DashboardState,
  {
    runs,
    isListed = true,
    shown,
    overlays = [],
    sweeps = [],
    notes,
    now,
  }: Extract<DashboardAction, { kind: "watched" }>,
): DashboardState {
  if (state.frozen) {
    // a run chosen while the screen is frozen is shown in its present state
    return shown && !state.shown && shown.folder === state.selected ? { ...state, shown } : state;
  }
  const fresh: DashboardState = { ...state, runs, isListed, sweeps, notes, now, overlays, shown };
  const selected = followed(fresh, state.isListed) ?? kept(fresh);
  return selected === undefined ? withoutSelection(fresh) : select(fresh, selected);
}

/**
 * The run that began last, if the cursor follows: of live ones, of those started with the screen.
 * @param wasListed whether all runs were known when the present one was chosen
 */
function followed(state: DashboardState, wasListed: boolean): string | undefined {
  if (!state.follow) return undefined;
  const runs = visibleRuns(state).filter(({ life }) => life !== "waiting");
  const own = runs.filter((run) => state.startedPid !== undefined && run.status?.pid === state.startedPid);
  const live = runs.filter((run) => run.life === "running");
  // what has ended stays under the cursor until another begins
  const isThere = wasListed && runs.some((run) => run.folder === state.selected);
  const candidates = own.length > 0 ? own : live.length > 0 || isThere ? live : runs;
  let latest = candidates[0];
  for (const run of candidates) if (startedT(run) > startedT(latest!)) latest = run;
  return latest?.folder;
}

function kept(state: DashboardState): string | undefined {
  const runs = visibleRuns(state);
  return runs.some((run) => run.folder === state.selected) ? state.selected : runs[0]?.folder;
}

function withoutSelection(state: DashboardState): DashboardState {
  const { selected: _, shown: __, ...rest } = state;
  return rest;
}

function opened(state: DashboardState): DashboardState {
  if (state.selected === undefined || state.zoomed) return state;
  const withRuns = withArrayOpened(state);
  if (withRuns) return withRuns;
  const view = state.view.of === "runs" ? overview : state.view;
  return { ...state, view, zoomed: true, focus: state.focus === "runs" ? "layers" : state.focus };
}

/** Esc goes back one step: from the help, from one run to the list, from a filter to all runs. */
function closed(state: DashboardState): DashboardState {
  if (state.asking || state.askingSweep) return { ...state, asking: false, askingSweep: false };
  if (state.help) return { ...state, help: false };
  if (state.prompt) return withoutPrompt(state);
  if (state.filtering) return filtered({ ...state, filtering: false }, "");
  if (state.curveStep !== undefined) return withoutCursor(state);
  if (state.curveRange) return withoutZoom(state);
  if (state.search !== "") return withoutSearch(state);
  if (state.zoomed) return { ...state, zoomed: false, focus: "runs" };
  if (state.filter !== "") return filtered(state, "");
  return withArrayClosed(state) ?? state;
}

function sweepAsked(state: DashboardState): DashboardState {
  const sweep = sweepAtHand(state);
  if (!sweep)
    return { ...state, notice: "no sweep has the run under the cursor: one that phew sweep was called for" };
  if (sweepChoices(state, sweep).length > 0) return { ...state, askingSweep: true };
  return { ...state, notice: `${sweep.experiment}: nothing to start, to retry or to cancel` };
}

function cursorToggled(state: DashboardState): DashboardState {
  if (state.curveStep !== undefined) return withoutCursor(state);
  const hasCurves = state.view.of === "run" && state.view.panels.some(({ focus }) => focus === "curves");
  if (!hasCurves)
    return { ...state, notice: "the cursor stands on the curves of the views overview and training" };
  const next = withCursorMoved(state, 0);
  return next === state ? { ...state, notice: "no curves yet" } : { ...next, focus: "curves" };
}

function mouseToggled(state: DashboardState): DashboardState {
  const mouse = !state.mouse;
  const whose = mouse ? "the screen's: clicks choose, the wheel moves" : "the terminal's: it selects text";
  return { ...state, mouse, notice: `the mouse is ${whose}` };
}

function withoutPrompt({ prompt: _, ...state }: DashboardState): DashboardState {
  return state;
}

function withoutSearch({ foundAt: _, ...state }: DashboardState): DashboardState {
  return { ...state, search: "" };
}

function filtered(state: DashboardState, filter: string): DashboardState {
  const next = { ...state, filter };
  const selected = kept(next);
  return selected === undefined ? withoutSelection(next) : select(next, selected);
}

/** Of every run, and what the view is about. */
const ANYWHERE: readonly PanelName[] = ["runs", "layers", "curves", "log"];

function focusable({ zoomed, view }: DashboardState): readonly PanelName[] {
  return PANELS.filter(
    (panel) => (ANYWHERE.includes(panel) || panel === view.focus) && !(zoomed && panel === "runs"),
  );
}

function next<T>(all: readonly T[], current: T, by: 1 | -1): T {
  return all[(all.indexOf(current) + by + all.length) % all.length]!;
}
