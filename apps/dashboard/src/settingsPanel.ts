/** The settings of the selected run; if runs are marked, the settings in which they differ, and their results. */
import {
  counted,
  formatAccuracy,
  formatMeasure,
  formatPercent,
  type RunEntry,
  type RunState,
  runAccuracy,
  textWidth,
} from "@phew/runs";
import { configurationsOf, settingLines } from "@phew/runs/configurations";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { notice, type PanelContent } from "./panelContent.ts";
import { fitTitle } from "./runTitles.ts";
import { fit, type Span, type StyledRow } from "./styledText.ts";
import { COLOURS, LIFE_LOOKS, MARKS } from "./theme.ts";
import { selectedRun } from "./visibleRuns.ts";

export const settingsPanel: Panel = { title: "Settings", focus: "settings", content: settingsContent };

const LABEL_WIDTH = 18;
/** Fewest columns for a letter and a short name. */
const LEAST_CELL = 15;
const NOTHING = "–";

function settingsContent(state: DashboardState, width: number, height: number): PanelContent {
  const compared = comparedRuns(state);
  if (compared.length >= 2) return differenceContent(state, compared, width, height);
  const run = compared[0];
  if (!run) return { title: "Settings", rows: notice("No run is chosen.", width) };
  const lines = linesOf(run);
  return {
    title: "Settings",
    notes: scrollNotes(lines.length, state, height, "Space marks runs to compare"),
    rows: windowOf(lines, state, height).map((line) => settingRow(line, width)),
  };
}

/** The marked runs; if only one is marked, that one and the selected run. */
function comparedRuns(state: DashboardState): RunEntry[] {
  const entryOf = (folder: string | undefined) => state.runs.find((run) => run.folder === folder) ?? [];
  const marked = state.marked.flatMap(entryOf);
  const selected = selectedRun(state);
  if (marked.length >= 2 || !selected || marked.includes(selected)) return marked;
  return [...marked, selected];
}

/** How many lines the panel has to show. */
export function settingCount(state: DashboardState): number {
  const compared = comparedRuns(state);
  return compared.length >= 2
    ? differences(state, compared).length + 1
    : compared[0]
      ? linesOf(compared[0]).length
      : 0;
}

interface Line {
  readonly label: string;
  readonly text: string;
  /** True if the setting has its default. */
  readonly isUsual?: boolean;
}

/** Settings that differ from their defaults, seed and experiment; then, below a heading, settings at their defaults. */
function linesOf(run: RunEntry): Line[] {
  const lines = settingLines(run.config);
  const seed = run.seed ?? run.config.seed;
  const own = lines.filter(({ isDefault }) => !isDefault);
  const usual = lines.filter(({ isDefault }) => isDefault);
  return [
    ...own,
    ...(seed === undefined ? [] : [{ label: "seed", text: `${seed}` }]),
    { label: "experiment", text: run.experiment },
    { label: "id", text: run.id },
    ...(usual.length === 0 ? [] : [{ label: "", text: "as they are unless given:", isUsual: true }]),
    ...usual.map((line) => ({ ...line, isUsual: true })),
  ];
}

function settingRow({ label, text, isUsual = false }: Line, width: number): StyledRow {
  return [
    { text: fit(label, LABEL_WIDTH), colour: COLOURS.faint },
    {
      text: fit(text, Math.max(1, width - LABEL_WIDTH)),
      ...(isUsual ? { colour: COLOURS.faint } : { bold: true }),
    },
  ];
}

/** A row of the table of differences: a cell for each run. */
interface Difference {
  readonly label: string;
  readonly cells: readonly string[];
  /** True for a setting, false for a result. */
  readonly isSetting: boolean;
}

function differenceContent(
  state: DashboardState,
  runs: readonly RunEntry[],
  width: number,
  height: number,
): PanelContent {
  const rows = differences(state, runs);
  const shownCount = Math.max(2, Math.min(runs.length, Math.floor((width - LABEL_WIDTH) / LEAST_CELL)));
  const cellWidth = Math.floor((width - LABEL_WIDTH) / shownCount);
  const { shared } = configurationsOf(runs);
  const left = runs.length - shownCount;
  return {
    title: `Difference of ${counted(runs.length, "run")}`,
    notes: scrollNotes(rows.length + 1, state, height - 1, left > 0 ? `and ${left} more` : ""),
    rows: [
      headRow(state, runs.slice(0, shownCount), cellWidth),
      ...windowOf<Difference | string>(
        [...rows, shared === "" ? "" : `all: ${shared}`],
        state,
        height - 1,
      ).map((row) =>
        typeof row === "string"
          ? [{ text: row, colour: COLOURS.faint }]
          : differenceRow(row, shownCount, cellWidth),
      ),
    ],
  };
}

