/** Rows of styled text as what a terminal takes: SGR of the 16 colours, bold and dim. @see ECMA-48, 8.3.117 */
import { rowText, type Span, type StyledRow } from "./styledText.ts";

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const RESET = "\u001b[0m";

/** @param isStyled false: no colours and no bold letters either */
export function paintedFrame(rows: readonly StyledRow[], isStyled: boolean): string {
  return rows.map((row) => (isStyled ? paintedRow(row) : rowText(row))).join("\n");
}

/** The style is told where it changes, and is the usual one at the end. */
function paintedRow(row: StyledRow): string {
  let painted = "";
  let style = "";
  for (const span of row) {
    const next = styleOf(span);
    if (next !== style) painted += style === "" ? next : RESET + next;
    style = next;
    painted += span.text;
  }
  return style === "" ? painted : painted + RESET;
}

function styleOf({ colour, bold, dim }: Span): string {
  const codes = [
    ...(bold ? [1] : []),
    ...(dim ? [2] : []),
    ...(colour === undefined ? [] : [codeOf(colour)]),
  ];
  return codes.length === 0 ? "" : `\u001b[${codes.join(";")}m`;
}

function codeOf(colour: string): number {
  return colour === "gray" ? 90 : 30 + COLOURS.indexOf(colour);
}
