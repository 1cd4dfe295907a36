/**
 * SynFlow, by the share of a weight in the sum over all paths:
 *   score = |θ| · ∂R/∂|θ|;   R the sum of the outputs for an input of ones through the network in which every
 *   parameter, including biases and batch normalisation, is replaced by its magnitude: see analysis/pathSums.ts.
 * Within a layer without biases the scores sum to R, so that no layer is ever removed as a whole (Theorem 3).
 * Departures from the published code: float64, where its float32 overflows from ResNet-32 on; exactly keepCount
 * weights.
 * @see Tanaka, Kunin, Yamins & Ganguli 2020, arXiv:2006.05467, equation 3 and algorithm 1
 */
import { flowScores } from "./flowScores.ts";
import { scoringPruner } from "./scoring.ts";

export const synflow = scoringPruner({
  name: "synflow",
  summary: "iterative: removes weights with the least share in all paths' magnitude; needs no data",
  source: "Tanaka et al. 2020, arXiv:2006.05467, algorithm 1",
  colour: "#009e73",
  roundCount: 100,
  score: (request) => flowScores(request, 1, 1),
});
