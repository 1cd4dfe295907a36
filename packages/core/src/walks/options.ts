/** The options that walking methods share, and what they are to the engine. */
import type { WalkOptions } from "@phew/engine";
import type { OptionSpec, PruneRequest } from "../pruners/pruner.ts";

export const branching: OptionSpec = {
  kind: "choice",
  choices: ["equal", "weight"],
  initial: "equal",
  help: "at a fork, take each branch equally, or in proportion to all weights it leads to",
};

export const granularity: OptionSpec = {
  kind: "choice",
  choices: ["weight", "kernel"],
  initial: "weight",
  help: "what a step keeps: one weight, or the whole kernel around it",
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
  help: "what the probability of a weight θ is proportional to: |θ|, θ², 1, or 1 / (|θ| + 1e-5)",
};

/** A request's completed options; `bias` where the method has no such option. */
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
