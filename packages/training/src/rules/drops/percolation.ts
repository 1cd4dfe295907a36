/**
 * The weights of the least score in each group, and then all that lead nowhere any more. Scores:
 *   weight     |θ|
 *   relative   |θ| / (ε + Σ |θ| of its output) + |θ| / (ε + Σ |θ| of its input), ε = 1e-5, over kept weights
 * With `soft` the weights that stay are drawn without replacement in proportion to score^T, where T rises from 1 to 1 + heat
 * over the run. Then weights go that lead to an output unit which nothing leaves, or leave an input unit which nothing enters,
 * from layer to layer (chain removal): those on no path from the input to the output.
 * @see Zhang et al. 2024 (CHT), 2025, arXiv:2501.19107 (CHTs)
 */
import { ineffectiveWeights, weightFlows } from "@phew/core";
import { greatest, least, valuesAt } from "../groups.ts";
import type { ChangeState, Drop, DropRequest } from "../rule.ts";

const EPSILON = 1e-5;

export const percolation: Drop = {
  name: "percolation",
  summary: "the least scores, and weights that lead nowhere then",
  options: {
    score: {
      kind: "choice",
      choices: ["weight", "relative"],
      initial: "weight",
      help: "what the least is dropped of",
    },
    soft: { kind: "flag", initial: false, help: "draw the weights that stay in proportion to score^T" },
    heat: {
      kind: "number",
      least: 0,
      most: 100,
      whole: false,
      initial: 2,
      help: "by how much T rises over the run",
    },
  },
  choose(request) {
    const { kept, count, options } = request;
    const scores = options.score === "relative" ? relativeScores(request) : sizesOf(request);
    if (options.soft !== true) return { indices: least(kept, scores, count) };
    const temperature = 1 + Number(options.heat) * request.state.progress;
    const keys = scores.map((score) => Math.log(1 - request.random.nextFloat()) / score ** temperature);
    const stay = new Set(greatest(kept, keys, kept.length - count));
    return { indices: kept.filter((k) => !stay.has(k)) };
  },
  alsoDropped: ineffectiveWeights,
};

const sizesOf = ({ state: { network, weights }, kept }: DropRequest): Float64Array =>
  Float64Array.from(
    valuesAt(network, kept, (name) => weights.get(name)),
    Math.abs,
  );

function relativeScores(request: DropRequest): Float64Array {
  const { state, kept } = request;
  const sizes = sizesOf(request);
  const units = unitsOf(state, kept);
  const sums = new Map<string, number>();
  for (const [k, names] of units.entries())
    for (const name of names) sums.set(name, (sums.get(name) ?? 0) + sizes[k]!);
  return sizes.map((size, k) =>
    units[k]!.reduce((score, name) => score + size / (EPSILON + sums.get(name)!), 0),
  );
}

/** The output unit and the input unit of each weight, by layer. */
function unitsOf({ network }: ChangeState, kept: Uint32Array): readonly (readonly [string, string])[] {
  const flows = weightFlows(network);
  return Array.from(kept, (index) => {
    const l = network.prunable.findIndex(({ start, length }) => index >= start && index < start + length);
    const { outCount, inCount, groups, kernelSize } = flows[l]!;
    const kernel = Math.floor((index - network.prunable[l]!.start) / kernelSize);
    const perGroup = inCount / groups;
    const out = Math.floor(kernel / perGroup);
    const group = Math.floor((out * groups) / outCount);
    return [`${l}o${out}`, `${l}i${group * perGroup + (kernel % perGroup)}`] as const;
  });
}
