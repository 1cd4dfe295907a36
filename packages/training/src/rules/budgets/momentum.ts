/**
 * What is dropped grows back in proportion to the mean |momentum| of the weights that each layer has left:
 *   grown_l = dropped · m_l / Σ m,   m_l = mean |v| of layer l,
 * until a layer is full to 99 %; what it cannot take is spread over the others.
 * @see Dettmers & Zettlemoyer 2019, arXiv:1907.04840
 */
import { indicesOf, valuesAt } from "../groups.ts";
import type { Budget } from "../rule.ts";
import { keptCounts, spread, sumOf, usualDrops } from "./spread.ts";

const FULL = 0.99;

export const momentum: Budget = {
  name: "momentum",
  summary: "layers grow in proportion to the mean |momentum| of their weights",
  usesMomentum: true,
  scope: "layer",
  options: {},
  dropCounts: usualDrops,
  growCounts({ state, groups, plan }, after) {
    const left = keptCounts(after, groups);
    const wanted = Math.max(0, plan.keepCount - sumOf(left));
    const roomTo = (most: number) =>
      groups.map(({ length }, g) => Math.max(0, Math.floor(most * length) - left[g]!));
    const room = sumOf(roomTo(FULL)) >= wanted ? roomTo(FULL) : roomTo(1);
    const means = groups.map((group) => {
      const values = valuesAt(state.network, indicesOf(after, group, 1), (name) => state.momentum?.get(name));
      return values.reduce((sum, v) => sum + Math.abs(v), 0) / Math.max(1, values.length);
    });
    return spread(wanted, means, room);
  },
};
