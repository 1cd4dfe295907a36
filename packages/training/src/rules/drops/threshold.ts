/**
 * All |θ| below a threshold H, the same for the whole network, which follows the number N that is wanted: after a change that
 * dropped fewer than 0.9 N, H doubles; after one that dropped more than 1.1 N, it halves.
 * At least one weight of each group stays.
 * @see Mostafa & Wang 2019, arXiv:1902.05967
 */
import { indicesOf, least, partOf, valuesAt } from "../groups.ts";
import type { ChangeState, Drop, Options } from "../rule.ts";

const MEMORY = "threshold";

export const threshold: Drop = {
  name: "threshold",
  summary: "all below a threshold that adapts",
  options: {
    threshold: {
      kind: "number",
      least: 1e-30,
      most: 1e30,
      whole: false,
      initial: 0.001,
      help: "the threshold at first",
    },
  },
  choose({ state, kept, plan, options }) {
    const { network, weights } = state;
    const bound = boundOf(state, options);
    const sizes = valuesAt(network, kept, (name) => weights.get(name)).map(Math.abs);
    const count = sizes.filter((size) => size < bound).length;
    const indices = least(kept, sizes, Math.min(count, kept.length - 1));
    return { indices, memory: { [MEMORY]: nextBound(state, plan.fraction, bound) } };
  },
};

const boundOf = ({ memory }: ChangeState, options: Options) => memory[MEMORY] ?? Number(options.threshold);

/** H of the next change: by all weights of the network. */
function nextBound({ network, masks, weights }: ChangeState, fraction: number, bound: number): number {
  const kept = indicesOf(masks, { start: 0, length: network.prunableCount }, 1);
  const sizes = valuesAt(network, kept, (name) => weights.get(name)).map(Math.abs);
  const below = sizes.filter((size) => size < bound).length;
  const wanted = partOf(fraction, kept.length);
  if (below < 0.9 * wanted) return 2 * bound;
  return below > 1.1 * wanted ? bound / 2 : bound;
}
