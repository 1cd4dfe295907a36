/** Curves over the step, or over the time since their run began. */
import {
  type Curve,
  formatCount,
  formatDuration,
  formatMeasure,
  type History,
  type RunState,
} from "@phew/runs";
import { placeOf, seenCurve, stepAt } from "./curveWindow.ts";
import type { DashboardState } from "./dashboardState.ts";
import type { PanelContent } from "./panelContent.ts";
import type { Plot, PlotOptions } from "./plot.ts";
import type { StyledRow } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export interface CurveOverTime {
  readonly curve: Curve;
  readonly axis: Pick<PlotOptions, "xName" | "xFormat">;
}

const STEP_AXIS = { xName: "step" };
const TIME_AXIS = { xName: "", xFormat: formatDuration };

/** The shown part of a history over the steps of a run, or over the time at these steps. */
export function stepCurve(history: History, run: RunState, state: DashboardState): CurveOverTime {
  const curve = seenCurve(history, state);
  if (!state.timeAxis) return { curve, axis: STEP_AXIS };
  const seconds = seenCurve(run.stepSeconds, state).y;
  return { curve: { x: seconds.map((value) => 1000 * value), y: curve.y }, axis: TIME_AXIS };
}

/** The shown range of an axis, and the position of the cursor on it. */
export function windowOf(
  { curveRange, curveStep, timeAxis }: DashboardState,
  run: RunState,
  axis: "step" | "epoch",
): Pick<PlotOptions, "range" | "cursor"> {
  if (curveRange === undefined && curveStep === undefined) return {};
  const place = placeOf(run, axis, timeAxis);
  return {
    range: curveRange && [place(curveRange[0]), place(curveRange[1])],
    cursor: curveStep === undefined ? undefined : place(curveStep),
  };
}

/** The step that a click on a plot of training chooses. @param place rows above the plot, and columns left of it */
export function stepChoice(
  state: DashboardState,
  run: RunState,
  axis: "step" | "epoch",
  { xAt }: Plot,
  place: { readonly top?: number; readonly left?: number },
): NonNullable<PanelContent["choiceAt"]> {
  const { top = 0, left = 0 } = place;
  return (row, column) => {
    const x = row < top ? undefined : xAt(column - left);
    return x === undefined ? undefined : { kind: "stepChosen", step: stepAt(state, run, axis, x) };
  };
}

/** The step or epoch of the cursor; an empty text without a cursor. */
export function cursorText({ curveStep }: DashboardState, run?: RunState): StyledRow {
  if (curveStep === undefined) return [];
  const epoch = run && placeOf(run, "epoch", false)(curveStep);
  const place = epoch === undefined ? `step ${formatCount(curveStep)}` : `epoch ${formatMeasure(epoch)}`;
  return [{ text: `┊ ${place}  `, colour: COLOURS.accent }];
}

/** The epochs' points; `x` is the quantity of the axis if that is not the time. */
export function epochCurve(
  run: RunState,
  yOf: (point: RunState["epochs"][number]) => number,
  x: "epoch" | "step",
  timeAxis: boolean,
): CurveOverTime {
  return {
    curve: {
      x: run.epochs.map((point) => (timeAxis ? point.t - run.startedT : point[x])),
      y: run.epochs.map(yOf),
    },
    axis: timeAxis ? TIME_AXIS : { xName: x },
  };
}
