/**
 * Successive halving for a knee: seeds go to the densities near it. The first rung trains all densities with one seed, each
 * further one half of them with twice as many, the dense network with every seed of every rung. Half stays nearest to the knee
 * of the rung before, by |ln d − ln d*|; the densities on either side of it stay in any case.
 * @see Jamieson & Talwalkar 2016, arXiv:1502.07943 (successive halving, there for the best of many configurations)
 */
import { type DensityRun, knee } from "@phew/core";
import { canonicalJson, grouped } from "@phew/runs";
import { DENSE } from "../settings/pruning.ts";
import type { SweepRun } from "./sweepTasks.ts";

/** Densities of one rung, ascending; the knee is undefined where no density is as good as dense. */
export function halved(densities: readonly number[], found: number | undefined): number[] {
  const rising = [...densities].sort((a, b) => a - b);
  const count = Math.max(2, Math.ceil(rising.length / 2));
  // nothing is good enough: what is nearest to it is dense
  const target = found ?? 1;
  const below = rising.filter((density) => density < target).at(-1);
  const above = rising.find((density) => density >= target);
  const distance = (density: number) =>
    density === below || density === above ? 0 : Math.abs(Math.log(density / target));
  return [...rising]
    .sort((a, b) => distance(a) - distance(b) || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

/** Seeds of each rung: 1, 2, 4 … in all, as far as there are any. */
export function rungs(seeds: readonly number[]): number[][] {
  const made: number[][] = [];
  for (let count = 1; ; count *= 2) {
    made.push(seeds.slice(0, count));
    if (count >= seeds.length) return made;
  }
}

/** The accuracy of a finished run; undefined of one that failed. */
export type AccuracyOf = (run: SweepRun) => number | undefined;

/**
 * @param runs of a sweep: all densities and seeds @param train trains those that are not finished
 * @returns the runs that were needed
 */
export async function trainHalving(
  runs: readonly SweepRun[],
  tolerance: number,
  train: (needed: readonly SweepRun[]) => Promise<void>,
  accuracyOf: AccuracyOf,
): Promise<readonly SweepRun[]> {
  const dense = runs.filter(({ config }) => config.method === DENSE);
  const series = grouped(
    runs.filter((run) => !dense.includes(run)),
    ({ config }) => canonicalJson({ ...config, density: 0, seed: 0 }),
  );
  const left = series.map((own) => new Set(own.map(({ config }) => config.density)));
  const seeds = [...new Set(runs.map(({ config }) => config.seed))];
  const needed = new Set<SweepRun>();
  for (const chosen of rungs(seeds)) {
    const hasSeed = ({ config }: SweepRun) => chosen.includes(config.seed);
    const rung = [
      ...dense.filter(hasSeed),
      ...series.flatMap((own, k) => own.filter((run) => hasSeed(run) && left[k]!.has(run.config.density))),
    ];
    for (const run of rung) needed.add(run);
    await train(rung);
    for (const [k, own] of series.entries()) {
      if (left[k]!.size < 3) continue;
      const points = [...dense, ...own].filter((run) => needed.has(run)).flatMap(pointOf(accuracyOf));
      left[k] = new Set(halved([...left[k]!], knee(points, tolerance).density));
    }
  }
  return [...needed];
}

const pointOf =
  (accuracyOf: AccuracyOf) =>
  (run: SweepRun): DensityRun[] => {
    const accuracy = accuracyOf(run);
    const { method, density, seed } = run.config;
    return accuracy === undefined ? [] : [{ density: method === DENSE ? 1 : density, seed, accuracy }];
  };
