/** The least |θ| + λ·|∂L/∂θ| of each group. @see Yuan et al. 2021, arXiv:2110.14032 */
import { least, valuesAt } from "../groups.ts";
import type { Drop } from "../rule.ts";

export const saliency: Drop = {
  name: "saliency",
  summary: "the least |weight| + lambda · |gradient|",
  options: {
    lambda: {
      kind: "number",
      least: 0,
      most: 1e6,
      whole: false,
      initial: 0.01,
      help: "weight of the gradient beside the magnitude",
    },
  },
  usesGradients: () => true,
  choose({ state: { network, weights }, kept, count, options, gradient }) {
    const sizes = Float64Array.from(
      valuesAt(network, kept, (name) => weights.get(name)),
      Math.abs,
    );
    const lambda = Number(options.lambda);
    const scores = sizes.map((size, k) => size + lambda * Math.abs(gradient![k]!));
    return { indices: least(kept, scores, count) };
  },
};
