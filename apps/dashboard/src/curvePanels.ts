/** Loss over the step and accuracy over the epoch. */
import {
  type Curve,
  formatAccuracy,
  formatMeasure,
  formatPercent,
  fullCurve,
  type RunState,
  recentCurve,
} from "@phew/runs";
import type { DashboardState } from "./dashboardState.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, plotRows } from "./plot.ts";
import { smoothed } from "./smoothing.ts";
import type { StyledRow } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

/** Loss of every step, smoothed over it, and of the test set after every epoch. */
export function lossContent(
  state: DashboardState,
  run: RunState,
  width: number,
  height: number,
): PanelContent {
  const steps = state.recentOnly ? recentCurve(run.stepLoss) : fullCurve(run.stepLoss);
  const first = steps.x[0] ?? 0;
  const epochs = run.epochs.filter((point) => point.step >= first);
  const test: Curve = { x: epochs.map((point) => point.step), y: epochs.map((point) => point.testLoss) };
  const lines: PlotLine[] = [
    ...(state.smoothing > 0 ? [{ curve: steps, colour: COLOURS.faint, dim: true }] : []),
    { curve: test, colour: COLOURS.test },
    { curve: smoothed(steps, state.smoothing), colour: COLOURS.train },
  ];
  const marks = [
    "Loss",
    ...(state.logScale ? ["log"] : []),
    ...(state.recentOnly ? ["last steps"] : []),
    ...(state.smoothing > 0 && width >= 46 ? [`smooth ${state.smoothing}`] : []),
  ];
  const isEmpty = run.stepLoss.count === 0 && run.epochs.length === 0;
  return {
    title: marks.join(" · "),
    ...(isEmpty ? {} : { notes: legends(formatMeasure(lastLoss(run)), formatMeasure(lastOf(test))) }),
    rows: isEmpty
      ? notTrained(run, width)
      : plotRows(lines, { width, height, logScale: state.logScale, xName: "step" }),
  };
}

/** Accuracy on the training and the test set. */
export function accuracyContent(run: RunState, width: number, height: number): PanelContent {
  const x = run.epochs.map((point) => point.epoch);
  const train: Curve = { x, y: run.epochs.map((point) => point.accuracy) };
  const test: Curve = { x, y: run.epochs.map((point) => point.testAccuracy) };
  const lines: PlotLine[] = [
    { curve: train, colour: COLOURS.train },
    { curve: test, colour: COLOURS.test },
  ];
  const isEmpty = run.epochs.length === 0;
  return {
    title: "Accuracy",
    ...(isEmpty ? {} : { notes: legends(formatAccuracy(lastOf(train)), formatAccuracy(lastOf(test))) }),
    rows: isEmpty
      ? notTrained(run, width)
      : plotRows(lines, { width, height, logScale: false, xName: "epoch", yFormat: formatPercent }),
  };
}

/** What the colours mean, with the last values; in a narrow panel the test set's alone. */
function legends(train: string, test: string): StyledRow[] {
  const ofTest: StyledRow = [
    { text: "test ", colour: COLOURS.test },
    { text: test, bold: true },
  ];
  return [[{ text: "train ", colour: COLOURS.train }, { text: `${train}  ` }, ...ofTest], ofTest];
}

function lastLoss(run: RunState): number {
  return run.training?.loss ?? run.epochs.at(-1)?.loss ?? Number.NaN;
}

function lastOf(curve: Curve): number {
  return curve.y.at(-1) ?? Number.NaN;
}

function notTrained(run: RunState, width: number): StyledRow[] {
  return notice(run.training ? "The first points come with the first steps." : "No training yet.", width);
}
