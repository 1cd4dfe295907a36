/** Curves over the step, or over the time since their run began. */
import { type Curve, formatDuration, fullCurve, type RunState, recentCurve } from "@phew/runs";
import type { PlotOptions } from "./plot.ts";

export interface CurveOverTime {
  readonly curve: Curve;
  readonly axis: Pick<PlotOptions, "xName" | "xFormat">;
}

const STEP_AXIS = { xName: "step" };
const TIME_AXIS = { xName: "", xFormat: formatDuration };

/**
 * A curve over the steps of a run, thinned as its `stepSeconds` are.
 * @param recentOnly the curve is of the last steps alone
 */
export function timed(curve: Curve, run: RunState, timeAxis: boolean, recentOnly: boolean): CurveOverTime {
  if (!timeAxis) return { curve, axis: STEP_AXIS };
  const seconds = (recentOnly ? recentCurve : fullCurve)(run.stepSeconds).y;
  return { curve: { x: seconds.map((value) => 1000 * value), y: curve.y }, axis: TIME_AXIS };
}

/** The epochs' points; `x` is what the axis counts where it is not the time. */
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
