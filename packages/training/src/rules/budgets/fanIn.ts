/**
 * Every active unit of a layer has the same number of incoming weights, k. With n weights of the layer at the start, m active
 * units and K kept now, of which ⌊ζK⌋ are to be replaced:
 *   salient of a unit: its weights among the K − ⌊ζK⌋ greatest of the layer, and its absent weights among the ⌊ζK⌋ greatest
 *   gradients of the layer;
 *   a unit with fewer than γ·k salient weights is ablated: it loses all, unless fewer than ⌈n / fan-in⌉ units would be left;
 *   then k = ⌊n / m⌋ for the m that are left, at most the fan-in: a unit keeps its greatest weights, at most k, and grows
 *   those of the greatest gradients until it has k.
 * Units of the last layer, the classes, are not ablated. The layer has at most n weights, m·k.
 * @see Lasby et al. 2024, arXiv:2305.02299
 */

import { fractionOption } from "../fractionOption.ts";
import { greatest, indicesOf, keptIn, least, partOf, valuesAt } from "../groups.ts";
import type { Budget, BudgetRequest, Group, Refinement } from "../rule.ts";
import { keptCounts, sumOf } from "./spread.ts";

export const fanIn: Budget = {
  name: "fan-in",
  summary: "the same fan-in for all units of a layer; units with few salient weights go",
  scope: "unit",
  options: {
    gamma: fractionOption(0.3, "fraction of the fan-in that must be salient, or the unit goes"),
  },
  dropCounts({ state, groups, plan }) {
    const counts = groups.map(() => 0);
    const { network, masks, weights } = state;
    for (const [l, { start, length }] of network.prunable.entries()) {
      const kept = indicesOf(masks, { start, length }, 1);
      const sizes = valuesAt(network, kept, (name) => weights.get(name)).map(Math.abs);
      const first = groups.findIndex(({ layer }) => layer === l);
      for (const k of least(kept, sizes, partOf(plan.fraction, kept.length)))
        counts[first + Math.floor((k - start) / groups[first]!.length)]!++;
    }
    return counts;
  },
  // the gradients decide: refine
  growCounts: ({ groups }) => groups.map(() => 0),
  refine(request, after, groups, gradient) {
    const salient = salientCounts(request, after, groups, gradient);
    const { k, isActive } = activeUnits(request, groups, salient);
    const dropped = groups.flatMap((group, g) => surplusOf(request, after, group, isActive[g] ? k : 0));
    const growCounts = groups.map((group, g) => (isActive[g] ? Math.max(0, k - keptIn(after, group)) : 0));
    return { dropped: Uint32Array.from(dropped), growCounts } satisfies Refinement;
  },
};

function salientCounts(
  { state, plan }: BudgetRequest,
  after: BudgetRequest["state"]["masks"],
  groups: readonly Group[],
  gradient: Float32Array,
): number[] {
  const { start, length } = state.network.prunable[groups[0]!.layer!]!;
  const replaced = partOf(plan.fraction, keptIn(state.masks, { start, length }));
  const absent = indicesOf(after, { start, length }, 0);
  const sizes = Float32Array.from(absent, (k) => Math.abs(gradient[k - start]!));
  const counts = keptCounts(after, groups);
  for (const k of greatest(absent, sizes, replaced)) counts[Math.floor((k - start) / groups[0]!.length)]!++;
  return counts;
}

/** The units that are left, and the fan-in that they have from now on. */
function activeUnits(
  { state, options }: BudgetRequest,
  groups: readonly Group[],
  salient: readonly number[],
): { k: number; isActive: readonly boolean[] } {
  const { network, masks, startCounts } = state;
  const layer = groups[0]!.layer!;
  const budget = startCounts[layer]!;
  const most = groups[0]!.length;
  const counts = keptCounts(masks, groups);
  const activeCount = counts.filter((count) => count > 0).length;
  const bound = (Number(options.gamma) * sumOf(counts)) / Math.max(1, activeCount);
  const isLast = layer === network.prunable.length - 1;
  const order = groups.map((_, g) => g).sort((a, b) => salient[b]! - salient[a]! || a - b);
  const isSalient = (g: number) => salient[g]! > 0 && salient[g]! >= bound;
  const wanted = isLast ? groups.length : order.filter(isSalient).length;
  // no more units than weights, no fewer than hold them all
  const count = Math.min(Math.max(wanted, Math.ceil(budget / most), 1), Math.max(1, budget));
  const isActive = groups.map(() => false);
  for (const g of order.slice(0, count)) isActive[g] = true;
  return { k: Math.min(most, Math.floor(budget / count)), isActive };
}

/** The least weights of a unit beyond `most`. */
function surplusOf(
  { state }: BudgetRequest,
  after: BudgetRequest["state"]["masks"],
  group: Group,
  most: number,
): number[] {
  const kept = indicesOf(after, group, 1);
  if (kept.length <= most) return [];
  const sizes = valuesAt(state.network, kept, (name) => state.weights.get(name)).map(Math.abs);
  return [...least(kept, sizes, kept.length - most)];
}
