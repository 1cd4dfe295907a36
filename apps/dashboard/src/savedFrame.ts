/** A frame as files: its text, and a picture of it with its colours. */
import { writeFileSync } from "node:fs";
import { markupText, textWidth } from "@phew/runs";

/** In units of the picture: a cell, the size of the letters, and where they stand in the cell. */
const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 17;
const FONT_SIZE = 14;
const BASELINE = 13;
const MARGIN = 10;
const GROUND = "#16181d";
const INK = "#d7dae0";

/** The 16 colours of terminals, 0 … 15. */
const PALETTE = [
  ...["#3b4048", "#e06c75", "#8cc265", "#d9b35b", "#61a0ef", "#c678dd", "#4dbbc4", "#d7dae0"],
  ...["#7f8692", "#ff7b85", "#a5e075", "#f0d182", "#74b7ff", "#de8cf2", "#5bd3dd", "#ffffff"],
] as const;

interface Style {
  readonly colour?: string;
  readonly bold?: boolean;
  readonly dim?: boolean;
}

/** The frame without its styles, blank ends of lines left out. */
export function frameText(frame: string): string {
  return `${frame
    .split("\n")
    .map((line) =>
      styledPieces(line)
        .map(({ text }) => text)
        .join("")
        .trimEnd(),
    )
    .join("\n")}\n`;
}

/** The frame as an SVG document; every piece of one style is stretched to its columns, whatever font there is. */
export function frameSvg(frame: string): string {
  const lines = frame.split("\n").map(styledPieces);
  const columns = Math.max(
    1,
    ...lines.map((pieces) => pieces.reduce((sum, { text }) => sum + textWidth(text), 0)),
  );
  const width = rounded(columns * CELL_WIDTH + 2 * MARGIN);
  const height = rounded(lines.length * CELL_HEIGHT + 2 * MARGIN);
  const rows = lines.map((pieces, row) => {
    let column = 0;
    return pieces.flatMap(({ text, style }) => {
      const at = column;
      column += textWidth(text);
      // viewers take several blanks for one, and none at the ends, whatever xml:space says
      return [...text.matchAll(/\S+(?: \S+)*/g)].map(({ 0: words, index }) =>
        pieceSvg(words, style, at + textWidth(text.slice(0, index)), row),
      );
    });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    // for those who hear pictures
    `<title>${markupText(frameText(frame).split("\n", 1)[0]!.trim().replace(/ +/g, " "))}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>`,
    `<g font-family="'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${FONT_SIZE}" fill="${INK}">`,
    ...rows.flat(),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/**
 * Writes `<name>.txt` and `<name>.svg`, or with a number behind the name where one of them is there.
 * @returns the two paths
 */
export function saveFrame(frame: string, name: string): readonly [string, string] {
  for (let n = 1; ; n++) {
    const stem = n === 1 ? name : `${name}-${n}`;
    try {
      writeFileSync(`${stem}.txt`, frameText(frame), { flag: "wx" });
      writeFileSync(`${stem}.svg`, frameSvg(frame), { flag: "wx" });
      return [`${stem}.txt`, `${stem}.svg`];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function pieceSvg(text: string, { colour, bold, dim }: Style, column: number, row: number): string {
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

/** A line cut where its style changes; the styles are those that Ink writes: SGR of 16 colours, bold and dim. */
function styledPieces(line: string): { text: string; style: Style }[] {
  const pieces: { text: string; style: Style }[] = [];
  let style: Style = {};
  // biome-ignore lint/suspicious/noControlCharactersInRegex: styles begin with one
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith("\u001b")) style = part.slice(2, -1).split(";").map(Number).reduce(styleAfter, style);
    else if (part !== "") pieces.push({ text: part, style });
  }
  return pieces;
}

function styleAfter(style: Style, code: number): Style {
  const { colour, ...plain } = style;
  if (code === 0) return {};
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return colour === undefined ? {} : { colour };
  if (code === 39) return plain;
  const index = code >= 90 && code <= 97 ? code - 82 : code - 30;
  const found = code >= 30 && code <= 97 ? PALETTE[index] : undefined;
  return found === undefined || (code > 37 && code < 90) ? style : { ...style, colour: found };
}

function rounded(value: number): number {
  return Math.round(100 * value) / 100;
}
