/**
 * Names in few columns that stay different: words that many names have are shortened first, and what tells names apart last.
 *
 * In each name that is too long, until it fits, words go from those that the most names have to those that the fewest have:
 *   1. words of several names are cut to their shortest beginning of at least four letters that no other word has, and "…"
 *   2. words of half of the names or more, and numbers of all of them, are left out, where all names stay different without them
 *   3. the other words are cut so
 *   4. words are cut to their shortest beginning that no other word has
 *   5. other words of several names are left out, where all names stay different without them, numbers last
 * What is left gets back as many letters as there is room for, words of the fewest names first. Numbers are never cut, alone or
 * in words: "0.0…" could be any. What is still too long loses "…", then whole words, those of the most names first and numbers
 * last; names that are then equal get "#" and a number.
 */
import { cutMiddle, cutText, graphemes, textWidth } from "./textWidth.ts";

const ELLIPSIS = "…";
/** Words, numbers ("5 %", "1e+30"), and what stands between them. */
const PARTS =
  /(?<![^\s·=+/,])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?: %)?(?![^\s·=+/,])|[^\s·=+/,]+|[\s·=+/,]+/gu;
const WORD = /[^\s·=+/,]/u;
const NUMBER = /^[-+]?\.?\d/;
/** Of fewer letters of a word a reader makes nothing. */
const READABLE = 4;
const DIGITS = /[\d.]/;

interface Word {
  readonly text: string;
  /** The shortest beginning that no other word has, and the shortest such that can be read. */
  readonly short: string;
  readonly readable: string;
  /** Number of names that have it. */
  readonly count: number;
}

/**
 * @param names all different
 * @param width columns for each, at least 1
 * @returns in the order of the names, each in at most `width` columns: those that fit as they are, and no two alike as long
 * as the width has room for a number
 */
export function shortNames(names: readonly string[], width: number): string[] {
  if (names.every((name) => textWidth(name) <= width)) return [...names];
  const words = wordsOf(names);
  const shorter = shortenings(names, words);
  const short = names.map((name) =>
    textWidth(name) <= width ? name : shortName(name, shorter, words, width),
  );
  return numbered(short, names, width);
}

/** A step that may shorten a name: the parts of one that have `word` become `short`, of no length where it is left out. */
interface Shortening {
  readonly word: string;
  readonly short: string;
}

function shortName(
  name: string,
  shorter: readonly Shortening[],
  all: readonly Word[],
  width: number,
): string {
  const parts: string[] = [...partsOf(name)];
  const words = [...parts];
  for (const { word, short } of shorter) {
    if (!words.includes(word)) continue;
    for (const k of words.keys()) {
      if (words[k] !== word || parts[k] === "") continue;
      parts[k] = short;
      // with what stands behind it
      if (short === "" && k + 1 < parts.length) parts[k + 1] = "";
    }
    const text = joined(parts);
    if (text === "" || textWidth(text) > width) continue;
    return roomiest(parts, words, all, width);
  }
  return shortest(words, parts, all, width);
}

/** Without words that have no room. @param parts shortened, in the places of `words` */
function shortest(
  words: readonly string[],
  parts: readonly string[],
  all: readonly Word[],
  width: number,
): string {
  const left = parts.map((part) => part.replaceAll(ELLIPSIS, ""));
  const text = joined(left);
  if (text !== "" && textWidth(text) <= width) return text;
  if (!DIGITS.test(text)) return cutMiddle(text, width) || ELLIPSIS;
  const order = [
    ...all.filter(({ text }) => !NUMBER.test(text)),
    ...all.filter(({ text }) => NUMBER.test(text)),
  ];
  for (const { text: word } of order) {
    for (const k of words.keys()) if (words[k] === word) left[k] = "";
    const rest = joined(left);
    if (rest !== "" && textWidth(rest) <= width) return rest;
  }
  // what the fewest names have, as far as its first number
  const last = order.findLast(({ text: word }) => words.includes(word) && !NUMBER.test(word))?.text ?? "";
  const cut = beginningOf(last, width - 1, -1);
  return cut !== "" && textWidth(cut) <= width ? cut : ELLIPSIS;
}

/** With as much of the words that were cut as there is room for, those of the fewest names first. */
function roomiest(
  cut: readonly string[],
  words: readonly string[],
  all: readonly Word[],
  width: number,
): string {
  let parts = cut;
  for (const { text: word } of all.toReversed()) {
    const isCut = (k: number) => words[k] === word && parts[k] !== "" && parts[k] !== word;
    if (![...words.keys()].some(isCut)) continue;
    const least = graphemes(parts[words.indexOf(word)]!).length;
    for (let count = graphemes(word).length; count >= least; count--) {
      const longer = count === graphemes(word).length ? word : beginningOf(word, count, -1);
      const grown = parts.map((part, k) => (isCut(k) ? longer : part));
      if (textWidth(joined(grown)) > width) continue;
      parts = grown;
      break;
    }
  }
  return joined(parts);
}

