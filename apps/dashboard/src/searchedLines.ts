/** Lines that hold what is searched for, in capitals or not. */
import { lineText } from "@phew/runs";

/** Their indices, rising. */
export function linesWith(lines: readonly { readonly text: string }[], search: string): number[] {
  const wanted = search.toLowerCase();
  return lines.flatMap(({ text }, k) => (lineText(text).toLowerCase().includes(wanted) ? [k] : []));
}

/**
 * The line with it that comes next from line `from`, forwards or back, over the ends of the list.
 * @returns undefined where no line has it
 */
export function nextLineWith(
  lines: readonly { readonly text: string }[],
  search: string,
  from: number,
  by: 1 | -1,
): number | undefined {
  const hits = linesWith(lines, search);
  return by > 0 ? (hits.find((k) => k > from) ?? hits[0]) : (hits.findLast((k) => k < from) ?? hits.at(-1));
}
