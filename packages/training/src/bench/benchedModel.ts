/** What a benchmark times: a network of the zoo, or one that the caller has. */
import { initialise, type Network, ownInitialisation, type Weights, zooModel } from "@phew/core";

export interface NetworkWithWeights {
  readonly network: Network;
  readonly weights: Weights;
}

/** A name of the zoo, whose weights are drawn; or a network with its weights. */
export type BenchedModel = string | NetworkWithWeights;

/** @param seed of weights that are drawn @throws ArgumentError for an unknown name */
export async function benchedModel(model: BenchedModel, seed: number): Promise<NetworkWithWeights> {
  if (typeof model !== "string") return model;
  const network = zooModel(model);
  return {
    network,
    weights: await initialise(network, { seed, initialisation: ownInitialisation(network) }),
  };
}
