/** Spreads a number of new weights over layers. */
import { allocateByShare, type Masks } from "@phew/core";
import { keptIn, partOf } from "../groups.ts";
import type { BudgetRequest, Group } from "../rule.ts";

/**
 * In proportion to shares, at most `room` in each layer; what a full layer cannot take is spread over the others.
 * @param shares at least 0, one must be above; @param room whole numbers whose sum is at least `count`
 * @returns whole numbers whose sum is `count`
 */
export function spread(count: number, shares: readonly number[], room: readonly number[]): number[] {
  if (count === 0) return room.map(() => 0);
  const greatest = Math.max(...shares);
  // a share of 0 takes something only if all others are full
  const sure = shares.map((share) => (greatest > 0 ? share / greatest : 1) + 1e-12);
  return allocateByShare(
    sure.map((share, l) => (room[l]! > 0 ? share / room[l]! : 0)),
    room,
    count,
    room.map(() => 0),
  );
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
