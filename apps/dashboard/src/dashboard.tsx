/** The screen as an Ink component, for programs that have Ink draw it among other things. */
import { Box, Text } from "ink";
import { memo, type ReactElement } from "react";
import type { DashboardState } from "./dashboardState.ts";
import { frameRows } from "./frame.ts";
import { paintedFrame } from "./paintedFrame.ts";
import type { Span, StyledRow } from "./styledText.ts";

export interface DashboardProps {
  readonly state: DashboardState;
  /** Size of the terminal; the screen takes at most `rows` − 1 lines. */
  readonly columns: number;
  readonly rows: number;
}

export function Dashboard({ state, columns, rows }: DashboardProps): ReactElement {
  return (
    <Box flexDirection="column" width={columns}>
      {frameRows(state, columns, rows).map((row, k) => (
        <Row key={k} row={row} />
      ))}
    </Box>
  );
}

/** A row stays as it is where its spans are the same. */
const Row = memo(
  ({ row }: { readonly row: StyledRow }): ReactElement => (
    <Text wrap="truncate-end">
      {row.map((span, n) => (
        <Text key={n} {...styleOf(span)}>
          {span.text}
        </Text>
      ))}
    </Text>
  ),
  (before, after) => paintedFrame([before.row], true) === paintedFrame([after.row], true),
);

/** Ink's gray is bright black, and its blue is the palette's: unreadable ones, as themes.ts says. */
const INK_COLOURS: Readonly<Record<string, string>> = { gray: "ansi256(245)", blue: "ansi256(33)" };

function styleOf({ colour, bold, dim }: Span): { color?: string; bold?: boolean; dimColor?: boolean } {
  return {
    ...(colour === undefined ? {} : { color: INK_COLOURS[colour] ?? colour }),
    ...(bold ? { bold: true } : {}),
    ...(dim ? { dimColor: true } : {}),
  };
}
