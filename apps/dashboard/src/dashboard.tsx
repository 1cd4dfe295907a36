/** The screen as an Ink component, for programs that have Ink draw it among other things. */
import { Box, Text } from "ink";
import type { ReactElement } from "react";
import type { DashboardState } from "./dashboardState.ts";
import { frameRows } from "./frame.ts";
import type { Span } from "./styledText.ts";

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
        <Text key={k} wrap="truncate-end">
          {row.map((span, n) => (
            <Text key={n} {...styleOf(span)}>
              {span.text}
            </Text>
          ))}
        </Text>
      ))}
    </Box>
  );
}

function styleOf({ colour, bold, dim }: Span): { color?: string; bold?: boolean; dimColor?: boolean } {
  return {
    ...(colour === undefined ? {} : { color: colour }),
    ...(bold ? { bold: true } : {}),
    ...(dim ? { dimColor: true } : {}),
  };
}
