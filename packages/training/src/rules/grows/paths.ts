/**
 * Absent weights drawn in proportion to the sum of the path products that they would add (pathSampler.ts), from the weights as
 * they are now: no data is looked at. With rerank > 1, ⌈rerank · count⌉ are drawn, and of these the greatest |∂L/∂θ| of one
 * batch grow. A silent unit counts with a scale of 1, which it has when it comes back.
 * @see Yao & Dovrolis 2025, arXiv:2509.25665
 */
import { Masks, weightsAfterChange } from "@phew/core";
import { keptIn } from "../groups.ts";
import { PathSampler } from "../pathSampler.ts";
import type { Grow } from "../rule.ts";

export const paths: Grow = {
  name: "paths",
  summary: "drawn by the paths that an absent weight would add",
  options: {
    rerank: {
      kind: "number",
      least: 1,
      most: 1000,
      whole: false,
      initial: 1,
      help: "candidates for each new weight, of which the greatest gradients grow; 1 asks for no gradient",
    },
  },
  byGradient: ({ rerank }) => Number(rerank) > 1,
  begin({ network, weights, masks }, after, { rerank }) {
    const awake = weightsAfterChange(weights, { before: masks, next: Masks.dense(network) });
    const sampler = new PathSampler(network, awake, after);
    return {
      candidates(group, count, random) {
        const absentCount = group.length - keptIn(after, group);
        return sampler.draw(group, Math.min(absentCount, Math.ceil(Number(rerank) * count)), random);
      },
    };
  },
};
