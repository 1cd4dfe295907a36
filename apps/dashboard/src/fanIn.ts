/** The kept weights entering each unit of a layer as a histogram of a few characters. */
import { formatShortCount } from "@phew/runs";

const HEIGHTS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const MOST_BINS = 8;

/**
 * A histogram from the smallest to the largest number: one character per bin, its height the number of units; blank
 * for none. One bin if all numbers are equal.
 * @param keptIn length: units of the layer, at least one
 */
export function fanInHistogram(keptIn: Uint32Array): string {
  const { least, most } = rangeOf(keptIn);
  // counts are whole: no more bins than there are between the ends
  const bins = new Uint32Array(Math.min(MOST_BINS, most - least + 1));
  for (const count of keptIn) bins[Math.floor(((count - least) / (most - least + 1)) * bins.length)]!++;
  const highest = bins.reduce((a, b) => Math.max(a, b));
  return [...bins].map((units) => HEIGHTS[Math.ceil((units / highest) * (HEIGHTS.length - 1))]!).join("");
}

/** The fewest and the most kept weights of a unit: "117–163". */
export function fanInRange(keptIn: Uint32Array): string {
  const { least, most } = rangeOf(keptIn);
  return least === most ? formatShortCount(least) : `${formatShortCount(least)}–${formatShortCount(most)}`;
}

function rangeOf(keptIn: Uint32Array): { least: number; most: number } {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const count of keptIn) {
    if (count < least) least = count;
    if (count > most) most = count;
  }
  return { least, most };
}
