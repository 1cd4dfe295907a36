/**
 * Where the density falls, the weights of the least magnitude in the whole network go; each layer keeps what is left of it,
 * kept'_l, of which ⌊ζ · kept'_l⌋ are replaced within the layer.
 * @see Liu et al. 2021, arXiv:2106.10404
 */
import { groupsOf, indicesOf, least, partOf, valuesAt } from "../groups.ts";
import type { Budget, BudgetRequest } from "../rule.ts";
import { keptCounts, sumOf } from "./spread.ts";

export const gradual: Budget = {
  name: "gradual",
  summary: "layers shrink as their weights rank by magnitude, then keep their number",
  scope: "layer",
  options: {},
  dropCounts(request) {
    const before = keptCounts(request.state.masks, request.groups);
    return wantedCounts(request).map(
      (wanted, g) => before[g]! - wanted + partOf(request.plan.fraction, wanted),
    );
  },
  growCounts(request, after) {
    const left = keptCounts(after, request.groups);
    return wantedCounts(request).map((wanted, g) => Math.max(0, wanted - left[g]!));
  },
};

/** kept'_l. */
function wantedCounts({ state, groups, plan }: BudgetRequest): number[] {
  const counts = keptCounts(state.masks, groups);
  const surplus = sumOf(counts) - plan.keepCount;
  if (surplus <= 0) return counts;
  const { network, masks, weights } = state;
  const kept = indicesOf(masks, groupsOf(network, "network")[0]!, 1);
  const sizes = valuesAt(network, kept, (name) => weights.get(name)).map(Math.abs);
  for (const k of least(kept, sizes, surplus))
    counts[groups.findIndex(({ start, length }) => k >= start && k < start + length)]!--;
  return counts;
}
