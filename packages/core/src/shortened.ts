/** Shortens texts from files to a readable length. Imports nothing: `@phew/core/shortened` loads it alone. */

/** Most characters of a text in an error. */
const MOST_TEXT = 3000;
/** Most characters of a word; no name that a person chose is longer. */
const MOST_WORD = 400;
/** From this length on, a shortened text says how much is left out. */
const TELLS_FROM = 400;

/**
 * A text of at most about `most` characters, with words of at most `mostWord`. Longer texts and words lose their
 * middle, since the ends of paths and names identify them best.
 */
export function shortened(text: string, most = MOST_TEXT, mostWord = MOST_WORD): string {
  const whole = text.length <= most ? text : cutMiddle(text, most);
  if (whole.length <= mostWord) return whole;
  return whole.replace(/\S+/g, (word) => (word.length <= mostWord ? word : cutMiddle(word, mostWord)));
}

function cutMiddle(text: string, most: number): string {
  const head = Math.ceil((most - 1) * 0.6);
  // never half of a surrogate pair
  const start = text.slice(0, head).replace(/[\ud800-\udbff]$/, "");
  const end = text.slice(text.length - (most - 1 - head)).replace(/^[\udc00-\udfff]/, "");
  const leftOut = text.length - start.length - end.length;
  return `${start}…${most < TELLS_FROM ? "" : ` (${leftOut.toLocaleString("en-GB")} more) …`}${end}`;
}
