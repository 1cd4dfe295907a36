/** The screen as Ink components: all content is made by pure functions, here it gets borders and places. */
import { formatClock, formatCount } from "@phew/runs";
import { Box, Text } from "ink";
import type { ReactElement } from "react";
import { type DashboardState, type PanelName, VIEWS } from "./dashboardState.ts";
import { hintsOf, KEY_BINDINGS, QUIT_ANSWERS } from "./keys.ts";
import { layoutFor, type PanelKind, type PlacedPanel } from "./layout.ts";
import { faintNote } from "./panelContent.ts";
import { panelContent } from "./panels.ts";
import { fit, fitRow, rowWidth, type Span, type StyledRow, textWidth, truncate } from "./styledText.ts";
import { summaryLine } from "./summaryLine.ts";
import { COLOURS, LIFE_LOOKS } from "./theme.ts";

export interface DashboardProps {
  readonly state: DashboardState;
  /** Size of the terminal; the screen takes at most `rows` − 1 lines. */
  readonly columns: number;
  readonly rows: number;
}

export function Dashboard({ state, columns, rows }: DashboardProps): ReactElement {
  const layout = layoutFor(state, columns, rows);
  if (layout.kind === "line") return <Row row={[{ text: summaryLine(state) }]} width={columns} />;
  return (
    <Box flexDirection="column" width={columns} height={rows - 1}>
      <Row row={headRow(state, columns)} width={columns} />
      <Box height={layout.bodyHeight}>
        {layout.columns.map((column) => (
          <Box key={column.rows[0]!.panels[0]!.kind} flexDirection="column" width={column.width}>
            {column.rows.map(({ panels }) => (
              <Box key={panels[0]!.kind} height={panels[0]!.height}>
                {panels.map((panel) => (
                  <Panel key={panel.kind} panel={panel} state={state} />
                ))}
              </Box>
            ))}
          </Box>
        ))}
      </Box>
      <Row row={hintRow(state, columns)} width={columns} />
      {state.asking ? <Question columns={columns} rows={rows} /> : null}
      {state.help && !state.asking ? <Help columns={columns} rows={rows} /> : null}
    </Box>
  );
}

/** Rounded borders with the title in the upper one; heavy ones where the keys go. */
function Panel({
  panel,
  state,
}: {
  readonly panel: PlacedPanel;
  readonly state: DashboardState;
}): ReactElement {
  const { kind, width, height } = panel;
  const content = panelContent(kind, state, width - 4, height - 2);
  const isFocused = focusOf(kind) === state.focus && !state.help;
  const line = isFocused ? HEAVY : ROUND;
  const colour = isFocused ? COLOURS.accent : COLOURS.faint;
  const rows = Array.from({ length: height - 2 }, (_, k) => content.rows[k] ?? []);
  const edge: Span = { text: line.side, colour };
  return (
    <Box flexDirection="column" width={width} height={height}>
      <Row row={titleRow(content.title, content.notes ?? [], width, line, colour)} width={width} />
      {rows.map((row, k) => (
        <Row
          key={k}
          row={[edge, { text: " " }, ...fitRow(row, width - 4), { text: " " }, edge]}
          width={width}
        />
      ))}
      <Row
        row={[{ text: line.bottom[0] + line.top[1].repeat(width - 2) + line.bottom[1], colour }]}
        width={width}
      />
    </Box>
  );
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
    { text: shownTitle, bold: true, ...(line === HEAVY ? { colour } : {}) },
    { text: dash.repeat(Math.max(0, room - rowWidth(shownNote))), colour },
    ...shownNote,
    { text: dash + right, colour },
  ];
}

function focusOf(kind: PanelKind): PanelName | undefined {
  switch (kind) {
    case "loss":
    case "accuracy":
      return "curves";
    case "sweep":
    case "compare":
      return "runs";
    case "runs":
    case "layers":
    case "log":
      return kind;
    default:
      return undefined;
  }
}

function headRow(state: DashboardState, width: number): StyledRow {
  const clock: Span = state.frozen
    ? { text: "  PAUSED ", colour: COLOURS.warning, bold: true }
    : { text: `  ${formatClock(state.now).slice(0, 5)} `, colour: COLOURS.faint };
  const views: Span[] = VIEWS.map((view, k) => ({
    text: view === state.view ? `[${k} ${view}]` : ` ${k} ${view} `,
    ...(view === state.view ? { bold: true, colour: COLOURS.accent } : { colour: COLOURS.faint }),
  }));
  const name: Span = { text: " PHEW ", bold: true, colour: COLOURS.accent };
  const here = views[VIEWS.indexOf(state.view)]!;
  // the fullest of these heads that fits; a long root is cut last
  const heads: readonly (readonly [left: StyledRow, right: StyledRow])[] = [
    [
      [name, { text: state.root }, { text: "  " }, ...views],
      [...lifeCounts(state, true), clock],
    ],
    [
      [name, { text: state.root }, { text: " " }, here],
      [...lifeCounts(state, true), clock],
    ],
    [
      [name, ...views],
      [...lifeCounts(state, false), clock],
    ],
    [
      [name, { text: state.root }, { text: " " }, here],
      [...lifeCounts(state, false), clock],
    ],
    [
      [name, { text: state.root }],
      [...lifeCounts(state, false), clock],
    ],
    [[name], [...lifeCounts(state, false), clock]],
  ];
  const [left, right] = heads.find(([l, r]) => rowWidth(l) + rowWidth(r) <= width) ?? heads.at(-1)!;
  return [...left, { text: " ".repeat(Math.max(0, width - rowWidth(left) - rowWidth(right))) }, ...right];
}

