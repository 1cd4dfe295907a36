/** Keeps the weights of greatest magnitude |θ|. */
import { scoringPruner } from "./scoring.ts";

export const magnitude = scoringPruner({
  name: "magnitude",
  summary: "greatest magnitude, one threshold for all layers",
  source: "Han et al. 2015, arXiv:1506.02626",
  colour: "#e69f00",
  weightsAlone: true,
  score({ network, weights }) {
    const scores = new Float32Array(network.prunableCount);
    for (const { name, start, length } of network.prunable) {
      const theta = weights.get(name)!;
      for (let k = 0; k < length; k++) scores[start + k] = Math.abs(theta[k]!);
    }
    return scores;
  },
});
