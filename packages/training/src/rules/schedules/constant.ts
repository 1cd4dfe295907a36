/** ζ = α at every change. @see Mocanu et al. 2018, arXiv:1707.04780 */
import type { Schedule } from "../rule.ts";
import { alpha, isDue, timing } from "./due.ts";

export const constant: Schedule = {
  name: "constant",
  summary: "the same fraction at every change",
  options: { alpha: alpha(0.3), ...timing(0, 1) },
  at: (time, options, { final }) =>
    isDue(time, options) ? { fraction: Number(options.alpha), keepCount: final } : undefined,
};
