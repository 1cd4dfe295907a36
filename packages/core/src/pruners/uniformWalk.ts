/**
 * Uniform walks, the control for PHEW's bias (Patil & Dovrolis 2021, arXiv:2010.11354, ablation): the same walks with
 *   P(weight e | unit u) = 1 / number of weights that leave u (forward) or enter u (backward)
 * If a share v of N walks passes a layer of n weights, 1 − exp(−N·v/n) of it is kept on average.
 */
import { branching, direction, granularity, walkOptions } from "../walks/options.ts";
import { walkTo } from "../walks/walking.ts";
import type { Pruner } from "./pruner.ts";

export const uniformWalk: Pruner = {
  name: "uniform-walk",
  summary: "random walks that ignore the weights; the control for phew",
  source: "Patil & Dovrolis 2021, arXiv:2010.11354",
  colour: "#56b4e9",
  options: { branching, granularity, direction },
  wholePaths: true,
  walks: (request) => walkOptions(request, "uniform"),
  prune: (request) => walkTo(request, walkOptions(request, "uniform"), request.keepCount),
};
