/**
 * Candidates are proposed at random, and those with the greatest |∂L/∂θ| of one batch grow: gradients are computed for the
 * candidates alone. In each layer ⌈γ · kept⌉ proposals are drawn from all its weights alike, with repetition; those that are
 * kept, or drawn before, do not count. Draws go on until there are as many as are to grow.
 * @see Heddes et al. 2024, arXiv:2401.06898 (guided stochastic exploration, its uniform proposal)
 */
import { indicesOf, keptIn } from "../groups.ts";
import type { Grow } from "../rule.ts";

export const proposals: Grow = {
  name: "proposals",
  summary: "the greatest |gradient| of candidates drawn at random",
  options: {
    candidates: {
      kind: "number",
      least: 0,
      most: 1000,
      whole: false,
      initial: 1,
      help: "proposals for each kept weight",
    },
  },
  byGradient: () => true,
  begin: ({ network }, after, options) => ({
    candidates(group, count, numbers) {
      const runs =
        group.layer === undefined ? network.prunable : network.prunable.slice(group.layer, group.layer + 1);
      const found = new Set<number>();
      for (const { start, length } of runs) {
        const drawCount = Math.ceil(Number(options.candidates) * keptIn(after, { start, length }));
        for (let k = 0; k < drawCount; k++) {
          const index = start + numbers.below(length);
          if (after.bytes[index] === 0) found.add(index);
        }
      }
      // too few: the rest in a random order
      if (found.size < count) {
        const rest = indicesOf(after, group, 0).filter((k) => !found.has(k));
        numbers.shuffleInto(rest);
        for (const k of rest.subarray(0, count - found.size)) found.add(k);
      }
      return Uint32Array.from(found);
    },
  }),
};
