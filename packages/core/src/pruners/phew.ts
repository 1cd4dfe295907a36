/**
 * PHEW, paths with higher edge weights (Patil & Dovrolis 2021, arXiv:2010.11354): biased random walks from the input
 * to the output and back keep every weight they pass.
 *   P(weight e | unit u) = |θ_e| / Σ |θ| over the weights that leave u (forward) or enter u (backward)
 * with `data=k` also by the activations of k examples of each class (walks/activationBias.ts). Walks alternate, forward first, and start at the network's units in round robin; they end after the first walk at
 * which keepCount weights are kept.
 * Departures from the published code: a walk forks exactly at the layers that read a value (the code forks one layer
 * before a projection shortcut); within a mask, walks use only units on its paths; bottlenecks, concatenation and
 * grouped convolution are supported; the seed determines the mask.
 */
import { activationWeights, data } from "../walks/activationBias.ts";
import { bias, branching, direction, granularity, walkOptions } from "../walks/options.ts";
import { walkTo, walkToCounts } from "../walks/walking.ts";
import type { PruneRequest, Pruner, Pruning } from "./pruner.ts";

export const phew: Pruner = {
  name: "phew",
  summary: "random walks biased towards large weights; needs no data",
  source: "Patil & Dovrolis 2021, arXiv:2010.11354",
  colour: "#0072b2",
  options: { bias, branching, granularity, direction, data },
  examplesOption: "data",
  wholePaths: true,
  confinable: true,
  walks: (request) => walkOptions(request),
  async prune(request) {
    const weights = await activationWeights(request);
    return walkTo({ ...request, weights }, walkOptions(request), request.keepCount);
  },
};

/**
 * PHEW's masks at growing densities from one sequence of walks: each contains the one before it, and equals the mask
 * of `phew.prune` for its count and the same seed.
 * @param keepCounts ascending, 1 … network.prunableCount
 * @throws ArgumentError as `phew.prune`, at the first mask
 */
export async function* phewNested(
  request: Omit<PruneRequest, "keepCount">,
  keepCounts: readonly number[],
): AsyncGenerator<Pruning, void, undefined> {
  const weights = await activationWeights(request);
  yield* walkToCounts({ ...request, weights }, walkOptions(request), keepCounts);
}
