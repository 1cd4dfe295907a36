/** Spreads a number of new weights over layers. */
import { allocateByShare, type Masks } from "@phew/core";
import { keptIn, partOf } from "../groups.ts";
import type { BudgetRequest, Group } from "../rule.ts";

/**
 * In proportion to shares, at most `room` in each layer; what a full layer cannot take is spread over the others, by their
 * room if they have no share. Rounding by largest remainder; among equal ones the earlier layer gains.
 * @param shares at least 0 @param room whole numbers whose sum is at least `count`
 * @returns whole numbers whose sum is `count`
 */
export function spread(count: number, shares: readonly number[], room: readonly number[]): number[] {
  const result = room.map(() => 0);
  let open = room.map((_, l) => l);
  let left = count;
  for (;;) {
    const total = sumOf(open.map((l) => shares[l]!));
    const own = total > 0 ? shares : room;
    const sum = total > 0 ? total : sumOf(open.map((l) => room[l]!));
    const wish = (l: number) => (sum > 0 ? (left * own[l]!) / sum : 0);
    const full = open.filter((l) => wish(l) > room[l]!);
    for (const l of full) result[l] = room[l]!;
    if (full.length > 0) {
      left -= sumOf(full.map((l) => room[l]!));
      open = open.filter((l) => !full.includes(l));
      continue;
    }
    for (const l of open) result[l] = Math.floor(wish(l));
    const missing = left - sumOf(open.map((l) => result[l]!));
    const remainder = (l: number) => wish(l) - result[l]!;
    const parts = new Map(open.map((l) => [l, remainder(l)]));
    for (const l of [...open].sort((a, b) => parts.get(b)! - parts.get(a)! || a - b).slice(0, missing))
      result[l]!++;
    return result;
  }
}

/** ⌊ζ · kept⌋ of each group, and more where the network shall keep fewer than are left then. */
export function usualDrops({ state, groups, plan }: BudgetRequest): number[] {
  const before = keptCounts(state.masks, groups);
  const drops = before.map((kept) => partOf(plan.fraction, kept));
  if (sumOf(before) - sumOf(drops) <= plan.keepCount) return drops;
  const wanted = sharesKept(before, groups, plan.keepCount);
  return drops.map((count, g) => Math.max(count, before[g]! - wanted[g]!));
}

/** `keepCount` weights in the shares that the groups have: kept_l ∝ kept_l before, at most all weights of the group. */
export function sharesKept(
  before: readonly number[],
  groups: readonly { readonly length: number }[],
  keepCount: number,
): number[] {
  if (sumOf(before) === keepCount) return [...before];
  const lengths = groups.map(({ length }) => length);
  const shares = before.map((kept, g) => Math.max(kept, 1e-9) / lengths[g]!);
  return allocateByShare(
    shares,
    lengths,
    keepCount,
    lengths.map(() => 0),
  );
}

export const keptCounts = (masks: Masks, groups: readonly Group[]): number[] =>
  groups.map((group) => keptIn(masks, group));

export const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
