/**
 * Width of a layer: the fraction of its output units that a kept weight enters. The others are dead.
 *   width_l = |{o : some kept weight enters o}| / outCount_l;   mean and least over layers.
 */
import type { KeptKernels } from "./keptKernels.ts";

export interface LayerWidth {
  /** Number of output units. */
  readonly unitCount: number;
  /** Of those, how many no kept weight enters. */
  readonly deadUnitCount: number;
  /** Fraction of output units that are not dead, 0 … 1. */
  readonly width: number;
}

export function layerWidth({ flow, counts }: KeptKernels): LayerWidth {
  const rowLength = counts.length / flow.outCount;
  let deadUnitCount = 0;
  for (let o = 0; o < flow.outCount; o++) {
    let k = o * rowLength;
    const end = k + rowLength;
    while (k < end && counts[k] === 0) k++;
    if (k === end) deadUnitCount++;
  }
  return { unitCount: flow.outCount, deadUnitCount, width: (flow.outCount - deadUnitCount) / flow.outCount };
}
