/** A frame as files: its text, and a picture of it with its colours. */
import { writeFileSync } from "node:fs";
import { markupText, textWidth } from "@phew/runs";
import { rowText, rowWidth, type Span, type StyledRow } from "./styledText.ts";
import { pictureColours, type ThemeName } from "./themes.ts";

/** In units of the picture: size of a cell, size of the letters, and their position in the cell. */
const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 17;
const FONT_SIZE = 14;
const BASELINE = 13;
const MARGIN = 10;
/** The text of the rows without its styles, blank ends left out. */
export function frameText(rows: readonly StyledRow[]): string {
  return `${rows.map((row) => rowText(row).trimEnd()).join("\n")}\n`;
}

/** The frame as an SVG document; each piece of one style is stretched to its columns in any font. */
export function frameSvg(frame: readonly StyledRow[], theme: ThemeName = "terminal"): string {
  const { ground, ink, colours } = pictureColours(theme);
  const columns = Math.max(1, ...frame.map(rowWidth));
  const width = rounded(columns * CELL_WIDTH + 2 * MARGIN);
  const height = rounded(frame.length * CELL_HEIGHT + 2 * MARGIN);
  const rows = frame.map((styled, row) => {
    let column = 0;
    return styledPieces(styled).flatMap((span) => {
      const { text } = span;
      const at = column;
      column += textWidth(text);
      // viewers collapse blanks whatever xml:space says
      return [...text.matchAll(/\S+(?: \S+)*/g)].map(({ 0: words, index }) =>
        pieceSvg(
          words,
          { ...span, colour: colours[span.colour ?? ""] ?? span.colour },
          at + textWidth(text.slice(0, index)),
          row,
        ),
      );
    });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    // for screen readers
    `<title>${markupText(frameText(frame).split("\n", 1)[0]!.trim().replace(/ +/g, " "))}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${ground}"/>`,
    `<g font-family="'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${FONT_SIZE}" fill="${ink}">`,
    ...rows.flat(),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/**
 * Writes `<name>.txt` and `<name>.svg`, with a number after the name if one of them exists.
 * @returns the two paths
 */
export function saveFrame(
  frame: readonly StyledRow[],
  name: string,
  theme: ThemeName = "terminal",
): readonly [string, string] {
  for (let n = 1; ; n++) {
    const stem = n === 1 ? name : `${name}-${n}`;
    try {
      writeFileSync(`${stem}.txt`, frameText(frame), { flag: "wx" });
      writeFileSync(`${stem}.svg`, frameSvg(frame, theme), { flag: "wx" });
      return [`${stem}.txt`, `${stem}.svg`];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function pieceSvg(
  text: string,
  { colour, bold, dim }: { readonly colour?: string | undefined } & Pick<Span, "bold" | "dim">,
  column: number,
  row: number,
): string {
  const attributes = [
    `x="${rounded(MARGIN + column * CELL_WIDTH)}"`,
    `y="${MARGIN + row * CELL_HEIGHT + BASELINE}"`,
    `textLength="${rounded(textWidth(text) * CELL_WIDTH)}"`,
    'lengthAdjust="spacingAndGlyphs"',
    ...(colour === undefined ? [] : [`fill="${colour}"`]),
    ...(bold ? ['font-weight="bold"'] : []),
    ...(dim ? ['opacity="0.6"'] : []),
  ];
  return `<text ${attributes.join(" ")}>${markupText(text)}</text>`;
}

/** The row cut where its style changes, and nowhere else. */
function styledPieces(row: StyledRow): StyledRow {
  const pieces: Span[] = [];
  for (const span of row) {
    const last = pieces.at(-1);
    if (span.text === "") continue;
    if (last && isStyledAlike(last, span))
      pieces[pieces.length - 1] = { ...last, text: last.text + span.text };
    else pieces.push(span);
  }
  return pieces;
}

function isStyledAlike(a: Span, b: Span): boolean {
  return a.colour === b.colour && !a.bold === !b.bold && !a.dim === !b.dim;
}

function rounded(value: number): number {
  return Math.round(100 * value) / 100;
}
