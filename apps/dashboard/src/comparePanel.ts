/** Configurations side by side at one density, and the accuracy of each over all densities. */
import { byMethodOrder } from "@phew/report";
import {
  accuracyWords,
  formatAccuracy,
  formatCount,
  formatPercent,
  type RunEntry,
  textWidth,
} from "@phew/runs";
import type { Spread } from "@phew/runs/configurations";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, plotRows } from "./plot.ts";
import { accuracyOf, askedDensity, densitiesOf, finishedSpread, methodOf } from "./runOrder.ts";
import { filterRows } from "./runsPanel.ts";
import { linesOverDensity, sharedRows } from "./runTitles.ts";
import { fit, type StyledRow, truncate } from "./styledText.ts";
import { bar, COLOURS, MARKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

/** Dense runs appear at every density, as the level to reach. */
export const comparePanel: Panel = { title: "Compare", focus: "runs", content: compareContent };

/** Mean accuracy over the density, on a logarithmic axis, a line for each configuration whatever its density. */
export const tradeOffPanel: Panel = { title: "Accuracy over density", content: tradeOffContent };

/** The runs of a row or a line. */
interface NamedRuns {
  readonly name: string;
  readonly runs: readonly RunEntry[];
}

const LEAST_NAME = 14;
const FIGURES = ["mean", "± 95 %", "std", "runs"];
const FIGURE_WIDTH = 8;
const FIGURES_WIDTH = 34;
const LEAST_BAR = 8;

function compareContent(state: DashboardState, width: number, height: number): PanelContent {
  const runs = visibleRuns(state);
  const densities = densitiesOf(runs);
  const at = Math.min(state.densityCursor, densities.length - 1);
  const density = densities[at];
  if (density === undefined) {
    return { title: "Compare", rows: notice("No run with a density to compare at yet.", width) };
  }
  const compared = runs.filter((run) => askedDensity(run) === density || methodOf(run) === "dense");
  const figures = linesOf(state, compared)
    .map(({ name, runs: own }) => ({ name, runCount: own.length, spread: finishedSpread(own) }))
    .sort((a, b) => (b.spread.mean ?? -1) - (a.spread.mean ?? -1));
  const most = Math.max(...figures.map(({ spread }) => spread.mean ?? 0), 1e-9);
  const longest = Math.max(LEAST_NAME, ...figures.map(({ name }) => textWidth(name) + 1));
  const nameWidth = Math.max(LEAST_NAME, Math.min(longest, width - FIGURES_WIDTH - LEAST_BAR - 3));
  const barWidth = width - nameWidth - FIGURES_WIDTH - 3;
  const head = [
    ...filterRows(state, runs.length),
    ...sharedRows(state, width, height),
    [{ text: headingText(nameWidth, Math.max(0, barWidth + 1)), colour: COLOURS.faint }],
  ];
  return {
    title: `Compare at ${formatPercent(density)}`,
    notes: [
      ...faintNote(`finished runs, ${accuracyWords(compared)}  ${at + 1}/${densities.length} ↑↓`),
      ...faintNote(`${at + 1}/${densities.length} ↑↓`),
    ],
    rows: [
      ...head,
      ...figures.slice(0, height - head.length).map((figure) => figureRow(figure, most, nameWidth, barWidth)),
    ],
  };
}

function tradeOffContent(state: DashboardState, width: number, height: number): PanelContent {
  const finished = visibleRuns(state).filter(
    (run) => run.life === "finished" && accuracyOf(run) !== undefined,
  );
  if (finished.length === 0) {
    return {
      title: "Accuracy over density",
      rows: notice("Points come with the first finished runs.", width),
    };
  }
  const all = linesOf(state, finished);
  const shown = all.slice(0, MARKS.length);
  const lines = shown.map(({ runs }, k): PlotLine => {
    const densities = [...new Set(runs.flatMap((run) => askedDensity(run) ?? []))].sort((a, b) => a - b);
    const y = densities.map(
      (density) => finishedSpread(runs.filter((run) => askedDensity(run) === density)).mean!,
    );
    const { letter, colour } = MARKS[k]!;
    return { curve: { x: densities.map(Math.log10), y }, colour, mark: letter, marksAll: true };
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
    notes: [
      ...faintNote(`mean of finished runs, ${accuracyWords(finished)}, log density`),
      ...faintNote("log density"),
    ],
    rows: [legendRow(shown, all.length - shown.length, width), ...plot],
  };
}

/** Which configuration a letter is, and how many have none; names are cut alike where they do not fit. */
function legendRow(shown: readonly NamedRuns[], hiddenCount: number, width: number): StyledRow {
  const rest = hiddenCount > 0 ? `and ${hiddenCount} more` : "";
  const room = Math.floor((width - textWidth(rest)) / shown.length) - 4;
  const names = shown.map(({ name }) => name);
  const fitsAll = names.reduce((sum, name) => sum + textWidth(name) + 4, textWidth(rest)) <= width;
  const spans = names.flatMap((name, k): StyledRow => {
    const { letter, colour } = MARKS[k]!;
    return [
      { text: `${letter} `, colour, bold: true },
      { text: `${fitsAll ? name : truncate(name, Math.max(3, room))}  ` },
    ];
  });
  return [...spans, { text: rest, colour: COLOURS.faint }];
}

/** The runs by configuration, whatever their density, in the order of methods. */
function linesOf(state: DashboardState, runs: readonly RunEntry[]): NamedRuns[] {
  const { of } = linesOverDensity(state);
  const lines = new Map<string, RunEntry[]>();
  for (const run of runs) {
    const { name } = of(run);
    const line = lines.get(name);
    if (line) line.push(run);
    else lines.set(name, [run]);
  }
  return Array.from(lines, ([name, own]) => ({ name, runs: own })).sort((a, b) =>
    byMethodOrder(methodOf(a.runs[0]!), methodOf(b.runs[0]!)),
  );
}

function headingText(nameWidth: number, barWidth: number): string {
  const cells = FIGURES.map((title, k) => fit(title, k === 3 ? 10 : FIGURE_WIDTH, "right"));
  return `${fit("configuration", nameWidth)}${" ".repeat(barWidth)}${cells.join("")}`;
}

interface RowFigures {
  readonly name: string;
  readonly runCount: number;
  readonly spread: Spread;
}

function figureRow(
  { name, runCount, spread }: RowFigures,
  most: number,
  nameWidth: number,
  barWidth: number,
): StyledRow {
  const { count, mean, interval, deviation } = spread;
  const counted = `${formatCount(count)} of ${formatCount(runCount)}`;
  const cells = [mean, interval, deviation].map((value) => formatAccuracy(value ?? Number.NaN));
  const strip =
    barWidth < 4 ? " ".repeat(Math.max(0, barWidth + 1)) : `${bar((mean ?? 0) / most, barWidth, "·")} `;
  return [
    { text: fit(name, nameWidth), bold: true },
    { text: strip, colour: COLOURS.bar },
    { text: cells.map((cell) => fit(cell, FIGURE_WIDTH, "right")).join("") },
    { text: fit(counted, Math.max(10, textWidth(counted)), "right"), colour: COLOURS.faint },
  ];
}
