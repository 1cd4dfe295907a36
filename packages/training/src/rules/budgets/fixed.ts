/**
 * Each layer drops ⌊ζ · kept⌋ and grows back to what it had. If the density of the network changes, layers keep their shares:
 * kept_l ∝ kept_l before, at most all of the layer's weights.
 */
import type { Budget } from "../rule.ts";
import { keptCounts, sharesKept, usualDrops } from "./spread.ts";

export const fixed: Budget = {
  name: "fixed",
  summary: "every layer keeps its number of weights",
  scope: "layer",
  options: {},
  dropCounts: usualDrops,
  growCounts({ state, groups, plan }, after) {
    const wanted = sharesKept(keptCounts(state.masks, groups), groups, plan.keepCount);
    const left = keptCounts(after, groups);
    return wanted.map((count, g) => Math.max(0, count - left[g]!));
  },
};
