/**
 * Frames for terminals and fonts that have only ASCII: every drawing character is replaced by one of the same width.
 */
import { textWidth } from "@phew/runs";
import type { StyledRow } from "./styledText.ts";

const GLYPHS: Readonly<Record<string, string>> = {
  ...each("─━", "-"),
  ...each("│┃", "|"),
  ...each("┊", ":"),
  ...each("╭╮╰╯┏┓┗┛└┤┴", "+"),
  ...each("█▉▊▋", "#"),
  ...each("▁▂", "_"),
  ...each("▃▄", "-"),
  ...each("▅▆", "="),
  ...each("▇", "*"),
  ...each("▓", "%"),
  ...each("▒▌▍▐", "="),
  ...each("░▎▏·", "."),
  ...each("▸→", ">"),
  ...each("←", "<"),
  ...each("↑", "^"),
  ...each("↓", "v"),
  ...each("●", "*"),
  ...each("✓", "+"),
  ...each("✗×", "x"),
  ...each("■", "!"),
  ...each("–−", "-"),
  ...each("…", "~"),
  ...each("±", "+"),
  ...each("“”", '"'),
};

/**
 * Whether the locale of an environment is one of UTF-8. One that names no locale at all is taken for such, as containers
 * and remote shells have it, whose terminals have had UTF-8 for long; `C` and `POSIX` are names.
 * @see POSIX.1-2017, 8.2: the first of the three that is set and not empty goes
 */
export function isUtf8Locale(environment: Readonly<Record<string, string | undefined>>): boolean {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG;
  return !locale || /utf-?8/i.test(locale);
}

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
  return GLYPHS[character] ?? "?".repeat(textWidth(character));
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

function each(characters: string, ascii: string): Record<string, string> {
  return Object.fromEntries([...characters].map((character) => [character, ascii]));
}
