/**
 * ζ_t = φ + (α − φ)/2 · (1 + cos(π t / T_end)),   t the steps done, T_end = end · all steps, φ the floor.
 * @see Evci et al. 2020, arXiv:1911.11134 (φ = 0)
 */

import { fractionOption } from "../fractionOption.ts";
import type { Options, RunTime, Schedule } from "../rule.ts";
import { alpha, isDue, timing } from "./due.ts";

export const cosine: Schedule = {
  name: "cosine",
  summary: "a fraction that falls along a cosine",
  options: {
    alpha: alpha(0.3),
    floor: fractionOption(0, "fraction at the end"),
    ...timing(100, 0.75),
  },
  at: (time, options, { final }) =>
    isDue(time, options) ? { fraction: cosineAt(time, options), keepCount: final } : undefined,
};

/** ζ_t, for options alpha, floor and end. */
export function cosineAt({ step, stepCount }: RunTime, { alpha: first, floor, end }: Options): number {
  const done = Math.min(1, step / Math.max(1, Number(end) * stepCount));
  return Number(floor) + ((Number(first) - Number(floor)) / 2) * (1 + Math.cos(Math.PI * done));
}
