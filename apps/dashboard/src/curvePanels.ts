/** Loss over the step and accuracy over the epoch. */
import { type Curve, formatAccuracy, formatMeasure, formatPercent, type RunState } from "@phew/runs";
import { stepsOf, valueAt } from "./curveWindow.ts";
import type { DashboardState } from "./dashboardState.ts";
import { panelOfRun } from "./panel.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, type PlotOptions, plotted } from "./plot.ts";
import { cutTitle } from "./runTitles.ts";
import { smoothed } from "./smoothing.ts";
import type { StyledRow } from "./styledText.ts";
import { COLOURS, MARKS } from "./theme.ts";
import { cursorText, epochCurve, stepChoice, stepCurve, windowOf } from "./timeAxis.ts";

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
  const { curve: steps, axis } = stepCurve(run.stepLoss, run, state);
  const window = windowOf(state, run, "step");
  const first = steps.x[0] ?? 0;
  const all = epochCurve(run, (point) => point.testLoss, "step", timeAxis).curve;
  const test = from(all, first);
  const others = overlays.map((other): PlotLine => {
    const { curve } = stepCurve(other.state.stepLoss, other.state, state);
    return { curve: smoothed(curve, state.smoothing), ...markOf(state, other.folder) };
  });
  const train = smoothed(steps, state.smoothing);
  const lines: PlotLine[] = [
    ...(state.smoothing > 0 ? [{ curve: steps, colour: COLOURS.faint, dim: true }] : []),
    { curve: test, colour: COLOURS.test },
    { curve: train, colour: COLOURS.train },
    ...others,
  ];
  const values = (
    window.cursor === undefined
      ? [lastLoss(run), lastOf(test)]
      : [valueAt(train, window.cursor), valueAt(all, window.cursor)]
  ).map((value) => formatMeasure(value)) as [string, string];
  const legend = [
    ...cursorRows(cursorText(state), ...values, width, height),
    ...overlayLegend(state, others, window.cursor, formatMeasure),
  ];
  const marks = [
    "Loss",
    ...(state.logScale ? ["log"] : []),
    ...(recentOnly && !state.curveRange ? ["last steps"] : []),
    ...zoomText(state),
    ...(state.smoothing > 0 && width >= 46 ? [`smooth ${state.smoothing}`] : []),
  ];
  const isEmpty = run.stepLoss.count === 0 && run.epochs.length === 0;
  return {
    title: marks.join(" · "),
    notes: isEmpty ? undefined : legends(cursorText(state), ...values),
    ...(isEmpty
      ? { rows: notTrained(run, width) }
      : withLegend(state, run, "step", legend, lines, {
          ...axis,
          ...window,
          width,
          height,
          logScale: state.logScale,
        })),
  };
}

/** Curves with a legend above them, all in the height of `options`; a click puts the cursor there. */
function withLegend(
  state: DashboardState,
  run: RunState,
  axis: "step" | "epoch",
  legend: readonly StyledRow[],
  lines: readonly PlotLine[],
  options: PlotOptions,
): Pick<PanelContent, "rows" | "choiceAt"> {
  const plot = plotted(lines, { ...options, height: options.height - legend.length });
  return {
    rows: [...legend, ...plot.rows],
    choiceAt: stepChoice(state, run, axis, plot, { top: legend.length }),
  };
}

/** The magnification of the curves. */
function zoomText(state: DashboardState): string[] {
  const steps = stepsOf(state);
  if (!steps || !state.curveRange) return [];
  const [from, to] = state.curveRange;
  return [`${formatMeasure((steps[1] - steps[0]) / (to - from))} ×`];
}

/** The part of a curve from `least` on. */
function from({ x, y }: Curve, least: number): Curve {
  const start = x.findIndex((value) => value >= least);
  return start < 0 ? { x: [], y: [] } : { x: x.slice(start), y: y.slice(start) };
}

function markOf({ marked }: DashboardState, folder: string): { colour: string; mark: string } {
  const { colour, letter } = MARKS[marked.indexOf(folder)] ?? MARKS[0];
  return { colour, mark: letter };
}

/** Letter, name and value at the cursor of each marked run; no row if none is marked. */
function overlayLegend(
  state: DashboardState,
  lines: readonly PlotLine[],
  cursor: number | undefined,
  format: (value: number) => string,
): StyledRow[] {
  if (state.overlays.length === 0) return [];
  const spans = state.overlays.flatMap(({ folder }, k): StyledRow => {
    const { colour, mark } = markOf(state, folder);
    const run = state.runs.find((candidate) => candidate.folder === folder);
    const name = run === undefined ? "" : cutTitle(state, run, 28);
    const value = cursor === undefined ? "" : `${format(valueAt(lines[k]!.curve, cursor))} `;
    return [{ text: `${mark} `, colour, bold: true }, { text: value, bold: true }, { text: `${name}  ` }];
  });
  return [spans];
}

function accuracyContent(state: DashboardState, run: RunState, width: number, height: number): PanelContent {
  const { curve: train, axis } = epochCurve(run, (point) => point.accuracy, "epoch", state.timeAxis);
  const test = testAccuracyCurve(state, run);
  const window = windowOf(state, run, "epoch");
  const { cursor } = window;
  const values = [train, test].map((curve) =>
    formatAccuracy(cursor === undefined ? lastOf(curve) : valueAt(curve, cursor)),
  ) as [string, string];
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
  const legend = [
    ...cursorRows(cursorText(state, run), ...values, width, height),
    ...overlayLegend(state, others, cursor, formatAccuracy),
  ];
  const isEmpty = run.epochs.length === 0;
  return {
    title: "Accuracy",
    notes: isEmpty ? undefined : legends(cursorText(state, run), ...values),
    ...(isEmpty
      ? { rows: notTrained(run, width) }
      : withLegend(state, run, "epoch", legend, lines, {
          ...axis,
          ...window,
          width,
          height,
          logScale: false,
          yFormat: formatPercent,
        })),
  };
}

function testAccuracyCurve(state: DashboardState, run: RunState): Curve {
  return epochCurve(run, (point) => point.testAccuracy, "epoch", state.timeAxis).curve;
}

/** Colours with the last values, or those at the cursor; a narrow panel has the test set alone. */
function legends(cursor: StyledRow, train: string, test: string): StyledRow[] {
  const [ofTrain, ofTest] = [trainSpans(train), testSpans(test)];
  const both: StyledRow = [...ofTrain, { text: "  " }, ...ofTest];
  return [[...cursor, ...both], [...cursor, ...ofTest], both, ofTest];
}

const trainSpans = (value: string): StyledRow => [{ text: "train ", colour: COLOURS.train }, { text: value }];
const testSpans = (value: string): StyledRow => [
  { text: "test ", colour: COLOURS.test },
  { text: value, bold: true },
];

/** In narrower panels the border has no room for the position of the cursor. */
const CURSOR_NOTE_WIDTH = 40;
const CURSOR_ROWS_HEIGHT = 10;

/** The position of the cursor and the values there, in rows of their own if the border has no room. */
function cursorRows(
  cursor: StyledRow,
  train: string,
  test: string,
  width: number,
  height: number,
): StyledRow[] {
  if (cursor.length === 0 || width >= CURSOR_NOTE_WIDTH || height < CURSOR_ROWS_HEIGHT) return [];
  return [cursor, trainSpans(train), testSpans(test)];
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
