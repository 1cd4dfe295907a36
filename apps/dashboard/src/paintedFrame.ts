/** Rows of styled text as what a terminal takes: SGR of a palette's colours, bold and dim. @see ECMA-48, 8.3.117 */
import { rowText, type Span, type StyledRow } from "./styledText.ts";
import { type ColourName, type Palette, paletteOf } from "./themes.ts";

const RESET = "\u001b[0m";
const BASIC = paletteOf("terminal", 4);

/** @param style false: no colours and no bold letters either; true: the 16 colours of the terminal's own palette */
export function paintedFrame(rows: readonly StyledRow[], style: boolean | Palette): string {
  const palette = style === true ? BASIC : style;
  return rows.map((row) => (palette ? paintedRow(row, palette) : rowText(row))).join("\n");
}

/** Codes are written only where the style changes, and reset at the end. */
function paintedRow(row: StyledRow, palette: Palette): string {
  let painted = "";
  let style = "";
  for (const span of row) {
    const next = styleOf(span, palette);
    if (next !== style) painted += style === "" ? next : RESET + next;
    style = next;
    painted += span.text;
  }
  return style === "" ? painted : painted + RESET;
}

function styleOf({ colour, bold, dim }: Span, palette: Palette): string {
  const codes = [
    ...(bold ? [1] : []),
    ...(dim ? [2] : []),
    ...(colour === undefined ? [] : [palette[colour as ColourName]]),
  ];
  return codes.length === 0 ? "" : `\u001b[${codes.join(";")}m`;
}
