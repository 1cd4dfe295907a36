/** The range of steps that the curves of a training show, and their common cursor. Both count steps; axes convert them. */
import { type Curve, fullCurve, type History, type RunState, recentCurve } from "@phew/runs";
import type { DashboardState, StepRange } from "./dashboardState.ts";

/** A key moves the cursor by this fraction of the shown range, and by at least one step. */
const MOVE_SHARE = 0.01;
/** The greatest magnification, and the fewest steps that a zoomed range has. */
const MOST_ZOOM = 256;
const LEAST_STEPS = 4;

/** First and last step of the selected run and of the marked ones; undefined if none has trained. */
export function stepsOf({
  shown,
  overlays,
}: Pick<DashboardState, "shown" | "overlays">): StepRange | undefined {
  let [first, last] = [Infinity, 0];
  for (const run of [...(shown ? [shown] : []), ...overlays]) {
    const { x } = fullCurve(run.state.stepLoss);
    first = Math.min(first, x[0] ?? Infinity, run.state.epochs[0]?.step ?? Infinity);
    last = Math.max(last, x.at(-1) ?? 0, run.state.epochs.at(-1)?.step ?? 0);
  }
  return first <= last ? [first, last] : undefined;
}

/** Moves the cursor by `by` strides; it starts at the last shown step, and the shown range follows it. */
export function withCursorMoved(state: DashboardState, by: number): DashboardState {
  const steps = stepsOf(state);
  if (!steps) return state;
  const [from, to] = state.curveRange ?? steps;
  const stride = Math.max(1, Math.round((to - from) * MOVE_SHARE));
  const at = state.curveStep === undefined ? to : state.curveStep + by * stride;
  return withCursorAt(state, at);
}

/** Puts the cursor at `step`, or at the nearest step that the runs have. */
export function withCursorAt(state: DashboardState, step: number): DashboardState {
  const steps = stepsOf(state);
  if (!steps) return state;
  const curveStep = Math.round(clamp(step, ...steps));
  const { curveRange } = state;
  if (!curveRange || (curveStep >= curveRange[0] && curveStep <= curveRange[1]))
    return { ...state, curveStep };
  const [from, to] = curveRange;
  const shift = curveStep < from ? curveStep - from : curveStep - to;
  return { ...state, curveStep, curveRange: [from + shift, to + shift] };
}

/** Halves (1) or doubles (−1) the shown range around the cursor; without one, around the last shown step. */
export function withZoom(state: DashboardState, by: 1 | -1): DashboardState {
  const steps = stepsOf(state);
  if (!steps) return state;
  const whole = steps[1] - steps[0];
  const [from, to] = state.curveRange ?? steps;
  const width = Math.max((to - from) * (by > 0 ? 0.5 : 2), whole / MOST_ZOOM, Math.min(whole, LEAST_STEPS));
  if (width >= whole) return withoutZoom(state);
  const middle = state.curveStep ?? to;
  const first = clamp(middle - width / 2, steps[0], steps[1] - width);
  return { ...state, curveRange: [first, first + width] };
}

export function withoutZoom({ curveRange: _, ...state }: DashboardState): DashboardState {
  return state;
}

export function withoutCursor({ curveStep: _, ...state }: DashboardState): DashboardState {
  return state;
}

/** The thinned curve of all steps, or the full curve of the last ones if it covers the shown range. */
export function seenCurve(
  history: History,
  { recentOnly, curveRange }: Pick<DashboardState, "recentOnly" | "curveRange">,
): Curve {
  if (!recentOnly && curveRange === undefined) return fullCurve(history);
  const recent = recentCurve(history);
  const isEnough = curveRange !== undefined && recent.x.length > 0 && curveRange[0] >= recent.x[0]!;
  return recentOnly || isEnough ? recent : fullCurve(history);
}

/** The coordinate on an axis that belongs to a step. */
export function placeOf(run: RunState, axis: "step" | "epoch", timeAxis: boolean): (step: number) => number {
  if (timeAxis) {
    const seconds = fullCurve(run.stepSeconds);
    return (step) => 1000 * interpolated(seconds, step);
  }
  const perEpoch = run.training?.stepsPerEpoch ?? 1;
  return axis === "step" ? (step) => step : (step) => step / perEpoch;
}

/** The step nearest to coordinate `x` of an axis. */
export function stepAt(state: DashboardState, run: RunState, axis: "step" | "epoch", x: number): number {
  const place = placeOf(run, axis, state.timeAxis);
  let [low, high] = stepsOf(state) ?? [0, 0];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (place(middle) <= x) low = middle;
    else high = middle;
  }
  return Math.abs(place(high) - x) < Math.abs(place(low) - x) ? high : low;
}

/** The y of the last point at or before `x`; NaN before the first. */
export function valueAt(curve: Curve, x: number): number {
  const next = nextIndex(curve, x);
  return next === 0 ? Number.NaN : curve.y[next - 1]!;
}

function interpolated(curve: Curve, x: number): number {
  const next = nextIndex(curve, x);
  if (next === 0) return curve.y[0] ?? Number.NaN;
  const [x0, y0] = [curve.x[next - 1]!, curve.y[next - 1]!];
  if (next === curve.x.length) return y0;
  return y0 + ((x - x0) / (curve.x[next]! - x0)) * (curve.y[next]! - y0);
}

/** Index of the first point behind `x`. */
function nextIndex({ x: places }: Curve, x: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
