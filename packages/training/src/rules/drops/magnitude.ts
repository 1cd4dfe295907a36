/** The least |θ| of each group. @see Evci et al. 2020, arXiv:1911.11134 (without their noise of 1e-5, which breaks ties) */
import { least, valuesAt } from "../groups.ts";
import type { Drop } from "../rule.ts";

export const magnitude: Drop = {
  name: "magnitude",
  summary: "the least |weight|",
  options: {},
  choose({ state: { network, weights }, kept, count }) {
    const sizes = valuesAt(network, kept, (name) => weights.get(name)).map(Math.abs);
    return { indices: least(kept, sizes, count) };
  },
};
