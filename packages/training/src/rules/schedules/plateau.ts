/**
 * The network grows from density `from` by the factor 1 + g every `stage` epochs, and finds its own density: after each stage
 * a logistic curve is fitted to the validation accuracies at the ends of all stages so far, over their densities (logisticFit.ts
 * of @phew/core). Growth ends after the first stage, of at least four, at which
 *   A(d (1 + g)) − A(d) < ε   and   plateau − accuracy < ε,
 * A the fitted curve: the next stage would gain less than ε, and the accuracy is within ε of the plateau. Then the masks stay
 * for the rest of the run. It ends too at the density of the run, which is the most that it may have, and after `end` of the run.
 * @see Yao & Dovrolis 2025, arXiv:2509.25665: it fits a logistic curve; form, constants and threshold here are ours
 */
import { fitLogistic, logisticAt } from "@phew/core";
import { fractionOption } from "../fractionOption.ts";
import type { KeptCounts, Options, RunTime, Schedule } from "../rule.ts";
import { endAfter } from "./due.ts";

const LEAST_STAGES = 4;

export const plateau: Schedule = {
  name: "plateau",
  summary: "grows until the validation accuracy has levelled off",
  needsValidation: true,
  densityBound: 1,
  options: {
    from: {
      kind: "number",
      least: 1e-6,
      most: 1,
      whole: false,
      initial: 0.02,
      help: "density at the start",
    },
    growth: {
      kind: "number",
      least: 0.01,
      most: 10,
      whole: false,
      initial: 0.3,
      help: "weights that a stage adds, as a fraction of those that are kept",
    },
    stage: {
      kind: "number",
      least: 1,
      most: 100_000,
      whole: true,
      initial: 2,
      help: "epochs of a stage",
    },
    tolerance: fractionOption(0.002, "accuracy that the next stage must promise, a fraction"),
    end: endAfter(0.75),
  },
  startDensity: (density, { from }) => Math.min(density, Number(from)),
  at(time, options, counts) {
    const { step, stepsPerEpoch, stepCount } = time;
    const stageSteps = Number(options.stage) * stepsPerEpoch;
    if (step === 0 || step % stageSteps !== 0 || step > Number(options.end) * stepCount) return undefined;
    const stage = step / stageSteps;
    const keepCount = keptIn(stage, options, counts);
    if (keepCount === counts.now || hasEnded(stage, time, options, counts)) return undefined;
    return { fraction: 0, keepCount };
  },
};

/** Kept weights during a stage, from 0. */
function keptIn(stage: number, { growth }: Options, { start, final }: KeptCounts): number {
  return Math.min(final, Math.round(start * (1 + Number(growth)) ** stage));
}

/** Whether growth has ended after one of the stages before this one. */
function hasEnded(stage: number, { epochs }: RunTime, options: Options, counts: KeptCounts): boolean {
  const densities: number[] = [];
  const accuracies: number[] = [];
  for (let k = 0; k < stage; k++) {
    densities.push(keptIn(k, options, counts));
    const last = epochs.find(({ epoch }) => epoch === (k + 1) * Number(options.stage));
    accuracies.push(last?.validationAccuracy ?? 0);
    if (isLevel(densities, accuracies, options)) return true;
  }
  return false;
}

/** @param densities up to a factor, which moves the curve along its axis */
function isLevel(densities: readonly number[], accuracies: readonly number[], options: Options): boolean {
  if (densities.length < LEAST_STAGES || new Set(densities).size < LEAST_STAGES) return false;
  const curve = fitLogistic(densities, accuracies);
  const [density, accuracy] = [densities.at(-1)!, accuracies.at(-1)!];
  const tolerance = Number(options.tolerance);
  const gain = logisticAt(curve, density * (1 + Number(options.growth))) - logisticAt(curve, density);
  return gain < tolerance && curve.plateau - accuracy < tolerance;
}
