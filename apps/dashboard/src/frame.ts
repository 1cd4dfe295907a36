/** A frame of the screen as rows of styled text: a pure function of state and size; all content is made by the panels. */
import { counted, type SweepEntry, textWidth } from "@phew/runs";
import type { DashboardState, PlacedPanel } from "./dashboardState.ts";
import { filteredRuns } from "./filteredRuns.ts";
import { headRow } from "./head.ts";
import { hintsOf } from "./keyActions.ts";
import { KEY_BINDINGS, QUIT_ANSWERS, VIEW_KEYS } from "./keys.ts";
import { layoutFor, type PanelColumn } from "./layout.ts";
import { drawnPanel } from "./panel.ts";
import { faintNote } from "./panelContent.ts";
import { fit, fitRow, rowPart, rowWidth, type Span, type StyledRow, truncate, wrap } from "./styledText.ts";
import { summaryLine } from "./summaryLine.ts";
import { sweepAtHand, sweepChoices, sweepWords } from "./sweepAnswers.ts";
import { COLOURS } from "./theme.ts";

/**
 * The rows of the screen, each of exactly `columns` columns: `rows` − 1 of them, at least one. The last line of the
 * terminal stays empty, so that nothing ever scrolls.
 */
export function frameRows(state: DashboardState, columns: number, rows: number): StyledRow[] {
  const layout = layoutFor(state, columns, rows);
  if (layout.kind === "line") return [fitRow([{ text: summaryLine(state) }], columns)];
  const body = besides(layout.columns.map((column) => columnRows(column, state)));
  const frame = [headRow(state, columns), ...body, hintRow(state, columns)].map((row) =>
    fitRow(row, columns),
  );
  if (state.asking) return withPopup(frame, columns, questionPopup(state));
  const sweep = state.askingSweep ? sweepAtHand(state) : undefined;
  if (sweep) return withPopup(frame, columns, sweepPopup(state, sweep, columns));
  return state.help ? withPopup(frame, columns, helpPopup(columns, rows, state.helpPage)) : frame;
}

/** Columns of as many rows side by side. */
function besides(columns: readonly (readonly StyledRow[])[]): StyledRow[] {
  return (columns[0] ?? []).map((_, k) => columns.flatMap((rows) => rows[k] ?? []));
}

function columnRows(column: PanelColumn, state: DashboardState): StyledRow[] {
  return column.flatMap((row) => besides(row.map((placed) => panelRows(placed, state))));
}

/** Rounded borders with the title in the upper one; heavy borders for the focused panel. */
function panelRows({ panel, width, height }: PlacedPanel, state: DashboardState): StyledRow[] {
  const content = drawnPanel(panel, state, width - 4, height - 2);
  const isFocused = panel.focus === state.focus && !state.help;
  const line = isFocused ? HEAVY : ROUND;
  const colour = isFocused ? COLOURS.accent : COLOURS.faint;
  const edge: Span = { text: line.side, colour };
  const inside = Array.from({ length: height - 2 }, (_, k) => content.rows[k] ?? []);
  return [
    titleRow(content.title, content.notes ?? [], width, line, colour),
    ...inside.map((row) => [edge, { text: " " }, ...fitRow(row, width - 4), { text: " " }, edge]),
    [{ text: line.bottom[0] + line.top[1].repeat(width - 2) + line.bottom[1], colour }],
  ];
}

interface Border {
  readonly top: readonly [string, string, string];
  readonly bottom: readonly [string, string];
  readonly side: string;
}

const ROUND: Border = { top: ["╭", "─", "╮"], bottom: ["╰", "╯"], side: "│" };
const HEAVY: Border = { top: ["┏", "━", "┓"], bottom: ["┗", "┛"], side: "┃" };

function titleRow(
  title: string,
  notes: readonly StyledRow[],
  width: number,
  line: Border,
  colour: string,
): StyledRow {
  const [left, dash, right] = line.top;
  const shownTitle = ` ${truncate(title, width - 6)} `;
  const room = width - 4 - textWidth(shownTitle);
  const note = notes.find((candidate) => rowWidth(candidate) > 0 && rowWidth(candidate) + 3 <= room);
  const shownNote: StyledRow = note ? [{ text: " " }, ...note, { text: " " }] : [];
  return [
    { text: left + dash, colour },
    { text: shownTitle, bold: true, colour: line === HEAVY ? colour : undefined },
    { text: dash.repeat(Math.max(0, room - rowWidth(shownNote))), colour },
    ...shownNote,
    { text: dash + right, colour },
  ];
}

