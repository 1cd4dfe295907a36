/**
 * Comparisons of two methods over the same seeds (the same first weights and data order for both), with
 *   d_s = a_s − b_s,   mean ± t(n − 1)·sd / √n,   p two-sided of t = mean·√n / sd
 *   Holm (1979): the k-th smallest of m p-values times m − k + 1, never less than one before, at most 1
 *   power: the least difference that n seeds show in 4 of 5 experiments, (t₀.₉₅ + t₀.₆)·sd / √n, where t_c has
 *   P(|T| ≤ t_c) = c, so that t₀.₆ is exceeded upwards with 20 %
 *   rank correlation: Spearman's ρ, ties at their mean rank; its interval by the bootstrap over pairs
 */
import { Random } from "@phew/engine";
import { spreadOf, studentT, studentTail } from "@phew/runs/configurations";

/** One number a seed. */
export type BySeed = ReadonlyMap<number, number>;

export interface PairedDifference {
  /** The seeds of both methods. */
  readonly count: number;
  readonly mean: number;
  /** Half of the 95 % interval of the mean; Infinity for one seed. */
  readonly interval: number;
  /** Two-sided; 1 for one seed, or if nothing differs. */
  readonly p: number;
  /** Least difference that so many seeds show with a probability of 80 %; Infinity for one seed. */
  readonly leastSeen: number;
}

/** a − b of each seed that both have. */
export function minus(a: BySeed, b: BySeed): BySeed {
  const pairs = [...a].flatMap(([seed, value]) => {
    const other = b.get(seed);
    return other === undefined ? [] : [[seed, value - other] as const];
  });
  return new Map(pairs);
}

/** NaN of none. */
export function meanBySeed(of: BySeed): number {
  return spreadOf([...of.values()]).mean ?? NaN;
}

/** a − b over the seeds that both have; undefined where there is none. */
export function pairedDifference(a: BySeed, b: BySeed): PairedDifference | undefined {
  const differences = [...minus(a, b).values()];
  const { count, mean, deviation, interval } = spreadOf(differences);
  if (mean === undefined) return undefined;
  if (deviation === undefined || interval === undefined)
    return { count, mean, interval: Infinity, p: 1, leastSeen: Infinity };
  const freedom = count - 1;
  const error = deviation / Math.sqrt(count);
  const p = error === 0 ? (mean === 0 ? 1 : 0) : studentTail(mean / error, freedom);
  return { count, mean, interval, p, leastSeen: (studentT(freedom) + studentT(freedom, 0.6)) * error };
}

/** p-values corrected for their number, in the order given. @see Holm 1979, Scandinavian Journal of Statistics 6 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, k) => k).sort((i, j) => values[i]! - values[j]!);
  const corrected = values.map(() => 1);
  let least = 0;
  for (const [rank, k] of order.entries()) {
    least = Math.max(least, Math.min(1, values[k]! * (values.length - rank)));
    corrected[k] = least;
  }
  return corrected;
}

export interface RankCorrelation {
  readonly count: number;
  /** −1 … 1; NaN if either has only one value. */
  readonly rho: number;
  /** 95 % interval; NaN where there are fewer than 4 pairs. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

/** For pairs of numbers. @param seed of the bootstrap */
export function rankCorrelation(pairs: readonly (readonly [number, number])[], seed = 0): RankCorrelation {
  const count = pairs.length;
  const rho = spearman(pairs);
  if (count < 4) return { count, rho, low: NaN, high: NaN };
  const random = new Random(seed, 0);
  const drawn = Array.from({ length: RESAMPLES }, () =>
    spearman(pairs.map(() => pairs[Math.floor(random.nextFloat() * count)]!)),
  )
    .filter((value) => !Number.isNaN(value))
    .sort((a, b) => a - b);
  const at = (part: number) => drawn[Math.round(part * (drawn.length - 1))] ?? NaN;
  return { count, rho, low: at(0.025), high: at(0.975) };
}

function spearman(pairs: readonly (readonly [number, number])[]): number {
  const [x, y] = [ranks(pairs.map(([a]) => a)), ranks(pairs.map(([, b]) => b))];
  const middle = (pairs.length + 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (const [k, rank] of x.entries()) {
    xy += (rank - middle) * (y[k]! - middle);
    xx += (rank - middle) ** 2;
    yy += (y[k]! - middle) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

/** From 1; equal values have the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, k) => k).sort((i, j) => values[i]! - values[j]!);
  const given = values.map(() => 0);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (const k of order.slice(from, to)) given[k] = (from + 1 + to) / 2;
    from = to;
  }
  return given;
}
