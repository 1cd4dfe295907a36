/** Methods side by side at one density, and each method's accuracy over all densities. */
import { byMethodOrder } from "@phew/report";
import { formatAccuracy, formatCount, formatPercent, type RunEntry, textWidth } from "@phew/runs";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, plotRows } from "./plot.ts";
import { accuracyOf, askedDensity, densitiesOf, methodOf } from "./runOrder.ts";
import { filterRows } from "./runsPanel.ts";
import { fit, type StyledRow } from "./styledText.ts";
import { bar, COLOURS, MARKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

/** Dense runs appear at every density, as the level to reach. */
export const comparePanel: Panel = { title: "Compare", focus: "runs", content: compareContent };

/** The mean of the best accuracies over the density, on a logarithmic axis, of the methods a line each. */
export const tradeOffPanel: Panel = { title: "Accuracy over density", content: tradeOffContent };

interface MethodFigures {
  readonly method: string;
  /** Of runs that have an accuracy; fractions. */
  readonly accuracies: readonly number[];
  readonly runCount: number;
}

const LABEL_WIDTH = 14;
const FIGURES_WIDTH = 42;

function compareContent(state: DashboardState, width: number, height: number): PanelContent {
  const runs = visibleRuns(state);
  const densities = densitiesOf(runs);
  const at = Math.min(state.densityCursor, densities.length - 1);
  const density = densities[at];
  if (density === undefined) {
    return { title: "Compare", rows: notice("No run with a density to compare at yet.", width) };
  }
  const filter = filterRows(state, runs.length);
  const figures = figuresOf(runs.filter((run) => askedDensity(run) === density || methodOf(run) === "dense"));
  const most = Math.max(...figures.map(({ accuracies }) => Math.max(...accuracies, 0)), 1e-9);
  const barWidth = width - LABEL_WIDTH - FIGURES_WIDTH - 3;
  return {
    title: `Compare at ${formatPercent(density)}`,
    notes: faintNote(`${at + 1}/${densities.length} ↑↓`),
    rows: [
      ...filter,
      [{ text: headingText(Math.max(0, barWidth + 1)), colour: COLOURS.faint }],
      ...figures.slice(0, height - 1 - filter.length).map((figure) => methodRow(figure, most, barWidth)),
    ],
  };
}

function tradeOffContent(state: DashboardState, width: number, height: number): PanelContent {
  const runs = visibleRuns(state).filter((run) => accuracyOf(run) !== undefined);
  const methods = [...new Set(runs.map(methodOf))].sort(byMethodOrder).slice(0, MARKS.length);
  if (runs.length === 0) {
    return { title: "Accuracy over density", rows: notice("Points come with the first epochs.", width) };
  }
  const lines = methods.map((method, k): PlotLine => {
    const own = runs.filter((run) => methodOf(run) === method);
    const densities = [...new Set(own.flatMap((run) => askedDensity(run) ?? []))].sort((a, b) => a - b);
    const y = densities.map((density) =>
      mean(own.filter((run) => askedDensity(run) === density).map((run) => accuracyOf(run)!)),
    );
    const { letter, colour } = MARKS[k]!;
    return { curve: { x: densities.map(Math.log10), y }, colour, mark: letter, marksAll: true };
  });
  const legend = methods.flatMap((method, k): StyledRow => {
    const { letter, colour } = MARKS[k]!;
    return [{ text: `${letter} `, colour, bold: true }, { text: `${method || "no method"}  ` }];
  });
  const plot = plotRows(lines, {
    width,
    height: height - 1,
    logScale: false,
    xName: "density",
    xFormat: (value) => formatPercent(10 ** value, 2),
    yFormat: formatPercent,
  });
  return {
    title: "Accuracy over density",
    notes: faintNote("best epoch, log density"),
    rows: [legend, ...plot],
  };
}

function figuresOf(runs: readonly RunEntry[]): MethodFigures[] {
  const methods = [...new Set(runs.map(methodOf))].sort(byMethodOrder);
  const figures = methods.map((method) => {
    const own = runs.filter((run) => methodOf(run) === method);
    return { method, runCount: own.length, accuracies: own.flatMap((run) => accuracyOf(run) ?? []) };
  });
  return figures.sort((a, b) => mean(b.accuracies) - mean(a.accuracies));
}

function headingText(barWidth: number): string {
  const columns = ["mean", "± sd", "best", "least", "runs"];
  return `${fit("method", LABEL_WIDTH)}${" ".repeat(barWidth)}${columns.map((c, k) => fit(c, k === 4 ? 10 : 8, "right")).join("")}`;
}

function methodRow(
  { method, accuracies, runCount }: MethodFigures,
  most: number,
  barWidth: number,
): StyledRow {
  const average = mean(accuracies);
  const has = accuracies.length > 0;
  const deviation = accuracies.length > 1 ? formatAccuracy(standardDeviation(accuracies)) : "–";
  const counted = `${formatCount(accuracies.length)} of ${formatCount(runCount)}`;
  const cells = [
    formatAccuracy(has ? average : Number.NaN),
    deviation,
    formatAccuracy(has ? Math.max(...accuracies) : Number.NaN),
    formatAccuracy(has ? Math.min(...accuracies) : Number.NaN),
  ];
  return [
    { text: fit(method || "no method", LABEL_WIDTH), bold: true },
    {
      text:
        barWidth < 4
          ? " ".repeat(Math.max(0, barWidth + 1))
          : `${bar(has ? average / most : 0, barWidth, "·")} `,
      colour: COLOURS.bar,
    },
    { text: cells.map((cell) => fit(cell, 8, "right")).join("") },
    { text: fit(counted, Math.max(10, textWidth(counted)), "right"), colour: COLOURS.faint },
  ];
}

/** −∞ of none: sorted behind all. */
function mean(values: readonly number[]): number {
  return values.length === 0 ? -Infinity : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a sample: over n − 1. */
function standardDeviation(values: readonly number[]): number {
  const average = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1));
}
