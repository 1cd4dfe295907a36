/**
 * The least density that is about as good as dense: d*(ε) = the least d at which the mean accuracy is at least that of the dense
 * network less ε. Means over the seeds, made monotone (isotonic regression, weighted by the number of seeds), are interpolated
 * linearly in ln d; the dense network stands at d = 1. The interval is the percentile bootstrap over seeds: a resample draws seeds
 * with repetition, and takes their runs of every density and of the dense network.
 * @see Barlow et al. 1972 (isotonic regression); Efron & Tibshirani 1993 (bootstrap)
 */
import { Random } from "@phew/engine";
import { ArgumentError } from "../errors.ts";

export interface DensityRun {
  /** 1: the dense network. */
  readonly density: number;
  readonly seed: number;
  /** A fraction. */
  readonly accuracy: number;
}

export interface Knee {
  /** Mean accuracy of the dense network. */
  readonly dense: number;
  /** d*(ε); undefined if only the dense network is so good. */
  readonly density?: number | undefined;
  /** True if the least density that was run is good enough: d* is at most it. */
  readonly isBelowAll: boolean;
  /** 95 % of the resamples, those without a density below 1 as 1. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;
const KNEE_STREAM = 2 ** 42 + 2 ** 30;

/** @param tolerance ε, a fraction @throws ArgumentError without dense runs, or with fewer than two other densities */
export function knee(runs: readonly DensityRun[], tolerance: number, seed = 0): Knee {
  const densities = new Set(runs.map(({ density }) => density));
  if (!densities.has(1) || densities.size < 3) {
    throw new ArgumentError("runs for a knee", {
      given: `${densities.has(1) ? "a" : "no"} dense network and ${densities.size - (densities.has(1) ? 1 : 0)} other densities`,
      expected: "finished runs of the dense network and of at least two other densities",
    });
  }
  const found = crossing(runs, tolerance)!;
  const resampled = resamples(runs, seed).flatMap((own) => crossing(own, tolerance) ?? []);
  const values = resampled.map(({ density = 1 }) => density).sort((a, b) => a - b);
  const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))]!;
  return { ...found, low: at(0.025), high: at(0.975) };
}

/** Runs of drawn seeds; a seed that is drawn twice counts twice. */
function resamples(runs: readonly DensityRun[], seed: number): DensityRun[][] {
  const bySeed = new Map<number, DensityRun[]>();
  for (const run of runs) bySeed.set(run.seed, [...(bySeed.get(run.seed) ?? []), run]);
  const seeds = [...bySeed.keys()].sort((a, b) => a - b);
  const random = new Random(seed, KNEE_STREAM);
  return Array.from({ length: RESAMPLES }, () =>
    seeds.flatMap(() => bySeed.get(seeds[random.below(seeds.length)]!)!),
  );
}

type Crossing = Pick<Knee, "dense" | "density" | "isBelowAll">;

/** Undefined for a resample without a dense run or another. */
function crossing(runs: readonly DensityRun[], tolerance: number): Crossing | undefined {
  const points = meansOf(runs);
  const dense = points.at(-1);
  if (dense === undefined || dense.density !== 1 || points.length < 2) return undefined;
  const bound = dense.mean - tolerance;
  const means = isotonic(points);
  const first = means.findIndex((mean) => mean >= bound);
  if (first === 0) return { dense: dense.mean, density: points[0]!.density, isBelowAll: true };
  if (first < 0) return { dense: dense.mean, isBelowAll: false };
  const [before, after] = [points[first - 1]!, points[first]!];
  const share = (bound - means[first - 1]!) / (means[first]! - means[first - 1]!);
  const density = Math.exp(Math.log(before.density) + share * Math.log(after.density / before.density));
  return { dense: dense.mean, density, isBelowAll: false };
}

interface Point {
  readonly density: number;
  readonly mean: number;
  readonly count: number;
}

function meansOf(runs: readonly DensityRun[]): Point[] {
  const groups = new Map<number, number[]>();
  for (const { density, accuracy } of runs) groups.set(density, [...(groups.get(density) ?? []), accuracy]);
  return [...groups]
    .map(([density, own]) => ({
      density,
      mean: own.reduce((sum, x) => sum + x, 0) / own.length,
      count: own.length,
    }))
    .sort((a, b) => a.density - b.density);
}

/** The nearest values that do not fall, by weighted squares: neighbours that fall are pooled. */
function isotonic(points: readonly Point[]): number[] {
  const pools: { mean: number; count: number; length: number }[] = [];
  for (const { mean, count } of points) {
    let pool = { mean, count, length: 1 };
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      pools.pop();
      const sum = last.count + pool.count;
      pool = {
        mean: (last.mean * last.count + pool.mean * pool.count) / sum,
        count: sum,
        length: last.length + pool.length,
      };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ mean, length }) => new Array<number>(length).fill(mean));
}
