/** Rows of styled text measured in terminal columns: a wide character takes two, a combining one none. */
import { cutText, graphemes, lineText, padText, textWidth } from "@phew/runs";

export interface Span {
  readonly text: string;
  /** black, red, green, yellow, blue, magenta, cyan, white or gray: a theme says what they are (themes.ts). */
  readonly colour?: string | undefined;
  readonly bold?: boolean | undefined;
  readonly dim?: boolean | undefined;
}

/** One line of the screen. */
export type StyledRow = readonly Span[];

/** The text in exactly `width` columns: cut with "…" if it is longer, filled with spaces if it is shorter. */
export function fit(text: string, width: number, side: "left" | "right" = "left"): string {
  return padText(truncate(text, width), width, side);
}

/** The text in at most `width` columns, ending in "…" if it was cut. */
export function truncate(text: string, width: number): string {
  return cutText(lineText(text), width);
}

/** The row in exactly `width` columns; the last span that does not fit is cut. */
export function fitRow(row: StyledRow, width: number): StyledRow {
  const fitted: Span[] = [];
  let left = width;
  for (const span of row) {
    if (left <= 0) break;
    const text = truncate(span.text, left);
    left -= textWidth(text);
    fitted.push({ ...span, text });
  }
  if (left > 0) fitted.push({ text: " ".repeat(left) });
  return fitted;
}

/**
 * The columns `start` … `end` of a row. A wide character that the cut goes through leaves blanks.
 */
export function rowPart(row: StyledRow, start: number, end: number): StyledRow {
  const part: Span[] = [];
  let at = 0;
  for (const span of row) {
    let text = "";
    for (const segment of graphemes(span.text)) {
      const next = at + textWidth(segment);
      if (next > start && at < end) {
        const isWhole = at >= start && next <= end;
        text += isWhole ? segment : " ".repeat(Math.min(next, end) - Math.max(at, start));
      }
      at = next;
    }
    if (text !== "") part.push({ ...span, text });
  }
  return part;
}

/** The words of a text in lines of at most `width` columns; longer words are broken. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of lineText(text).split(" ")) {
    if (line !== "" && textWidth(line) + 1 + textWidth(word) <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== "") lines.push(line);
    line = word;
    while (textWidth(line) > width) {
      const head = broken(line, width);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  return [...lines, line];
}

/** The rows without their styles. */
export function unstyledRows(rows: readonly StyledRow[]): StyledRow[] {
  return rows.map((row) => [{ text: rowText(row) }]);
}

/** A row's text without its styles. */
export function rowText(row: StyledRow): string {
  return row.map((span) => span.text).join("");
}

export function rowWidth(row: StyledRow): number {
  return row.reduce((sum, span) => sum + textWidth(span.text), 0);
}

function broken(word: string, width: number): string {
  let head = "";
  for (const segment of graphemes(word)) {
    if (head !== "" && textWidth(head + segment) > width) break;
    head += segment;
  }
  return head;
}
