/**
 * The density falls from d_i to that of the run, d_f, over t in [0, T], T = until · all steps:
 *   d_t = d_f + (d_i − d_f) (1 − t/T)³,
 * and a fraction ζ_t as in cosine.ts of what is left is replaced besides.
 * @see Liu et al. 2021, arXiv:2106.10404; Zhu & Gupta 2018, arXiv:1710.01878
 */

import { fractionOption } from "../fractionOption.ts";
import type { Schedule } from "../rule.ts";
import { cosineAt } from "./cosine.ts";
import { alpha, isDue, timing } from "./due.ts";

export const cubic: Schedule = {
  name: "cubic",
  summary: "the density falls, fast at first, and a fraction is replaced besides",
  options: {
    alpha: alpha(0.5),
    floor: fractionOption(0.005, "fraction at the end"),
    from: fractionOption(0.5, "density at the start, if above that of the run"),
    until: {
      kind: "number",
      least: 0.001,
      most: 1,
      whole: false,
      // epoch 110 of 160
      initial: 0.6875,
      help: "fraction of the run after which the density stays",
    },
    ...timing(1000, 1),
  },
  startDensity: (density, { from }) => Math.max(density, Number(from)),
  at(time, options, { start, final }) {
    if (!isDue(time, options)) return undefined;
    const left = Math.max(0, 1 - time.step / (Number(options.until) * time.stepCount));
    return {
      fraction: cosineAt(time, options),
      keepCount: final + Math.round((start - final) * left ** 3),
    };
  },
};