/** All steps, in their order. */
function shortenings(names: readonly string[], words: readonly Word[]): Shortening[] {
  const shared = words.filter(({ count }) => count > 1);
  const single = words.filter(({ count }) => count === 1);
  const left = new Set<string>();
  const without = (some: readonly Word[]) =>
    some.flatMap(({ text }) => {
      left.add(text);
      if (areDifferent(names, left)) return [{ word: text, short: "" }];
      left.delete(text);
      return [];
    });
  const cut = (some: readonly Word[]) => some.map(({ text, readable }) => ({ word: text, short: readable }));
  const isNumber = ({ text }: Word) => NUMBER.test(text);
  const isCommon = (word: Word) => word.count >= (isNumber(word) ? names.length : names.length / 2);
  return [
    ...cut(shared),
    ...without(shared.filter(isCommon)),
    ...cut(single),
    ...words.map(({ text, short }) => ({ word: text, short })),
    ...without(shared.filter((word) => !isCommon(word) && !isNumber(word))),
    ...without(shared.filter((word) => !isCommon(word) && isNumber(word))),
  ];
}

function areDifferent(names: readonly string[], without: ReadonlySet<string>): boolean {
  const rest = names.map((name) => joined(partsOf(name).filter((part) => !without.has(part))));
  return !rest.includes("") && new Set(rest).size === new Set(names).size;
}

/** Those of the most names first, of these the longest. */
function wordsOf(names: readonly string[]): Word[] {
  const counts = new Map<string, number>();
  for (const name of names)
    for (const word of new Set(partsOf(name).filter(isWord))) counts.set(word, (counts.get(word) ?? 0) + 1);
  const texts = [...counts.keys()].sort();
  const words = texts.map((text, k) => {
    const others = [texts[k - 1], texts[k + 1]].filter((other) => other !== undefined);
    const ownFrom = Math.max(0, ...others.map((other) => sharedCount(text, other))) + 1;
    return {
      text,
      short: beginningOf(text, ownFrom),
      readable: beginningOf(text, Math.max(READABLE, ownFrom)),
      count: counts.get(text)!,
    };
  });
  return words.sort((a, b) => b.count - a.count || textWidth(b.text) - textWidth(a.text));
}

const partsOf = (name: string) => name.match(PARTS) ?? [];
const isWord = (part: string) => WORD.test(part);

/**
 * The first letters of a word, with "…" behind them; the word itself where that is no longer.
 * @param step where the cut would be within a number: 1 for behind the number, −1 for before it
 */
function beginningOf(word: string, count: number, step = 1): string {
  if (NUMBER.test(word)) return word;
  const letters = graphemes(word);
  let end = count;
  while (DIGITS.test(letters[end - 1] ?? "") && DIGITS.test(letters[end] ?? "")) end += step;
  const cut = letters.slice(0, end).join("") + ELLIPSIS;
  return textWidth(cut) < textWidth(word) ? cut : word;
}

/** Letters with which both begin. In a sorted list a word shares the most with a neighbour. */
function sharedCount(a: string, b: string): number {
  const [left, right] = [graphemes(a), graphemes(b)];
  const different = left.findIndex((letter, k) => letter !== right[k]);
  return different < 0 ? left.length : different;
}

/** With one blank where something was left out, or where a dot stood. */
function joined(parts: readonly string[]): string {
  return parts
    .join("")
    .replace(/\s*·\s*/g, " ")
    .replace(/\s+/g, " ")
    .replace(/^[\s=+/,]+|[\s=+/,]+$/g, "");
}

/** Those that were shortened to the same text, or to another name, get a number. */
function numbered(short: readonly string[], names: readonly string[], width: number): string[] {
  const counts = new Map<string, number>();
  for (const name of short) counts.set(name, (counts.get(name) ?? 0) + 1);
  const isKept = (k: number) => short[k] === names[k] || counts.get(short[k]!) === 1;
  const taken = new Set(short.filter((_, k) => isKept(k)));
  return short.map((name, k) => {
    if (isKept(k)) return name;
    for (let number = 1; ; number++) {
      const end = `#${number}`;
      const candidate = (DIGITS.test(name) ? firstWords : cutText)(name, width - end.length) + end;
      if (taken.has(candidate)) continue;
      taken.add(candidate);
      return candidate;
    }
  });
}

/** The words of a name that have room. */
function firstWords(name: string, width: number): string {
  const parts = partsOf(name);
  let count = parts.length;
  while (count > 0 && textWidth(parts.slice(0, count).join("").trimEnd()) > width) count--;
  return parts.slice(0, count).join("").trimEnd();
}
