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
import { type Configuration, oncePerSeed, type Spread } from "@phew/runs/configurations";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { comparedAt, densitiesOf, densityOf } from "./densities.ts";
import { faintNote, notice, type PanelContent } from "./panelContent.ts";
import { type PlotLine, plotRows } from "./plot.ts";
import { accuracyOf, finishedSpread, methodOf } from "./runOrder.ts";
import { filterRows } from "./runsPanel.ts";
import { linesOverDensity, sharedRows, unknownRows } from "./runTitles.ts";
import { shortTitles } from "./shortTitles.ts";
import { fit, type StyledRow } from "./styledText.ts";
import { bar, COLOURS, MARKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

/** Dense runs appear at every density, as the level to reach. */
export const comparePanel: Panel = { title: "Compare", focus: "runs", content: compareContent };

/** Mean accuracy over the density, on a logarithmic axis, a line for each configuration whatever its density. */
export const tradeOffPanel: Panel = {
  title: "Accuracy over density",
  content: (state, width, height) => tradeOffContent(state, linesOf(state), undefined, width, height),
};

/** The same below the comparison: its letters name the lines, and a vertical line marks its density. */
export const comparedTradeOffPanel: Panel = {
  title: "Accuracy over density",
  content: (state, width, height) =>
    tradeOffContent(state, comparedLines(state), densityAtCursor(state), width, height),
};

/** The runs of a row or a line. */
interface Line {
  readonly configuration: Configuration<RunEntry>;
  /** Those on the screen. */
  readonly runs: readonly RunEntry[];
}

const LEAST_NAME = 14;
/** In their order; those of a lower rank go first where there is no room for all. */
const FIGURES = [
  { title: "mean", width: 8, rank: 3 },
  { title: "± 95 %", width: 8, rank: 1 },
  { title: "std", width: 8, rank: 0 },
  { title: "runs", width: 10, rank: 2 },
] as const;
/** Of a letter and a blank. */
const LETTER_WIDTH = 2;

function densityAtCursor(state: DashboardState): number | undefined {
  const densities = densitiesOf(state, comparableRuns(state));
  return densities[Math.min(state.densityCursor, densities.length - 1)];
}

function compareContent(state: DashboardState, width: number, height: number): PanelContent {
  const runs = visibleRuns(state);
  const densities = densitiesOf(state, comparableRuns(state));
  const density = densityAtCursor(state);
  if (density === undefined) {
    return { title: "Compare", rows: notice("No run with a density to compare at yet.", width) };
  }
  const at = densities.indexOf(density);
  const isCompared = comparedAt(state, comparableRuns(state), density);
  const rows = comparedLines(state)
    .map(({ configuration, runs: all }, k) => {
      const own = oncePerSeed(all.filter(isCompared));
      const letter = all.some(isDrawn) ? MARKS[k] : undefined;
      return { configuration, letter, runCount: own.length, spread: finishedSpread(own) };
    })
    .filter(({ runCount }) => runCount > 0)
    .sort((a, b) => (b.spread.mean ?? -1) - (a.spread.mean ?? -1));
  const most = Math.max(...rows.map(({ spread }) => spread.mean ?? 0), 1e-9);
  const longest = Math.max(LEAST_NAME, ...rows.map(({ configuration: { name } }) => textWidth(name) + 1));
  const figures = figuresWithin(width - LETTER_WIDTH - LEAST_NAME);
  const besides = width - LETTER_WIDTH - widthOf(figures) - 1;
  // names before bars
  const nameWidth = Math.max(LEAST_NAME, Math.min(longest, besides));
  const names = shortTitles(
    rows.map(({ configuration }) => configuration),
    nameWidth - 1,
  );
  const barWidth = Math.max(0, besides - nameWidth);
  const head = [
    ...filterRows(state, runs.length),
    ...unknownRows(state, width),
    ...sharedRows(state, width, height),
    [{ text: headingText(figures, nameWidth + LETTER_WIDTH, barWidth + 1), colour: COLOURS.faint }],
  ];
  const words = accuracyWords(comparableRuns(state).filter(isCompared));
  const room = height - head.length;
  const shownCount = rows.length <= room ? rows.length : Math.max(0, room - 1);
  return {
    title: `Compare at ${formatPercent(density)}`,
    notes: [
      ...faintNote(`finished runs, ${words}  density ${at + 1} of ${densities.length} ↑↓`),
      ...faintNote(`${words}  ${at + 1}/${densities.length} ↑↓`),
      ...faintNote(`${at + 1}/${densities.length} ↑↓`),
    ],
    rows: [
      ...head,
      ...rows
        .slice(0, shownCount)
        .map((row, k) => figureRow(row, figures, fit(names[k]!, nameWidth), most, barWidth)),
      ...(shownCount < rows.length
        ? notice(`and ${rows.length - shownCount} more of lower mean: / filters`, width).slice(0, 1)
        : []),
    ],
  };
}

function tradeOffContent(
  state: DashboardState,
  all: readonly Line[],
  density: number | undefined,
  width: number,
  height: number,
): PanelContent {
  const finished = comparableRuns(state).filter(isDrawn);
  if (finished.length === 0) {
    return {
      title: "Accuracy over density",
      rows: notice(noPoints(state), width),
    };
  }
  const withPoints = all.filter(({ runs }) => runs.some(isDrawn));
  const drawn = withPoints.slice(0, MARKS.length);
  const lines = drawn.map((line, k): PlotLine => {
    const runs = line.runs.filter(isDrawn);
    const densities = [...new Set(runs.flatMap((run) => densityOf(state, run) ?? []))].sort((a, b) => a - b);
    const y = densities.map(
      (own) => finishedSpread(runs.filter((run) => densityOf(state, run) === own)).mean!,
    );
    const { letter, colour } = MARKS[k]!;
    return { curve: { x: densities.map(Math.log10), y }, colour, mark: letter, marksAll: true };
  });
  const legend = legendRows(drawn, withPoints.length - drawn.length, width, height);
  const isOverSeveral = new Set(lines.flatMap(({ curve }) => curve.x)).size > 1;
  const plot = plotRows(lines, {
    width,
    height: height - legend.length,
    logScale: false,
    cursor: density === undefined || !isOverSeveral ? undefined : Math.log10(density),
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
    rows: [...legend, ...plot],
  };
}

/** Why there are no points, while there will be some and where there will be none. */
function noPoints(state: DashboardState): string {
  const runs = comparableRuns(state);
  const isPruningAlone = runs.length > 0 && runs.every(({ life }) => life === "finished");
  return isPruningAlone
    ? "These runs were pruned and not trained: no accuracies. View 4 has their layers."
    : "Points come with the first finished runs.";
}

/** Which configuration a letter is, and how many have none: in one row where the names fit, else in two where there is room. */
function legendRows(shown: readonly Line[], hiddenCount: number, width: number, height: number): StyledRow[] {
  const rest = hiddenCount > 0 ? `and ${hiddenCount} more` : "";
  const configurations = shown.map(({ configuration }) => configuration);
  const needed = configurations.reduce((sum, { name }) => sum + textWidth(name) + 4, textWidth(rest));
  const isSingle = needed <= width || height < TWO_LEGENDS_FROM || shown.length < 2;
  const perRow = isSingle ? shown.length : Math.ceil(shown.length / 2);
  const room = Math.floor((width - textWidth(rest)) / perRow) - 4;
  const names = shortTitles(configurations, needed <= width ? width : Math.max(3, room));
  const spans = names.map((name, k): StyledRow => {
    const { letter, colour } = MARKS[k]!;
    const text = isSingle ? name : fit(name, room);
    return [{ text: `${letter} `, colour, bold: true }, { text: `${text}  ` }];
  });
  const rows = [spans.slice(0, perRow).flat(), ...(isSingle ? [] : [spans.slice(perRow).flat()])];
  return rows.map((row, k) =>
    k === rows.length - 1 ? [...row, { text: rest, colour: COLOURS.faint }] : row,
  );
}

/** A plot of this height has room for a second row of its legend. */
const TWO_LEGENDS_FROM = 7;

/** The configurations whatever their density, in the order of methods. */
function linesOf(state: DashboardState): Line[] {
  const { of } = linesOverDensity(state);
  const lines = new Map<Configuration<RunEntry>, RunEntry[]>();
  for (const run of comparableRuns(state)) {
    const own = lines.get(of(run));
    if (own) own.push(run);
    else lines.set(of(run), [run]);
  }
  return Array.from(lines, ([configuration, runs]) => ({ configuration, runs })).sort((a, b) =>
    byMethodOrder(methodOf(a.runs[0]!), methodOf(b.runs[0]!)),
  );
}

/** Those with a point at the density of the comparison first: these have letters before others. */
function comparedLines(state: DashboardState): Line[] {
  const density = densityAtCursor(state);
  const isCompared = density === undefined ? () => false : comparedAt(state, comparableRuns(state), density);
  const rankOf = ({ runs }: Line) => Number(!runs.some(isDrawn)) * 2 + Number(!runs.some(isCompared));
  return linesOf(state).sort((a, b) => rankOf(a) - rankOf(b));
}

/** Those whose settings are known. */
function comparableRuns(state: DashboardState): RunEntry[] {
  return visibleRuns(state).filter(({ isConfigUnknown }) => isConfigUnknown !== true);
}

function isDrawn(run: RunEntry): boolean {
  return run.life === "finished" && accuracyOf(run) !== undefined;
}

type Figure = (typeof FIGURES)[number];

const widthOf = (figures: readonly Figure[]) => figures.reduce((sum, { width }) => sum + width, 0);

/** As many as fit, the mean in any case. */
function figuresWithin(width: number): readonly Figure[] {
  const least = FIGURES.map(({ rank }) => rank)
    .sort((a, b) => a - b)
    .find((rank) => widthOf(FIGURES.filter((figure) => figure.rank >= rank)) <= width);
  return FIGURES.filter(({ rank }) => rank >= (least ?? 3));
}

function headingText(figures: readonly Figure[], nameWidth: number, barWidth: number): string {
  const cells = figures.map(({ title, width }) => fit(title, width, "right"));
  return `${fit("configuration", nameWidth)}${" ".repeat(barWidth)}${cells.join("")}`;
}

interface RowFigures {
  /** Of its line; undefined where the plot has none for it. */
  readonly letter: (typeof MARKS)[number] | undefined;
  readonly runCount: number;
  readonly spread: Spread;
}

function figureRow(
  { letter, runCount, spread }: RowFigures,
  figures: readonly Figure[],
  name: string,
  most: number,
  barWidth: number,
): StyledRow {
  const { count, mean, interval, deviation } = spread;
  const counted = `${formatCount(count)} of ${formatCount(runCount)}`;
  const texts: Readonly<Record<Figure["title"], string>> = {
    mean: formatAccuracy(mean ?? Number.NaN),
    "± 95 %": formatAccuracy(interval ?? Number.NaN),
    std: formatAccuracy(deviation ?? Number.NaN),
    runs: counted,
  };
  const strip =
    barWidth < 4 ? " ".repeat(Math.max(0, barWidth + 1)) : `${bar((mean ?? 0) / most, barWidth, "·")} `;
  return [
    { text: `${letter?.letter ?? " "} `, colour: letter?.colour, bold: true },
    { text: name, bold: true },
    { text: strip, colour: COLOURS.bar },
    ...figures.map(({ title, width }) => ({
      text: fit(texts[title], Math.max(width, textWidth(texts[title])), "right"),
      colour: title === "runs" ? COLOURS.faint : undefined,
    })),
  ];
}
