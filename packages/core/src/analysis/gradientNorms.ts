/**
 * Norm of the loss gradient over the kept weights of each layer.
 *   norm_l = √Σ_{kept weights of l} (∂L/∂θ)²,   L the mean cross-entropy of the examples, running statistics.
 */
import type { Batch, Differentiator } from "../differentiation.ts";
import type { Masks } from "../masks/masks.ts";
import type { Weights } from "../weights/weights.ts";

/** Examples, and the backend that differentiates a loss on them. */
export interface Examples {
  readonly batch: Batch;
  readonly differentiator: Differentiator;
}

export interface GradientNorms {
  readonly loss: number;
  /** Over all kept weights. */
  readonly norm: number;
  /** In the order of `network.prunable`. */
  readonly layers: readonly { readonly name: string; readonly norm: number }[];
}

/** @throws ArgumentError as {@link Differentiator.gradients}; signal.reason */
export async function gradientNorms(
  weights: Weights,
  masks: Masks,
  { batch, differentiator }: Examples,
  signal?: AbortSignal,
): Promise<GradientNorms> {
  const { network } = masks;
  const { loss, gradients } = await differentiator.gradients({
    network,
    weights,
    masks,
    batches: [batch],
    statistics: "running",
    signal,
  });
  const squares = network.prunable.map(({ name }) => squaredLength(gradients.get(name)!));
  return {
    loss,
    norm: Math.sqrt(squares.reduce((sum, square) => sum + square, 0)),
    layers: network.prunable.map(({ name }, l) => ({ name, norm: Math.sqrt(squares[l]!) })),
  };
}

/** Σ of squares, float64. */
export function squaredLength(values: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += values[k]! * values[k]!;
  return sum;
}
