/**
 * Frames for terminals and fonts that have only ASCII: every drawing character is replaced by one of the same width.
 */
import { textWidth } from "@phew/runs";
import { asciiMark } from "@phew/runs/text";
import type { StyledRow } from "./styledText.ts";

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** The rows in ASCII, styles and places as they were. */
export function asciiRows(rows: readonly StyledRow[]): StyledRow[] {
  return rows.map((row) => row.map((span) => ({ ...span, text: asciiText(span.text) })));
}

/** The text in ASCII, of the same width. */
export function asciiText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are ASCII too
  return text.replace(/[^\u0000-\u007f]+/g, (part) =>
    [...graphemes.segment(part)].map(({ segment }) => asciiOf(segment)).join(""),
  );
}

function asciiOf(character: string): string {
  const code = character.codePointAt(0)!;
  if (code >= 0x2800 && code <= 0x28ff) return dotsOf(code - 0x2800);
  return asciiMark(character) ?? "?".repeat(textWidth(character));
}

/** Position of the dots in a braille cell: high, middle, low, or a column. */
function dotsOf(dots: number): string {
  const rows = [0x09, 0x12, 0x24, 0xc0].map((bits) => (dots & bits) !== 0);
  const used = rows.filter(Boolean).length;
  if (used === 0) return " ";
  if (used > 2) return "|";
  const first = rows.indexOf(true);
  return first === 0
    ? used === 1
      ? '"'
      : "'"
    : rows.lastIndexOf(true) === 3
      ? used === 1
        ? "_"
        : "."
      : "-";
}