/** The hints that fit; the last two, help and quit, always. */
function hintRow(state: DashboardState, width: number): StyledRow {
  const notice = state.notice ?? (state.filtering ? filteredRuns(state).fault : undefined);
  if (notice !== undefined) return [{ text: ` ${notice}`, bold: true, colour: COLOURS.warning }];
  const typed = promptSpans(state);
  const hints = hintsOf(state);
  const need = ({ key, word }: { key: string; word: string }) => textWidth(key) + word.length + 3;
  const last = hints.slice(-2);
  let left = width - rowWidth(typed) - last.reduce((sum, hint) => sum + need(hint), 0);
  const first = hints.slice(0, -2).filter((hint) => {
    left -= need(hint);
    return left >= 0;
  });
  return [
    ...typed,
    ...[...first, ...last].flatMap(({ key, word }): Span[] => [
      { text: ` ${key}`, bold: true, colour: COLOURS.accent },
      { text: ` ${word} `, colour: COLOURS.faint },
    ]),
  ];
}

/** What is typed, with a cursor behind it. */
function promptSpans({ prompt }: DashboardState): StyledRow {
  if (!prompt) return [];
  return [
    { text: prompt.kind === "search" ? " /" : " :", bold: true, colour: COLOURS.accent },
    { text: prompt.text, bold: true },
    { text: "▏ ", colour: COLOURS.accent },
  ];
}

interface Popup {
  readonly title: string;
  readonly note: string;
  readonly lines: readonly string[];
}

/** Asks whether what was started with the screen continues. */
function questionPopup({ runs }: DashboardState): Popup {
  const lines = QUIT_ANSWERS.map(({ shown, help }) => `${fit(shown, 4)} ${help}`);
  const left = runs.filter(({ life }) => life === "running" || life === "waiting");
  return {
    title: left.length > 1 ? `${counted(left.length, "run")} to go: all of it goes on` : "The run goes on",
    note: "quit?",
    lines,
  };
}

/** What can be done with a sweep, and the command that does it. */
function sweepPopup(state: DashboardState, sweep: SweepEntry, columns: number): Popup {
  const choices = sweepChoices(state, sweep);
  const lines = choices.map(({ key, helpText }) => `${fit(key, 4)} ${helpText}`);
  const command = `by phew ${sweepWords(sweep, choices[0]?.answer ?? "start").join(" ")}`;
  return {
    title: `Sweep ${sweep.experiment}`,
    note: "which?",
    lines: [...lines, `${fit("Esc", 4)} back`, "", ...wrap(command, columns - 8)],
  };
}

/** Columns of a key and most of its help. */
const LEAST_HELP_COLUMN = 34;

/**
 * All keys. If they do not fit the height, they take two columns; if these do not fit, the views share one line; if that
 * does not fit, the help has pages.
 */
function helpPopup(columns: number, rows: number, page: number): Popup {
  const room = rows - 5;
  const all = KEY_BINDINGS.map(({ shown, help }) => ({ shown, help }));
  const viewless = KEY_BINDINGS.filter(({ action }) => action.kind !== "viewChosen");
  const fewer = [{ shown: VIEW_KEYS.replaceAll("-", "–"), help: "the views" }, ...viewless];
  const width = Math.min(46, Math.floor((columns - 4 - 4 - 2) / 2));
  const bindings = all.length <= 2 * room ? all : fewer;
  const lines = bindings.map(({ shown, help }) => `${fit(shown, 10)} ${help}`);
  const isDouble = lines.length > room && width >= LEAST_HELP_COLUMN;
  const perPage = isDouble ? 2 * room : room;
  const pageCount = Math.max(1, Math.ceil(lines.length / perPage));
  const start = (page % pageCount) * perPage;
  const ofPage = lines.slice(start, start + perPage);
  // as high as the fullest page
  const half = isDouble ? Math.min(room, Math.ceil(lines.length / 2)) : ofPage.length;
  const shown = isDouble
    ? Array.from(
        { length: half },
        (_, k) => `${fit(ofPage[k] ?? "", width)}  ${truncate(ofPage[half + k] ?? "", width)}`,
      )
    : ofPage;
  const more = pageCount > 1 ? `↓ more, ${(page % pageCount) + 1} of ${pageCount} · ` : "";
  return { title: "Keys", note: `${more}Esc closes`, lines: shown };
}

/** Lines in a border over the middle of the frame. */
function withPopup(frame: readonly StyledRow[], columns: number, { title, note, lines }: Popup): StyledRow[] {
  const width = Math.min(columns - 4, Math.max(...lines.map(textWidth), 24) + 4);
  const colour = COLOURS.accent;
  const edge: Span = { text: "│", colour };
  const popup: StyledRow[] = [
    titleRow(title, faintNote(note), width, ROUND, colour),
    ...lines.map((line) => [edge, { text: ` ${fit(line, width - 4)} ` }, edge]),
    [{ text: `╰${"─".repeat(width - 2)}╯`, colour }],
  ];
  const left = Math.max(0, Math.floor((columns - width) / 2));
  const top = Math.max(0, Math.floor((frame.length - popup.length) / 2));
  return frame.map((row, k) => {
    const over = popup[k - top];
    return over ? [...rowPart(row, 0, left), ...over, ...rowPart(row, left + width, columns)] : row;
  });
}
