/** Fan-in of each output unit and fan-out of each input unit of a layer, counted in kept weights. */
import type { KeptKernels } from "./keptKernels.ts";

/** Least, mean and greatest over units, in kept weights. */
export interface FanSummary {
  readonly least: number;
  readonly mean: number;
  readonly most: number;
  /**
   * Number of units with 0, 1, 2–3, 4–7, 8–15 … kept weights: bin b > 0 counts those with 2^(b−1) to 2^b − 1. The
   * last bin is not empty; the sum is the number of units.
   */
  readonly histogram: readonly number[];
}

/** @returns length outCount; 0 at dead units */
export function fanIn({ flow, counts }: KeptKernels): Uint32Array {
  const result = new Uint32Array(flow.outCount);
  const rowLength = counts.length / flow.outCount;
  for (let o = 0, k = 0; o < flow.outCount; o++) {
    let sum = 0;
    for (const end = k + rowLength; k < end; k++) sum += counts[k]!;
    result[o] = sum;
  }
  return result;
}

/** @returns length inCount; 0 at units that no kept weight leaves */
export function fanOut({ flow, counts }: KeptKernels): Uint32Array {
  const result = new Uint32Array(flow.inCount);
  const rowLength = flow.inCount / flow.groups;
  const outPerGroup = flow.outCount / flow.groups;
  for (let o = 0, k = 0; o < flow.outCount; o++) {
    const first = Math.floor(o / outPerGroup) * rowLength;
    for (let i = first; i < first + rowLength; i++, k++) result[i]! += counts[k]!;
  }
  return result;
}

export function summariseFan(fan: Uint32Array): FanSummary {
  let [least, most, sum] = [Number.POSITIVE_INFINITY, 0, 0];
  const histogram: number[] = [];
  for (const count of fan) {
    least = Math.min(least, count);
    most = Math.max(most, count);
    sum += count;
    const bin = 32 - Math.clz32(count);
    while (histogram.length <= bin) histogram.push(0);
    histogram[bin]!++;
  }
  return { least, mean: sum / fan.length, most, histogram };
}
