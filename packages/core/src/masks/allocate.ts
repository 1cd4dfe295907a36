/**
 * Distributes a number of kept weights over layers: the density of layer l is proportional to its share, at most 1,
 * and the total is exact:
 *   keepCount_l = round(min(n_l, ε · share_l · n_l)),   ε such that Σ keepCount_l = keepCount.
 * Rounding by largest remainder; among equal remainders the earlier layer gains.
 * - uniform: share_l = 1, the same density everywhere;
 * - Erdős–Rényi-kernel (ERK): share_l = Σ dims / Π dims of the weight `[out, in/groups, kh, kw]`, so that small
 * layers
 *   are denser (Mocanu et al. 2018, arXiv:1707.04780; kernels: Evci et al. 2020, arXiv:1911.11134).
 */
import type { Network } from "../network/network.ts";
import { requireKeepCount } from "./select.ts";

export type LayerShare = "uniform" | "erk";

/**
 * @param least least number of weights to keep in each layer; default 0
 * @returns number of weights to keep in each layer, in the order of `network.prunable`
 * @throws ArgumentError unless keepCount is a whole number from the sum of `least` to the number of all weights
 */
export function allocate(
  network: Network,
  share: LayerShare,
  keepCount: number,
  least: readonly number[] = network.prunable.map(() => 0),
): number[] {
  return allocateByShare(
    network.prunable.map(({ shape }) => layerShares[share](shape)),
    network.prunable.map(({ length }) => length),
    keepCount,
    least,
  );
}

const layerShares: Record<LayerShare, (shape: readonly number[]) => number> = {
  uniform: () => 1,
  erk: (shape) => shape.reduce((sum, n) => sum + n, 0) / shape.reduce((product, n) => product * n, 1),
};

/**
 * As {@link allocate}, for any shares above 0 and any layers; `counts` are their numbers of weights.
 * @throws ArgumentError as allocate
 */
export function allocateByShare(
  shares: readonly number[],
  counts: readonly number[],
  keepCount: number,
  least: readonly number[],
): number[] {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  requireKeepCount(keepCount, sum(least), sum(counts));
  const exact = clampedShares(shares, counts, keepCount, least);
  const kept = exact.map(Math.floor);
  const remainder = (l: number) => exact[l]! - kept[l]!;
  const open = exact.map((_, l) => l).sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const l of open.slice(0, keepCount - sum(kept))) kept[l]!++;
  return kept;
}

/**
 * clamp(ε · share_l · n_l, least_l, n_l) with ε such that the sum is keepCount. All layers start free; in each round
 * those beyond a bound are fixed at it, and the rest is distributed again. A round fixes either the layers above or
 * those below, whichever excess is larger: only these bounds are certain.
 */
function clampedShares(
  shares: readonly number[],
  counts: readonly number[],
  keepCount: number,
  least: readonly number[],
): number[] {
  const result: (number | undefined)[] = counts.map(() => undefined);
  for (;;) {
    const free = counts.flatMap((_, l) => (result[l] === undefined ? [l] : []));
    const fixed = result.reduce<number>((total, value) => total + (value ?? 0), 0);
    const epsilon = (keepCount - fixed) / free.reduce((total, l) => total + shares[l]! * counts[l]!, 0);
    const wish = (l: number) => epsilon * shares[l]! * counts[l]!;
    const above = free.filter((l) => wish(l) > counts[l]!);
    const below = free.filter((l) => wish(l) < least[l]!);
    const excess = above.reduce((total, l) => total + wish(l) - counts[l]!, 0);
    const lack = below.reduce((total, l) => total + least[l]! - wish(l), 0);
    if (above.length === 0 && below.length === 0) {
      for (const l of free) result[l] = wish(l);
      return result as number[];
    }
    // fixing layers above their bound raises ε, fixing those below lowers it: the larger excess decides
    if (excess >= lack) for (const l of above) result[l] = counts[l]!;
    if (lack >= excess) for (const l of below) result[l] = least[l]!;
  }
}