function headRow(state: DashboardState, runs: readonly RunEntry[], cellWidth: number): StyledRow {
  const cells = runs.flatMap((run): StyledRow => {
    const mark = MARKS[state.marked.indexOf(run.folder)];
    const letter = mark?.letter ?? "▸";
    return [
      { text: `${letter} `, bold: true, colour: mark?.colour ?? COLOURS.accent },
      { text: fitTitle(state, run, cellWidth - 3), bold: true },
      { text: " " },
    ];
  });
  return [{ text: " ".repeat(LABEL_WIDTH) }, ...cells];
}

function differenceRow({ label, cells, isSetting }: Difference, count: number, cellWidth: number): StyledRow {
  return [
    { text: fit(label, LABEL_WIDTH), colour: COLOURS.faint },
    ...cells.slice(0, count).map(
      (cell): Span => ({
        text: `${fit(cell, Math.max(cellWidth - 1, Math.min(textWidth(cell), cellWidth - 1)))} `,
        bold: isSetting,
      }),
    ),
  ];
}

/** The settings that differ, the seeds if they differ, and the results of each run. */
function differences(state: DashboardState, runs: readonly RunEntry[]): Difference[] {
  const { columns } = configurationsOf(runs);
  const settings = columns.map(({ title, isPercent, cellOf }) => ({
    label: title,
    cells: runs.map((run) => cellText(cellOf(run), isPercent)),
    isSetting: true,
  }));
  const seeds = {
    label: "seed",
    cells: runs.map((run) => `${run.seed ?? run.config.seed ?? NOTHING}`),
    isSetting: true,
  };
  const outcomes = OUTCOMES.map(([label, textOf]) => ({
    label,
    cells: runs.map((run) => textOf(run, stateOf(state, run)) ?? NOTHING),
    isSetting: false,
  }));
  return [
    ...settings,
    ...(new Set(seeds.cells).size > 1 ? [seeds] : []),
    ...outcomes.filter(({ cells }) => cells.some((cell) => cell !== NOTHING)),
  ];
}

function cellText(value: string | number | boolean | undefined, isPercent: boolean): string {
  if (value === undefined) return NOTHING;
  if (typeof value === "number" && isPercent) return formatPercent(value, 4);
  return typeof value === "boolean" ? (value ? "yes" : "no") : `${value}`;
}

/** The state of a run whose events are read: a marked run, or the selected one. */
function stateOf({ shown, overlays }: DashboardState, run: RunEntry): RunState | undefined {
  return [...overlays, ...(shown ? [shown] : [])].find(({ folder }) => folder === run.folder)?.state;
}

const OUTCOMES: readonly (readonly [string, (run: RunEntry, state?: RunState) => string | undefined])[] = [
  ["state", ({ life }) => LIFE_LOOKS[life].word],
  [
    "test accuracy",
    ({ summary }, state) => {
      const accuracy = (state && runAccuracy(state)) ?? summary.testAccuracy;
      return accuracy === undefined ? undefined : formatAccuracy(accuracy);
    },
  ],
  [
    "density reached",
    ({ summary: { density } }) => (density === undefined ? undefined : formatPercent(density, 4)),
  ],
  ["mean width", (_, state) => percentOf(state?.mask?.measures?.meanWidth)],
  [
    "path kernel trace",
    (_, state) => {
      const measures = state?.mask?.measures;
      return measures && formatMeasure(measures.pathKernelTrace, 3, measures.log10Trace);
    },
  ],
];

function percentOf(fraction: number | undefined): string | undefined {
  return fraction === undefined ? undefined : formatPercent(fraction);
}

function windowOf<T>(lines: readonly T[], { settingOffset }: DashboardState, height: number): readonly T[] {
  const start = Math.max(0, Math.min(settingOffset, lines.length - height));
  return lines.slice(start, start + height);
}

function scrollNotes(
  count: number,
  { settingOffset }: DashboardState,
  height: number,
  hint: string,
): StyledRow[] {
  const start = Math.max(0, Math.min(settingOffset, count - height));
  const place = count > height ? `${start + 1}–${start + height} of ${count}` : "";
  const notes = [[place, hint].filter((text) => text !== "").join(" · "), place];
  return notes.filter((text) => text !== "").map((text) => [{ text, colour: COLOURS.faint }]);
}
