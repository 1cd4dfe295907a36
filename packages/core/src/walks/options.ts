/** Options that walking methods share, and their form for the engine. */
import type { WalkOptions } from "@phew/engine";
import type { OptionSpec, PruneRequest } from "../pruners/pruner.ts";

export const branching: OptionSpec = {
  kind: "choice",
  choices: ["equal", "weight"],
  initial: "equal",
  help: "at a fork, take each branch with equal probability, or in proportion to its weights",
};

export const granularity: OptionSpec = {
  kind: "choice",
  choices: ["weight", "kernel"],
  initial: "weight",
  help: "what a step keeps: one weight, or its whole kernel",
};

export const direction: OptionSpec = {
  kind: "choice",
  choices: ["alternate", "forward", "backward"],
  initial: "alternate",
  help: "where walks start: at the input and the output in turn, or at one of them",
};

export const bias: OptionSpec = {
  kind: "choice",
  choices: ["magnitude", "square", "uniform", "inverse"],
  initial: "magnitude",
  help: "the probability of a weight θ is proportional to: |θ|, θ², 1, or 1 / (|θ| + 1e-5)",
};

/** Walk options from a request's completed options; `bias` for a method without that option. */
export function walkOptions(
  { seed, options }: Pick<PruneRequest, "seed" | "options">,
  fixedBias?: WalkOptions["bias"],
): WalkOptions {
  return {
    seed,
    bias: fixedBias ?? (options.bias as WalkOptions["bias"]),
    granularity: options.granularity as WalkOptions["granularity"],
    direction: options.direction as WalkOptions["direction"],
    branching: options.branching as WalkOptions["branching"],
  };
}
