/**
 * The density follows the validation loss L: once an epoch, with L* the least loss so far and d* the density at which it was
 * reached, the network
 *   prunes   if d > 1 − 0.2, or if L ≤ λ L* and d > 1 − 0.9:   ⌈ζγ kept⌉ of each layer go, a γ-th of them grows back;
 *   grows    if L > λ L* and d < d*:                           ζ kept go, γ times as many grow;
 *   is stable otherwise:                                       ζ kept are replaced.
 * The bounds are options: `least` and `most` density.
 * @see Atashgahi et al. 2023, arXiv:2305.18382 (PALS)
 */

import { fractionOption } from "../fractionOption.ts";
import type { KeptCounts, Options, Plan, RunTime, Schedule } from "../rule.ts";
import { endAfter } from "./due.ts";

export const byLoss: Schedule = {
  name: "by-loss",
  summary: "prunes, grows or stays as the validation loss says",
  needsValidation: true,
  densityBound: 0.1,
  options: {
    zeta: {
      kind: "number",
      least: 0,
      most: 0.9,
      whole: false,
      initial: 0.5,
      help: "fraction of the kept weights that is replaced",
    },
    freedom: {
      kind: "number",
      least: 1,
      most: 10,
      whole: false,
      initial: 1.1,
      help: "λ: how far above its least the loss may be",
    },
    factor: {
      kind: "number",
      least: 1,
      most: 2,
      whole: false,
      initial: 1.1,
      help: "γ: how many more are pruned than grown, or grown than pruned",
    },
    from: {
      kind: "number",
      least: 1e-6,
      most: 1,
      whole: false,
      initial: 1,
      help: "density at the start",
    },
    most: fractionOption(0.8, "density above which it prunes"),
    end: endAfter(1),
  },
  startDensity: (density, { from }) => Math.max(density, Number(from)),
  at(time, options, counts) {
    const { step, stepsPerEpoch, stepCount } = time;
    if (step === 0 || step % stepsPerEpoch !== 0 || step > Number(options.end) * stepCount) return undefined;
    return planAfter(step / stepsPerEpoch, time, options, counts);
  },
};

/** The densities follow from the losses: they are followed from the start. */
function planAfter(epoch: number, { epochs }: RunTime, options: Options, counts: KeptCounts): Plan {
  const total = counts.prunable;
  let kept = counts.start;
  let best = { loss: Number.POSITIVE_INFINITY, kept };
  let plan: Plan = { fraction: 0, keepCount: kept };
  for (let e = 1; e <= epoch; e++) {
    const loss = epochs.find((result) => result.epoch === e)?.validationLoss ?? Number.POSITIVE_INFINITY;
    const isFree = loss <= Number(options.freedom) * best.loss;
    if (loss < best.loss) best = { loss, kept };
    plan = planOf(kept, isFree, kept < best.kept, options, { total, final: counts.final });
    kept = plan.keepCount;
  }
  return plan;
}

function planOf(
  kept: number,
  isFree: boolean,
  isBelowBest: boolean,
  options: Options,
  { total, final }: { readonly total: number; readonly final: number },
): Plan {
  const zeta = Number(options.zeta);
  const factor = Number(options.factor);
  if (kept / total > Number(options.most) || (isFree && kept > final)) {
    const dropped = Math.ceil(zeta * factor * kept);
    const keepCount = Math.max(final, kept - dropped + Math.floor(dropped / factor));
    return { fraction: Math.min(1, dropped / kept), keepCount };
  }
  if (!isFree && isBelowBest) {
    const dropped = Math.floor(zeta * kept);
    return { fraction: zeta, keepCount: Math.min(total, kept - dropped + Math.floor(dropped * factor)) };
  }
  return { fraction: zeta, keepCount: kept };
}
