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
import { panelOfRun } from "./panel.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, plotRows } from "./plot.ts";
import { seededName } from "./runsPanel.ts";
import { smoothed } from "./smoothing.ts";
import { type StyledRow, truncate } from "./styledText.ts";
import { COLOURS, MARKS } from "./theme.ts";
import { epochCurve, timed } from "./timeAxis.ts";

/** Loss of every step, smoothed over it, and of the test set after every epoch. */
export const lossPanel = panelOfRun(
  "Loss",
  (state, { run }, width, height) => lossContent(state, run, width, height),
  { focus: "curves" },
);

/** Accuracy on the training and the test set. */
export const accuracyPanel = panelOfRun(
  "Accuracy",
  (state, { run }, width, height) => accuracyContent(state, run, width, height),
  { focus: "curves" },
);

function lossContent(state: DashboardState, run: RunState, width: number, height: number): PanelContent {
  const { recentOnly, timeAxis, overlays } = state;
  const { curve: steps, axis } = stepLossCurve(state, run);
  const first = steps.x[0] ?? 0;
  const all = epochCurve(run, (point) => point.testLoss, "step", timeAxis).curve;
  const test = from(all, first);
  const others = overlays.map((other): PlotLine => {
    const { curve } = stepLossCurve(state, other.state);
    return { curve: smoothed(curve, state.smoothing), ...markOf(state, other.folder) };
  });
  const lines: PlotLine[] = [
    ...(state.smoothing > 0 ? [{ curve: steps, colour: COLOURS.faint, dim: true }] : []),
    { curve: test, colour: COLOURS.test },
    { curve: smoothed(steps, state.smoothing), colour: COLOURS.train },
    ...others,
  ];
  const legend = overlayLegend(state);
  const marks = [
    "Loss",
    ...(state.logScale ? ["log"] : []),
    ...(recentOnly ? ["last steps"] : []),
    ...(state.smoothing > 0 && width >= 46 ? [`smooth ${state.smoothing}`] : []),
  ];
  const isEmpty = run.stepLoss.count === 0 && run.epochs.length === 0;
  return {
    title: marks.join(" · "),
    ...(isEmpty ? {} : { notes: legends(formatMeasure(lastLoss(run)), formatMeasure(lastOf(test))) }),
    rows: isEmpty
      ? notTrained(run, width)
      : [
          ...legend,
          ...plotRows(lines, { ...axis, width, height: height - legend.length, logScale: state.logScale }),
        ],
  };
}

function stepLossCurve({ recentOnly, timeAxis }: DashboardState, run: RunState) {
  return timed((recentOnly ? recentCurve : fullCurve)(run.stepLoss), run, timeAxis, recentOnly);
}

/** What of a curve is not before `least`. */
function from({ x, y }: Curve, least: number): Curve {
  const start = x.findIndex((value) => value >= least);
  return start < 0 ? { x: [], y: [] } : { x: x.slice(start), y: y.slice(start) };
}

function markOf({ marked }: DashboardState, folder: string): { colour: string; mark: string } {
  const { colour, letter } = MARKS[marked.indexOf(folder)] ?? MARKS[0];
  return { colour, mark: letter };
}

/** Which run a letter is; no row where none is marked. */
function overlayLegend(state: DashboardState): StyledRow[] {
  if (state.overlays.length === 0) return [];
  const spans = state.overlays.flatMap(({ folder }): StyledRow => {
    const { colour, mark } = markOf(state, folder);
    const run = state.runs.find((candidate) => candidate.folder === folder);
    const name = run === undefined ? "" : seededName(run);
    return [{ text: `${mark} `, colour, bold: true }, { text: `${truncate(name, 28)}  ` }];
  });
  return [spans];
}

function accuracyContent(state: DashboardState, run: RunState, width: number, height: number): PanelContent {
  const { curve: train, axis } = epochCurve(run, (point) => point.accuracy, "epoch", state.timeAxis);
  const test = testAccuracyCurve(state, run);
  const others = state.overlays.map(
    (other): PlotLine => ({
      curve: testAccuracyCurve(state, other.state),
      ...markOf(state, other.folder),
    }),
  );
  const lines: PlotLine[] = [
    { curve: train, colour: COLOURS.train },
    { curve: test, colour: COLOURS.test },
    ...others,
  ];
  const legend = overlayLegend(state);
  const isEmpty = run.epochs.length === 0;
  return {
    title: "Accuracy",
    ...(isEmpty ? {} : { notes: legends(formatAccuracy(lastOf(train)), formatAccuracy(lastOf(test))) }),
    rows: isEmpty
      ? notTrained(run, width)
      : [
          ...legend,
          ...plotRows(lines, {
            ...axis,
            width,
            height: height - legend.length,
            logScale: false,
            yFormat: formatPercent,
          }),
        ],
  };
}

function testAccuracyCurve(state: DashboardState, run: RunState): Curve {
  return epochCurve(run, (point) => point.testAccuracy, "epoch", state.timeAxis).curve;
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
