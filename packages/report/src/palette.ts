/** One fixed colour for each method in every figure, and their order. */
import { METHOD_COLOURS } from "./methods.ts";

const COLOURS: Readonly<Record<string, string>> = { dense: "#3b3b3b", ...METHOD_COLOURS };
const OTHER_COLOURS = ["#332288", "#117733", "#aa4499", "#999933", "#44aa99", "#661100"] as const;

/** Colours for methods in their order: fixed for known ones, by turns for others. */
export function methodColours(methods: readonly string[]): string[] {
  let others = 0;
  return methods.map((method) => COLOURS[method] ?? OTHER_COLOURS[others++ % OTHER_COLOURS.length]!);
}

/** Dense, the methods in the order of their registry, and unknown ones by their names. */
export function byMethodOrder(a: string, b: string): number {
  const known = Object.keys(COLOURS);
  const rank = (method: string) => (known.includes(method) ? known.indexOf(method) : known.length);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}
