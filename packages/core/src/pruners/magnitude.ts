/** Keeps the weights of greatest magnitude |θ| over all layers together. */
import { keepTop } from "../masks/select.ts";
import type { Pruner } from "./pruner.ts";

export const magnitude: Pruner = {
  name: "magnitude",
  summary: "greatest magnitude at initialisation, one threshold for all layers",
  source: "Han et al. 2015, arXiv:1506.02626",
  options: {},
  wholePaths: false,
  async prune({ network, weights, keepCount, from }) {
    return {
      masks: keepTop(network, (name) => weights.get(name)!, keepCount, { magnitude: true, from }),
    };
  },
};
