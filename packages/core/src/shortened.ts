/** Texts that files brought, of a length that people read. Imports nothing: `@phew/core/shortened` loads it alone. */

/** Of a text of an error: what is given, or expected. */
const MOST_TEXT = 3000;
/** No name that a person chose is longer. */
const MOST_WORD = 400;
/** A text this long says how much of it is left out. */
const TELLS_FROM = 400;

/**
 * A text of at most some `most` characters, and no word in it longer than `mostWord`: what is longer is cut in its middle,
 * since paths and names tell most at their ends.
 */
export function shortened(text: string, most = MOST_TEXT, mostWord = MOST_WORD): string {
  const whole = text.length <= most ? text : cutMiddle(text, most);
  if (whole.length <= mostWord) return whole;
  return whole.replace(/\S+/g, (word) => (word.length <= mostWord ? word : cutMiddle(word, mostWord)));
}

function cutMiddle(text: string, most: number): string {
  const head = Math.ceil((most - 1) * 0.6);
  // by characters: half of a surrogate pair is no text
  const start = text.slice(0, head).replace(/[\ud800-\udbff]$/, "");
  const end = text.slice(text.length - (most - 1 - head)).replace(/^[\udc00-\udfff]/, "");
  const leftOut = text.length - start.length - end.length;
  return `${start}…${most < TELLS_FROM ? "" : ` (${leftOut.toLocaleString("en-GB")} more) …`}${end}`;
}
