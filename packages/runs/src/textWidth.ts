/** Texts measured in columns of a terminal: a wide character takes two, a combining one none. */
import stringWidth from "string-width";

/** Printable ASCII, frames, blocks, braille and the marks that this project prints: one column each. */
const NARROW = /^[ -~·±×÷–…←-↓−─-▟▸●■✓✗⠀-⣿]*$/;
const ELLIPSIS = "…";

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Columns a text takes. */
export function textWidth(text: string): number {
  // measuring by grapheme is slow, and hardly ever needed
  return NARROW.test(text) ? text.length : stringWidth(text);
}

/** The characters of a text as a reader sees them (grapheme clusters). */
export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** The text in at most `width` columns, ending in "…" where something was cut off. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  return width <= 0 ? "" : firstOf(graphemes(text), width - 1).join("") + ELLIPSIS;
}

/** The same with the middle cut out. @param gap replaces the part left out */
export function cutMiddle(text: string, width: number, gap = ELLIPSIS): string {
  if (textWidth(text) <= width) return text;
  const all = graphemes(text);
  const room = width - textWidth(gap);
  const end = firstOf(all.toReversed(), Math.ceil(room / 2)).reverse();
  const start = firstOf(all, room - textWidth(end.join("")));
  return start.join("") + gap + end.join("");
}

/** The text with trailing blanks up to `width` columns; with leading blanks if it is aligned right. */
export function padText(text: string, width: number, side: "left" | "right" = "left"): string {
  const blanks = " ".repeat(Math.max(0, width - textWidth(text)));
  return side === "left" ? text + blanks : blanks + text;
}

/** As many characters as have room. */
function firstOf(characters: readonly string[], width: number): string[] {
  let used = 0;
  const end = characters.findIndex((character) => {
    used += textWidth(character);
    return used > width;
  });
  return characters.slice(0, end < 0 ? characters.length : end);
}
