/** The list of runs. Only visible rows are made. */
import {
  formatAccuracy,
  formatCount,
  formatPercent,
  type RunEntry,
  type RunSummary,
  summarise,
  textWidth,
} from "@phew/runs";
import type { DashboardState, Panel } from "./dashboardState.ts";
import { filteredRuns } from "./filteredRuns.ts";
import { faintNote, notice, type PanelContent, windowStart } from "./panelContent.ts";
import { fitTitle, runConfigurations } from "./runTitles.ts";
import { fit, type Span, type StyledRow } from "./styledText.ts";
import { bar, COLOURS, LIFE_LOOKS, MARKS } from "./theme.ts";
import { visibleRuns } from "./visibleRuns.ts";

export const runsPanel: Panel = { title: "Runs", focus: "runs", content: runsContent };

function runsContent(state: DashboardState, width: number, height: number): PanelContent {
  const runs = visibleRuns(state);
  const head = filterRows(state, runs.length);
  const isInOrder = state.order === "start" && !state.grouped;
  const lines = isInOrder ? listLines(state, runs, height - head.length) : runs;
  const cursor = lines.findIndex((line) => typeof line !== "string" && line.folder === state.selected);
  const room = Math.max(0, height - head.length);
  const start = windowStart(cursor, lines.length, room);
  const shown = lines.slice(start, start + room);
  const note = `${formatCount(runs.findIndex((run) => run.folder === state.selected) + 1)}/${formatCount(runs.length)}${state.follow ? " following" : ""}`;
  return {
    title: "Runs",
    notes: runs.length > 0 ? faintNote(note) : undefined,
    rows: [
      ...head,
      ...(lines.length === 0 ? noRuns(state, width) : []),
      ...shown.map((line) =>
        typeof line === "string"
          ? [{ text: ` ${line}`, colour: COLOURS.faint }]
          : runRow(line, state, width, isInOrder),
      ),
    ],
    choiceAt: (row) => {
      const line = shown[row - head.length];
      return line === undefined || typeof line === "string"
        ? undefined
        : { kind: "runChosen", folder: line.folder };
    },
  };
}

/** Runs below the name of their experiment and what they share; of one experiment alone where there is room for it. */
function listLines(state: DashboardState, runs: readonly RunEntry[], height: number): (string | RunEntry)[] {
  const isSingle = runs[0]?.experiment === runs.at(-1)?.experiment;
  if (isSingle && runs.length >= height) return [...runs];
  const { sharedOf } = runConfigurations(state);
  return runs.flatMap((run, k) =>
    runs[k - 1]?.experiment === run.experiment
      ? [run]
      : [`${run.experiment}/ ${sharedOf(run.experiment)}`, run],
  );
}

/** Mark, name, progress and accuracy; in a narrow list the more important of the last two. */
function runRow(run: RunEntry, state: DashboardState, width: number, isBelowExperiment: boolean): StyledRow {
  const isSelected = run.folder === state.selected;
  const look = LIFE_LOOKS[run.life];
  // a column of letters, where any run is marked
  const letters = state.marked.some((folder) => folder !== undefined) ? [markOf(state, run.folder)] : [];
  const summary = liveSummary(run, state);
  const accuracy = summary.testAccuracy === undefined ? "–" : formatAccuracy(summary.testAccuracy);
  const percent = formatPercent(summary.fraction, 2);
  const isWide = width >= 38;
  const status = !isWide
    ? ""
    : run.life === "running"
      ? `${bar(summary.fraction, 5, "░")}${fit(percent, 6, "right")}`
      : look.word;
  const last =
    isWide || run.life === "finished" ? accuracy : run.life === "running" ? percent : look.shortWord;
  const nameWidth = width - 4 - letters.length - textWidth(status) - 7;
  const strong = isSelected ? { bold: true, colour: COLOURS.accent } : {};
  return [
    { text: isSelected ? "▸" : " ", colour: COLOURS.accent, bold: true },
    ...letters,
    { text: look.mark, colour: look.colour, bold: true },
    { text: ` ${fitTitle(state, run, nameWidth, isBelowExperiment)} `, ...strong },
    { text: status, colour: look.colour },
    { text: fit(last, 7, "right"), ...strong },
  ];
}

/** Progress of the selected run from its events, which are newer than its heartbeat. */
function liveSummary(run: RunEntry, { shown, now }: DashboardState): RunSummary {
  return shown?.folder === run.folder && shown.loaded === 1 ? summarise(shown.state, now) : run.summary;
}

/** The letter of a marked run, in its colour. */
export function markOf(state: DashboardState, folder: string): Span {
  const mark = MARKS[state.marked.indexOf(folder)];
  return mark ? { text: mark.letter, colour: mark.colour, bold: true } : { text: " " };
}

export function filterRows(state: DashboardState, count: number): StyledRow[] {
  if (!state.filtering && state.filter === "") return [];
  const { fault } = filteredRuns(state);
  const cursor: Span[] = state.filtering ? [{ text: "▏", colour: COLOURS.accent }] : [];
  return [
    [
      { text: "/", colour: COLOURS.accent, bold: true },
      { text: state.filter, bold: true },
      ...cursor,
      // the bottom line says why
      ...(fault === undefined ? [] : [{ text: " ?", bold: true, colour: COLOURS.warning }]),
      { text: ` ${formatCount(count)} of ${formatCount(state.runs.length)}`, colour: COLOURS.faint },
    ],
  ];
}

export function noRuns(state: DashboardState, width: number): StyledRow[] {
  const text =
    state.runs.length > 0
      ? "No run meets all of this. Esc shows all runs."
      : state.startedPid !== undefined
        ? "The run is starting …"
        : `No runs in ${state.root} yet. They appear here as soon as one starts: phew train --help tells how.`;
  return notice(text, width);
}
