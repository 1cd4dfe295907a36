/** One fixed colour for each method in every figure, and their order. */
import { METHOD_COLOURS } from "./methods.ts";

const COLOURS: Readonly<Record<string, string>> = { dense: "#3b3b3b", ...METHOD_COLOURS };
const OTHER_COLOURS = ["#332288", "#117733", "#aa4499", "#999933", "#44aa99", "#661100"] as const;

/** Colours for methods in their order: fixed for known ones, by turns for others. */
export function methodColours(methods: readonly string[]): string[] {
  let others = 0;
  return methods.map((method) => COLOURS[method] ?? OTHER_COLOURS[others++ % OTHER_COLOURS.length]!);
}

/**
 * Colours of series, by the method of each: the method's own for its first, others that no drawn method has for the rest.
 * With more series than there are colours some have the same.
 */
export function seriesColours(methods: readonly string[]): string[] {
  const own = methodColours([...new Set(methods)]);
  const colourOf = new Map([...new Set(methods)].map((method, k) => [method, own[k]!]));
  // that of the dense network is its own
  const free = [...Object.values(METHOD_COLOURS), ...OTHER_COLOURS].filter((colour) => !own.includes(colour));
  const seen = new Set<string>();
  let next = 0;
  return methods.map((method) => {
    if (!seen.has(method) || free.length === 0) {
      seen.add(method);
      return colourOf.get(method)!;
    }
    return free[next++ % free.length]!;
  });
}

/** Dense, the methods in the order of their registry, and unknown ones by their names. */
export function byMethodOrder(a: string, b: string): number {
  const known = Object.keys(COLOURS);
  const rank = (method: string) => (known.includes(method) ? known.indexOf(method) : known.length);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}
