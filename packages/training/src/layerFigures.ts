/** What an epoch tells of each layer, in the order of `network.prunable`, where the executor can. */
import type { Network } from "@phew/core";
import type { Executor, LayerTime } from "./executor.ts";

/** Digits that are told: those that do not depend on the order of a sum. */
const DIGITS = 6;

/**
 * (1 − μ)·‖v‖ of each layer: v ← μv + g sums gradients of the last steps with weights that add up to 1 / (1 − μ).
 * @param momentum μ
 * @returns undefined where the executor cannot tell
 */
export function gradientNorms(
  executor: Pick<Executor, "momentumNorms">,
  { prunable }: Network,
  momentum: number,
): number[] | undefined {
  const norms = executor.momentumNorms?.();
  return norms && prunable.map(({ name }) => rounded((1 - momentum) * (norms.get(name) ?? 0)));
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
