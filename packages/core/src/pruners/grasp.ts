/**
 * GraSP, gradient signal preservation: keeps the weights whose removal reduces the gradient's norm most.
 *   score = θ · (H g) / (|Σ θ · (H g)| + 1e-10);   g = ∂L/∂θ of the prunable weights, H = ∂²L/∂θ², logits divided by
 *   the temperature; L summed over the pruning batches. The highest scores are kept: the paper removes the highest of
 *   −θ · (H g), which is the same.
 * H g is exact. Departure from the first code: g and H g use the same examples.
 * @see Wang, Zhang & Grosse 2020, arXiv:2002.07376, equation 8
 */
import { lossRequest, samples, statistics, timesWeights } from "./lossOptions.ts";
import { scoringPruner } from "./scoring.ts";

/** As published: a sum near 0 does not make scores infinite. */
const EPSILON = 1e-10;

export const grasp = scoringPruner({
  name: "grasp",
  summary: "keeps weights that preserve the gradient's norm after pruning",
  source: "Wang et al. 2020, arXiv:2002.07376, equation 8",
  colour: "#b09a00",
  examplesOption: "samples",
  options: {
    statistics,
    samples,
    temperature: {
      kind: "number",
      least: 1e-3,
      most: 1e6,
      whole: false,
      initial: 200,
      help: "divisor of the logits before the loss",
    },
  },
  roundCount: 1,
  async score(request) {
    const { network, weights, data, options } = request;
    const loss = { ...lossRequest(request), temperature: Number(options.temperature) };
    const { gradients } = await data!.differentiator.gradients(loss);
    const direction = new Map(network.prunable.map(({ name }) => [name, gradients.get(name)!]));
    const { products } = await data!.differentiator.hessianProduct(loss, direction);
    const scores = timesWeights(network, weights, products);
    let sum = 0;
    for (let k = 0; k < scores.length; k++) sum += scores[k]!;
    const norm = Math.abs(sum) + EPSILON;
    for (let k = 0; k < scores.length; k++) scores[k]! /= norm;
    return scores;
  },
});
