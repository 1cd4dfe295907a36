/**
 * ζ = α in the first stage of the run, α/2 in the second and 0 in the third, which begin at 9/16 and 3/4 (epochs 90 and 120
 * of 160). With `soft` the network keeps (1 + ζ) times its weights in a stage: a change drops the surplus and grows it anew.
 * @see Yuan et al. 2021, arXiv:2110.14032 (MEST and its soft memory bound)
 */
import type { Schedule } from "../rule.ts";
import { alpha, isDue, timing } from "./due.ts";

const STAGES = [9 / 16, 3 / 4];

export const stages: Schedule = {
  name: "stages",
  summary: "a fraction that is halved, then 0",
  options: {
    alpha: alpha(0.2),
    soft: { kind: "flag", initial: false, help: "keep that fraction beyond the density between changes" },
    ...timing(0, 1),
  },
  startDensity: (density, { alpha: first, soft }) =>
    soft === true ? Math.min(1, density * (1 + Number(first))) : density,
  at(time, options, { now, final }) {
    if (!isDue(time, options)) return undefined;
    const stage = STAGES.filter((at) => time.step >= at * time.stepCount).length;
    const fraction = [Number(options.alpha), Number(options.alpha) / 2, 0][stage]!;
    // the last change of a soft run drops its surplus
    if (options.soft !== true) return fraction > 0 ? { fraction, keepCount: final } : undefined;
    const surplus = Math.max(0, now - final);
    if (fraction === 0 && surplus === 0) return undefined;
    return { fraction: surplus / now, keepCount: Math.max(final, Math.floor(final * (1 + fraction))) };
  },
};
