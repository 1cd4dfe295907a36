/** What an epoch tells of each layer, in the order of `network.prunable`, where the executor can. */
import type { Network } from "@phew/core";
import type { Executor, LayerTime } from "./executor.ts";
import { chosenOptimiser, type OptimiserOptions } from "./optimisers/chosen.ts";

/** Digits that are told: those that do not depend on the order of a sum. */
const DIGITS = 6;

/**
 * Of each layer the length of the mean gradient of the last steps, as the optimiser's state tells it.
 * @param steps taken so far
 * @returns undefined where the executor or the optimiser cannot tell
 */
export function gradientNorms(
  executor: Pick<Executor, "stateNorms">,
  { prunable }: Network,
  options: OptimiserOptions,
  steps: number,
): number[] | undefined {
  const { optimiser, values } = chosenOptimiser(options);
  if (optimiser.meanGradient === undefined) return undefined;
  const factor = optimiser.meanGradient.factor(values, steps);
  const norms = executor.stateNorms?.(optimiser.meanGradient.buffer);
  return norms && prunable.map(({ name }) => rounded(factor * (norms.get(name) ?? 0)));
}

/** Milliseconds of each layer, all kinds of work together. */
export function layerMilliseconds(times: readonly LayerTime[], { prunable, nodes }: Network): number[] {
  return prunable.map(({ node }) => {
    const own = times.filter(({ layer }) => layer === nodes[node]!.name);
    return rounded(own.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
  });
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
