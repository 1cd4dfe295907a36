/**
 * SNIP, connection sensitivity: the change of the loss on removal of a weight, to first order.
 *   score = |θ · ∂L/∂θ| / Σ |θ · ∂L/∂θ|;   L summed over the pruning batches
 * Several rounds are iterative SNIP (de Jorge et al. 2021, arXiv:2006.09081, without its rule for rounds near the
 * end).
 * Departure from the first code: scores use the network's own initialisation, not another one.
 * @see Lee, Ajanthan & Torr 2019, arXiv:1810.02340, equations 5 and 6
 */
import { lossRequest, samples, statistics, timesWeights } from "./lossOptions.ts";
import { scoringPruner } from "./scoring.ts";

export const snip = scoringPruner({
  name: "snip",
  summary: "keeps weights that change the loss on some examples most",
  source: "Lee et al. 2019, arXiv:1810.02340, equation 6",
  colour: "#d55e00",
  examplesOption: "samples",
  options: { statistics, samples },
  roundCount: 1,
  async score(request) {
    const { network, weights, data } = request;
    const { gradients } = await data!.differentiator.gradients(lossRequest(request));
    const scores = timesWeights(network, weights, gradients);
    let sum = 0;
    for (let k = 0; k < scores.length; k++) sum += scores[k] = Math.abs(scores[k]!);
    if (sum > 0) for (let k = 0; k < scores.length; k++) scores[k]! /= sum;
    return scores;
  },
});