function lifeCounts(state: DashboardState, withWords: boolean): Span[] {
  return Object.entries(LIFE_LOOKS).flatMap(([life, { mark, word, colour }]): Span[] => {
    const count = state.runs.filter((run) => run.life === life).length;
    if (count === 0) return [];
    return [{ text: `  ${mark} ${formatCount(count)}${withWords ? ` ${word}` : ""}`, colour }];
  });
}

/** The hints that fit; the last two, help and quit, always. */
function hintRow(state: DashboardState, width: number): StyledRow {
  if (state.notice !== undefined) return [{ text: ` ${state.notice}`, bold: true, colour: COLOURS.warning }];
  const hints = hintsOf(state);
  const need = ({ key, word }: { key: string; word: string }) => textWidth(key) + word.length + 3;
  const last = hints.slice(-2);
  let left = width - last.reduce((sum, hint) => sum + need(hint), 0);
  const first = hints.slice(0, -2).filter((hint) => {
    left -= need(hint);
    return left >= 0;
  });
  return [...first, ...last].flatMap(({ key, word }): Span[] => [
    { text: ` ${key}`, bold: true, colour: COLOURS.accent },
    { text: ` ${word} `, colour: COLOURS.faint },
  ]);
}

/** What becomes of the run that the screen was started with. */
function Question({ columns, rows }: { readonly columns: number; readonly rows: number }): ReactElement {
  const lines = QUIT_ANSWERS.map(({ shown, help }) => `${fit(shown, 4)} ${help}`);
  return <Popup title="The run goes on" note="quit?" lines={lines} columns={columns} rows={rows} />;
}

/** All keys, over the middle of the screen; in two columns where they are too many for its height. */
function Help({ columns, rows }: { readonly columns: number; readonly rows: number }): ReactElement {
  const lines = KEY_BINDINGS.map((binding) => `${fit(binding.shown, 10)} ${binding.help}`);
  const room = rows - 5;
  const isDouble = lines.length > room && columns >= 100;
  const half = Math.ceil(lines.length / 2);
  const shown = isDouble
    ? lines.slice(0, half).map((line, k) => `${fit(line, 46)}  ${lines[half + k] ?? ""}`)
    : lines.slice(0, room);
  return <Popup title="Keys" note="Esc closes" lines={shown} columns={columns} rows={rows} />;
}

/** Lines in a frame over the middle of the screen. */
function Popup({
  title,
  note,
  lines,
  columns,
  rows,
}: {
  readonly title: string;
  readonly note: string;
  readonly lines: readonly string[];
  readonly columns: number;
  readonly rows: number;
}): ReactElement {
  const width = Math.min(columns - 4, Math.max(...lines.map(textWidth), 24) + 4);
  const inside = lines.map((line) => [
    { text: "│", colour: COLOURS.accent },
    { text: ` ${fit(line, width - 4)} ` },
    { text: "│", colour: COLOURS.accent },
  ]);
  const left = Math.max(0, Math.floor((columns - width) / 2));
  const top = Math.max(0, Math.floor((rows - 1 - lines.length - 2) / 2));
  return (
    <Box position="absolute" marginLeft={left} marginTop={top} flexDirection="column" width={width}>
      <Row row={titleRow(title, faintNote(note), width, ROUND, COLOURS.accent)} width={width} />
      {inside.map((row) => (
        <Row key={row[1]!.text} row={row} width={width} />
      ))}
      <Row row={[{ text: `╰${"─".repeat(width - 2)}╯`, colour: COLOURS.accent }]} width={width} />
    </Box>
  );
}

function Row({ row, width }: { readonly row: StyledRow; readonly width: number }): ReactElement {
  return (
    <Box width={width} height={1}>
      <Text wrap="truncate-end">
        {fitRow(row, width).map((span, k) => (
          <Text key={k} {...styleOf(span)}>
            {span.text}
          </Text>
        ))}
      </Text>
    </Box>
  );
}

function styleOf(span: Span): { color?: string; bold?: boolean; dimColor?: boolean } {
  return {
    ...(span.colour === undefined ? {} : { color: span.colour }),
    ...(span.bold ? { bold: true } : {}),
    ...(span.dim ? { dimColor: true } : {}),
  };
}
