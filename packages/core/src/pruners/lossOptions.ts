/** Options of methods that differentiate the loss, and scores from a derivative. */
import type { DifferentiationRequest } from "../differentiation.ts";
import type { Network } from "../network/network.ts";
import type { Weights } from "../weights/weights.ts";
import type { OptionSpec } from "./pruner.ts";
import type { ScoreRequest } from "./scoring.ts";

export const statistics: OptionSpec = {
  kind: "choice",
  choices: ["running", "batch"],
  initial: "running",
  needs: { batch: "batchNorm" },
  help: "statistics that batch normalisation uses: running ones, or those of each batch",
};

export const samples: OptionSpec = {
  kind: "number",
  least: 1,
  most: 100_000,
  whole: true,
  initial: 10,
  help: "training examples of each class to use, if a data set is given",
};

/** The request for derivatives of the loss on all batches, with the weights that are left. */
export function lossRequest({ network, weights, masks, data, options, signal }: ScoreRequest) {
  return {
    network,
    weights,
    masks,
    batches: data!.batches,
    statistics: options.statistics === "batch" ? "batch" : "running",
    signal,
  } satisfies DifferentiationRequest;
}

/** θ times its derivative, in the order of `network.prunable`. */
export function timesWeights(network: Network, weights: Weights, derivative: Weights): Float64Array {
  const scores = new Float64Array(network.prunableCount);
  for (const { name, start, length } of network.prunable) {
    const [theta, by] = [weights.get(name)!, derivative.get(name)!];
    for (let k = 0; k < length; k++) scores[start + k] = theta[k]! * by[k]!;
  }
  return scores;
}
