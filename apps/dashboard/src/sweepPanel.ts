/** All runs in a table: the settings in which they differ, state, progress, time left and accuracy. */
import {
  accuracyWords,
  counted,
  formatAccuracy,
  formatCount,
  formatEta,
  formatPercent,
  type RunEntry,
  summarise,
  textWidth,
} from "@phew/runs";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { arraySpans, type ClosedArray, closedArrays, listedRuns } from "./jobArrays.ts";
import { faintNote, notice, type PanelContent, windowStart } from "./panelContent.ts";
import { accuracyOf, finishedSpread, ORDERS, type OrderName } from "./runOrder.ts";
import { filterRows, markOf, noRuns } from "./runsPanel.ts";
import { fitTitle, runConfigurations, sharedRows, unknownRows } from "./runTitles.ts";
import { fit, fitRow, type StyledRow } from "./styledText.ts";
import { sweepRows } from "./sweepRows.ts";
import { bar, COLOURS, LIFE_LOOKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

export const sweepPanel: Panel = { title: "Sweep", focus: "runs", content: sweepContent };

interface TableColumn {
  readonly title: string;
  readonly width: number;
  readonly order?: OrderName | undefined;
  readonly side?: "right";
  /** @param entry of the list; `run` is newer than it, of the one under the cursor */
  readonly textOf: (run: RunEntry, entry: RunEntry) => string;
}

const NOTHING = "–";

const ACCURACY: TableColumn = {
  title: "accuracy",
  width: 10,
  order: "accuracy",
  side: "right",
  textOf: (run) => accuracyText(accuracyOf(run)),
};
const STATE: TableColumn = {
  title: "state",
  width: 12,
  order: "state",
  textOf: (run) => LIFE_LOOKS[run.life].word,
};
/** From left to right; if the panel is too narrow, the last ones are left out first. */
const MORE: readonly TableColumn[] = [
  { title: "progress", width: 16, order: "progress", textOf: progressText },
  {
    title: "ETA",
    width: 10,
    side: "right",
    textOf: ({ life, summary }) =>
      life === "running" && summary.leftMs !== undefined ? formatEta(summary.leftMs) : NOTHING,
  },
  { title: "id", width: 15, textOf: ({ id }) => ` ${id}` },
];
const LEAST_NAME = 16;
/** Fewest rows of a panel that shows sweeps above its runs. */
const LEAST_SWEEP_HEIGHT = 4;
const WIDEST_SETTING = 24;

function sweepContent(state: DashboardState, width: number, height: number): PanelContent {
  const runs = visibleRuns(state);
  const columns = columnsFor(state, width);
  const head = [
    ...filterRows(state, runs.length),
    ...(height >= LEAST_SWEEP_HEIGHT ? [...sweepRows(state, width), ...unknownRows(state, width)] : []),
    ...sharedRows(state, width, height),
    headingRow(columns, state, width),
  ];
  const lines = state.grouped ? groupedLines(state, runs) : listedRuns(state);
  const closed = closedArrays(state);
  const cursor = lines.findIndex((line) => !isHeading(line) && line.folder === state.selected);
  const room = Math.max(1, height - head.length);
  const start = windowStart(cursor, lines.length, room);
  const shown = lines.slice(start, start + room);
  const at = runs.findIndex((run) => run.folder === state.selected) + 1;
  const place = `${formatCount(at)}/${formatCount(runs.length)}`;
  // of the run under the cursor, where its column has no room
  const selected = columns.some(({ title }) => title === "id") ? undefined : runs[at - 1];
  const id = selected ? `  ${selected.id}` : "";
  const order = state.order === "start" ? "" : `  sorted by ${state.order}`;
  return {
    title: "Sweep",
    notes: [
      ...faintNote(`accuracy of the ${accuracyWords(runs)}${id}  ${place}${order}`),
      ...faintNote(`${accuracyWords(runs)}${id}  ${place}`),
      ...faintNote(`${id.trim()}  ${place}`),
      ...faintNote(formatCount(runs.length)),
    ],
    rows: [
      ...head,
      ...(runs.length === 0 ? noRuns(state, width) : []),
      ...shown.map((line) =>
        isHeading(line)
          ? notice(line.heading, width)[0]!
          : (arrayRow(line, closed, state, width) ?? runRow(line, columns, state)),
      ),
    ],
    choiceAt: (row) => {
      const line = shown[row - head.length];
      return line === undefined || isHeading(line) ? undefined : { kind: "runChosen", folder: line.folder };
    },
  };
}

interface Heading {
  readonly heading: string;
}

function isHeading(line: RunEntry | Heading): line is Heading {
  return "heading" in line;
}

/** A heading before the runs of each configuration, with the mean over those that are finished and its 95 % interval. */
function groupedLines(state: DashboardState, runs: readonly RunEntry[]): (RunEntry | Heading)[] {
  const { of } = runConfigurations(state);
  const visible = new Set(runs);
  return runs.flatMap((run, k) => {
    const configuration = of(run);
    if (k > 0 && of(runs[k - 1]!) === configuration) return [run];
    const own = configuration.runs.filter((other) => visible.has(other));
    const { count, mean, interval } = finishedSpread(own);
    const heading = [
      configuration.name,
      counted(own.length, "run"),
      ...(mean === undefined ? [] : [`mean ${formatAccuracy(mean)} of ${count}`]),
      ...(interval === undefined ? [] : [`± ${formatAccuracy(interval)} (95 %)`]),
    ];
    return [{ heading: heading.join(" · ") }, run];
  });
}

/** One column for each setting that varies if all fit, else one column with all of them, cut. */
function columnsFor(state: DashboardState, width: number): readonly TableColumn[] {
  let left = width - 4 - ACCURACY.width;
  const settings = settingColumns(state);
  const settingsWidth = settings.reduce((sum, column) => sum + column.width, 0);
  const fitsAll = settings.length > 0 && settingsWidth + STATE.width <= left;
  left -= fitsAll ? settingsWidth : LEAST_NAME;
  const shown: TableColumn[] = [];
  for (const column of [STATE, ...MORE]) {
    if (column.width > left) break;
    left -= column.width;
    shown.push(column);
  }
  const name: TableColumn = {
    title: "run",
    width: LEAST_NAME + left,
    textOf: (_, entry) => fitTitle(state, entry, LEAST_NAME + left - 1),
  };
  return [...(fitsAll ? settings : [name]), ...shown, ACCURACY];
}

const known = new WeakMap<readonly RunEntry[], readonly TableColumn[]>();

/** Columns of the settings, and of the seed, in which runs differ. */
function settingColumns({ runs }: DashboardState): readonly TableColumn[] {
  const before = known.get(runs);
  if (before) return before;
  const configurations = runConfigurations({ runs });
  const firsts = configurations.all.map((configuration) => configuration.runs[0]!);
  const columns = configurations.columns.map(({ title, cellOf, isPercent, key }): TableColumn => {
    const textOf = (run: RunEntry) => settingText(cellOf(run), isPercent);
    const order = ORDERS.find((name) => name === key);
    return {
      title,
      width: widthOf(title, firsts.map(textOf)),
      textOf: (_, entry) => textOf(entry),
      order,
    };
  });
  const seeds = runs.map((run) => configurations.seedOf(run).replace("seed ", ""));
  const isSeeded = seeds.some((text) => text !== "");
  const seed: TableColumn = {
    title: "seed",
    width: widthOf("seed", seeds),
    textOf: (run) => `${run.config.seed ?? NOTHING}`,
  };
  const all = isSeeded ? [...columns, seed] : columns;
  known.set(runs, all);
  return all;
}

function settingText(value: string | number | boolean | undefined, isPercent: boolean): string {
  if (value === undefined) return NOTHING;
  if (typeof value === "number" && isPercent) return formatPercent(value, 4);
  return typeof value === "boolean" ? (value ? "yes" : "no") : `${value}`;
}

function widthOf(title: string, texts: readonly string[]): number {
  const widest = texts.reduce((most, text) => Math.max(most, textWidth(text)), textWidth(title) + 1);
  return Math.min(WIDEST_SETTING, widest) + 2;
}

function headingRow(columns: readonly TableColumn[], state: DashboardState, width: number): StyledRow {
  const arrow = state.descending ? "↓" : "↑";
  const cells = columns.map(({ title, width: w, side, order }) => {
    const isOrder = order !== undefined && order === state.order;
    const text = isOrder ? `${title}${arrow}` : title === "progress" || title === "id" ? ` ${title}` : title;
    return { text: fit(text, w, side ?? "left"), ...(isOrder ? { bold: true } : { colour: COLOURS.faint }) };
  });
  return fitRow([{ text: "    " }, ...cells], width);
}

/** All runs of an array in one row; undefined of a run that stands for itself alone. */
function arrayRow(
  entry: RunEntry,
  closed: ReadonlyMap<string, ClosedArray>,
  state: DashboardState,
  width: number,
): StyledRow | undefined {
  const array = closed.get(entry.folder);
  if (array === undefined) return undefined;
  const isSelected = entry.folder === state.selected;
  const opens = isSelected ? [{ text: "  Enter opens", colour: COLOURS.faint }] : [];
  const mark = { text: isSelected ? "▸" : " ", colour: COLOURS.accent, bold: true };
  return fitRow([mark, { text: " + " }, ...arraySpans(array), ...opens], width);
}

function runRow(entry: RunEntry, columns: readonly TableColumn[], state: DashboardState): StyledRow {
  const isSelected = entry.folder === state.selected;
  const { shown, now } = state;
  // the events of the selected run are newer than its heartbeat
  const run = isSelected && shown?.loaded === 1 ? { ...entry, summary: summarise(shown.state, now) } : entry;
  const look = LIFE_LOOKS[run.life];
  const strong = isSelected ? { bold: true, colour: COLOURS.accent } : {};
  return [
    { text: isSelected ? "▸" : " ", colour: COLOURS.accent, bold: true },
    markOf(state, entry.folder),
    { text: look.mark, colour: look.colour, bold: true },
    { text: " " },
    ...columns.map(({ title, width: w, side, textOf }) => ({
      text: fit(textOf(run, entry), w, side ?? "left"),
      ...(title === "state" || title === "progress" ? { colour: look.colour } : strong),
    })),
  ];
}

function progressText({ life, summary: { fraction } }: RunEntry): string {
  return life === "waiting" ? "" : ` ${bar(fraction, 8, "░")}${fit(formatPercent(fraction, 2), 6, "right")}`;
}

function accuracyText(accuracy: number | undefined): string {
  return accuracy === undefined ? NOTHING : formatAccuracy(accuracy);
}
