/** Figures of an epoch for each layer, in the order of `network.prunable`, if the executor reports them. */
import type { Network } from "@phew/core";
import type { Executor, LayerTime } from "./executor.ts";
import { chosenOptimiser, type OptimiserOptions } from "./optimisers/chosen.ts";

/** Digits to report: those that do not depend on the order of a sum. */
const DIGITS = 6;

/**
 * For each layer the norm of the mean gradient of the last steps, from the optimiser's state.
 * @param steps number of steps so far
 * @returns undefined if the executor or the optimiser does not have it
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
