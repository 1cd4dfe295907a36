/**
 * Weights for walks that look at examples: a walk takes weight e = (i → o) with a probability in proportion to
 *   |θ_e| · h_i,   h_i = E_x |value of unit i|, over examples and places, as a multiple of the mean over the layer's input units,
 * where without examples it goes by |θ_e| alone. On a step forwards all weights that leave a unit have its h_i in common, so
 * that activations decide on steps backwards.
 * Ours: no published method combines walks with data. A unit that is silent on all examples counts as a hundredth of the mean
 * unit, for it may speak on others, and the mask must reach its weights at high densities.
 */
import { ArgumentError } from "../errors.ts";
import { weightFlows } from "../network/unitFlow.ts";
import type { OptionSpec, PruneRequest } from "../pruners/pruner.ts";
import type { Weights } from "../weights/weights.ts";

export const data: OptionSpec = {
  kind: "number",
  least: 0,
  most: 100_000,
  whole: true,
  initial: 0,
  help: "training examples of each class whose activations the walks go by too; 0 is none",
};

const LEAST = 0.01;

/**
 * @returns the request's weights times the activation that they carry, or they themselves where no examples are asked for
 * @throws ArgumentError if walks ignore weights (bias=uniform), or as `Differentiator.activations`
 */
export async function activationWeights({
  network,
  weights,
  options,
  data: examples,
  signal,
}: Omit<PruneRequest, "keepCount">): Promise<Weights> {
  if (!Number(options.data)) return weights;
  if (options.bias === "uniform") {
    throw new ArgumentError("phew: data", {
      given: `${options.data} beside bias=uniform, which ignores weights and what they carry`,
      expected: "another bias, or no examples",
    });
  }
  const { batches, differentiator } = examples!;
  const activations = await differentiator.activations({ network, weights, batches, signal });
  const scaled = new Map(weights);
  for (const { parameter, outCount, inCount, groups, kernelSize } of weightFlows(network)) {
    const factors = relative(activations.get(parameter.name)!);
    const theta = weights.get(parameter.name)!;
    const own = new Float32Array(theta.length);
    const [inPerGroup, outPerGroup] = [inCount / groups, outCount / groups];
    for (let o = 0, e = 0; o < outCount; o++) {
      const first = Math.floor(o / outPerGroup) * inPerGroup;
      for (let i = first; i < first + inPerGroup; i++)
        for (let tap = 0; tap < kernelSize; tap++, e++) own[e] = theta[e]! * factors[i]!;
    }
    scaled.set(parameter.name, own);
  }
  return scaled;
}

/** Multiples of the mean, at least a hundredth of it; 1 for all where all are silent. */
function relative(activation: Float64Array): Float64Array {
  const mean = activation.reduce((sum, value) => sum + value, 0) / activation.length;
  return activation.map((value) => (mean > 0 ? Math.max(LEAST, value / mean) : 1));
}
