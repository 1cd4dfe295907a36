/**
 * SynFlow-L2, by the share of a weight in the sum over squared paths:
 *   score = θ² · ∂R/∂θ²;   R as SynFlow's, with every parameter squared in place of its magnitude.
 * ∂R/∂θ² summed over weights is the path kernel trace; this method keeps most of the trace in the fewest units.
 * The published code scores |θ| · ∂R/∂θ²: `score: "published"`.
 * @see Patil & Dovrolis 2021, arXiv:2010.11354; Gebhart, Saxena & Schrater 2021, arXiv:2101.10552
 */
import { flowScores } from "./flowScores.ts";
import { scoringPruner } from "./scoring.ts";

export const synflowL2 = scoringPruner({
  name: "synflow-l2",
  summary: "as synflow, with squared paths: the path kernel trace; needs no data",
  source: "Patil & Dovrolis 2021, arXiv:2010.11354; Gebhart et al. 2021, arXiv:2101.10552",
  colour: "#882255",
  options: {
    score: {
      kind: "choice",
      choices: ["squared", "published"],
      initial: "squared",
      help: "θ²·∂R/∂θ², or |θ|·∂R/∂θ² as the published code has it",
    },
  },
  roundCount: 100,
  score: (request) => flowScores(request, 2, request.options.score === "published" ? 1 : 2),
});
