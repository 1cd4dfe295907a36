/**
 * The network grows from a seed of d · seed to the density d of the run. Stage k, of equal length, begins at k / (stages + 1)
 * of the run with (1 + g) times the weights of the one before; the last stage keeps all that the run was asked for, so that g
 * follows from seed and stages: (1 + g)^stages = 1 / seed.
 * @see Yao & Dovrolis 2025, arXiv:2509.25665 (its constants are not published: these are ours)
 */
import type { Schedule } from "../rule.ts";

export const growth: Schedule = {
  name: "growth",
  summary: "grows in stages from a seed, drops nothing",
  options: {
    seed: {
      kind: "number",
      least: 0.001,
      most: 1,
      whole: false,
      initial: 0.25,
      help: "kept weights at the start, as a fraction of those at the end",
    },
    stages: {
      kind: "number",
      least: 1,
      most: 1000,
      whole: true,
      initial: 6,
      help: "number of times that it grows",
    },
  },
  startDensity: (density, { seed }) => density * Number(seed),
  at({ step, stepCount }, { stages }, { start, final }) {
    const count = Number(stages);
    const stage = stageOf(step, stepCount, count);
    if (step === 0 || stage === stageOf(step - 1, stepCount, count)) return undefined;
    const keepCount = stage >= count ? final : Math.round(start * (final / start) ** (stage / count));
    return { fraction: 0, keepCount };
  },
};

const stageOf = (step: number, stepCount: number, count: number) =>
  Math.min(count, Math.floor((step * (count + 1)) / stepCount));
