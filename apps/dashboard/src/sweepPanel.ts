/** All runs in a table: state, method, density, progress, time left and best accuracy. */
import {
  counted,
  formatAccuracy,
  formatCount,
  formatEta,
  formatPercent,
  type RunEntry,
  summarise,
} from "@phew/runs";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { faintNote, notice, type PanelContent, windowStart } from "./panelContent.ts";
import { accuracyOf, askedDensity, methodOf, type OrderName } from "./runOrder.ts";
import { filterRows, markOf, noRuns, seededName } from "./runsPanel.ts";
import { fit, type StyledRow } from "./styledText.ts";
import { bar, COLOURS, LIFE_LOOKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

export const sweepPanel: Panel = { title: "Sweep", focus: "runs", content: sweepContent };

interface TableColumn {
  readonly title: string;
  readonly width: number;
  readonly order?: OrderName;
  readonly side?: "right";
  readonly textOf: (run: RunEntry) => string;
}

const NOTHING = "–";

/** In order of importance: the last are left out first. */
const COLUMNS: readonly TableColumn[] = [
  {
    title: "accuracy",
    width: 10,
    order: "accuracy",
    side: "right",
    textOf: (run) => accuracyText(accuracyOf(run)),
  },
  {
    title: "density",
    width: 10,
    order: "density",
    side: "right",
    textOf: (run) => densityText(run.summary.density ?? askedDensity(run)),
  },
  { title: "method", width: 14, order: "method", textOf: (run) => ` ${methodOf(run) || NOTHING}` },
  { title: "state", width: 12, order: "state", textOf: (run) => LIFE_LOOKS[run.life].word },
  { title: "progress", width: 16, order: "progress", textOf: progressText },
  {
    title: "ETA",
    width: 10,
    side: "right",
    textOf: ({ life, summary }) =>
      life === "running" && summary.leftMs !== undefined ? formatEta(summary.leftMs) : NOTHING,
  },
];
/** In their order from left to right. */
const PLACES = ["state", "method", "density", "progress", "ETA", "accuracy"];
const LEAST_NAME = 16;

function sweepContent(state: DashboardState, width: number, height: number): PanelContent {
  const runs = visibleRuns(state);
  const columns = columnsFor(width);
  const head = [...filterRows(state, runs.length), headingRow(columns, state, width)];
  const lines = state.grouped ? groupedLines(runs) : runs;
  const cursor = lines.findIndex((line) => !isHeading(line) && line.folder === state.selected);
  const room = Math.max(1, height - head.length);
  const start = windowStart(cursor, lines.length, room);
  const at = runs.findIndex((run) => run.folder === state.selected) + 1;
  const order = state.order === "start" ? "" : `  sorted by ${state.order}`;
  return {
    title: "Sweep",
    notes: [
      ...faintNote(`${formatCount(at)}/${formatCount(runs.length)}${order}`),
      ...faintNote(formatCount(runs.length)),
    ],
    rows: [
      ...head,
      ...(runs.length === 0 ? noRuns(state, width) : []),
      ...lines
        .slice(start, start + room)
        .map((line) =>
          isHeading(line) ? notice(line.heading, width)[0]! : runRow(line, columns, state, width),
        ),
    ],
  };
}

interface Heading {
  readonly heading: string;
}

function isHeading(line: RunEntry | Heading): line is Heading {
  return "heading" in line;
}

/** A heading before the runs of each method, with their number and the best accuracy among them. */
function groupedLines(runs: readonly RunEntry[]): (RunEntry | Heading)[] {
  const groups = new Map<string, RunEntry[]>();
  for (const run of runs) {
    const group = groups.get(methodOf(run)) ?? [];
    groups.set(methodOf(run), group);
    group.push(run);
  }
  return [...groups].flatMap(([method, group]) => {
    const best = group.map(accuracyOf).reduce((a, b) => (b === undefined || (a ?? -1) >= b ? a : b));
    const runCount = counted(group.length, "run");
    const heading = [
      method || "no method",
      runCount,
      ...(best === undefined ? [] : [`best ${formatAccuracy(best)}`]),
    ];
    return [{ heading: heading.join(" · ") }, ...group];
  });
}

function columnsFor(width: number): readonly TableColumn[] {
  let left = width - 4 - LEAST_NAME;
  const shown: TableColumn[] = [];
  for (const column of COLUMNS) {
    if (column.width > left) break;
    left -= column.width;
    shown.push(column);
  }
  return shown.sort((a, b) => PLACES.indexOf(a.title) - PLACES.indexOf(b.title));
}

function headingRow(columns: readonly TableColumn[], state: DashboardState, width: number): StyledRow {
  const arrow = state.descending ? "↓" : "↑";
  const cells = columns.map(({ title, width: w, side, order }) => {
    const isOrder = order !== undefined && order === state.order;
    const text = isOrder ? `${title}${arrow}` : title;
    return {
      text:
        side === "right"
          ? fit(text, w, "right")
          : fit(side === undefined && title !== "state" ? ` ${text}` : text, w),
      ...(isOrder ? { bold: true } : { colour: COLOURS.faint }),
    };
  });
  return [{ text: fit("    run", nameWidth(columns, width) + 4), colour: COLOURS.faint }, ...cells];
}

function nameWidth(columns: readonly TableColumn[], width: number): number {
  return width - 4 - columns.reduce((sum, column) => sum + column.width, 0);
}

function runRow(
  entry: RunEntry,
  columns: readonly TableColumn[],
  state: DashboardState,
  width: number,
): StyledRow {
  const isSelected = entry.folder === state.selected;
  const { shown, now } = state;
  // of the run under the cursor the events are read, and newer than its heartbeat
  const run = isSelected && shown?.loaded === 1 ? { ...entry, summary: summarise(shown.state, now) } : entry;
  const look = LIFE_LOOKS[run.life];
  const strong = isSelected ? { bold: true, colour: COLOURS.accent } : {};
  return [
    { text: isSelected ? "▸" : " ", colour: COLOURS.accent, bold: true },
    markOf(state, entry.folder),
    { text: look.mark, colour: look.colour, bold: true },
    { text: ` ${fit(seededName(run), nameWidth(columns, width))}`, ...strong },
    ...columns.map(({ title, width: w, side, textOf }) => ({
      text: fit(textOf(run), w, side ?? "left"),
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

function densityText(density: number | undefined): string {
  return density === undefined ? NOTHING : formatPercent(density);
}
