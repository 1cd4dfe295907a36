/**
 * What is dropped grows back in proportion to the weights that each layer has left:
 *   grown_l = dropped · left_l / Σ left,   at most the absent weights of the layer.
 * @see Mostafa & Wang 2019, arXiv:1902.05967
 */
import type { Budget } from "../rule.ts";
import { keptCounts, spread, sumOf, usualDrops } from "./spread.ts";

export const surviving: Budget = {
  name: "surviving",
  summary: "layers grow in proportion to what they have left",
  scope: "layer",
  options: {},
  dropCounts: usualDrops,
  growCounts({ groups, plan }, after) {
    const left = keptCounts(after, groups);
    const room = groups.map(({ length }, g) => length - left[g]!);
    return spread(Math.max(0, plan.keepCount - sumOf(left)), left, room);
  },
};
