/**
 * What methods ask of the backend that differentiates networks. Core has no backend: `@phew/training` implements this
 * with its sparse executor.
 * L(θ) = Σ over batches of the mean cross-entropy of the batch, its logits divided by `temperature`.
 */
import type { Masks } from "./masks/masks.ts";
import type { Network } from "./network/network.ts";
import type { Weights } from "./weights/weights.ts";

/** Images or vectors and their classes. */
export interface Batch {
  /** Row-major `[count, ...network.inputShape]`. */
  readonly x: Float32Array;
  /** Class of each example, length `count`. */
  readonly y: Int32Array;
  readonly count: number;
}

export interface DifferentiationRequest {
  readonly network: Network;
  /** All parameters, including running statistics. */
  readonly weights: Weights;
  /** Removed weights count as 0, and so do bias, scale and shift of silent units. Absent: nothing is removed. */
  readonly masks?: Masks | undefined;
  readonly batches: readonly Batch[];
  /** Which statistics batch normalisation uses: running ones, or each batch's own, which depend on θ. */
  readonly statistics: "running" | "batch";
  /** Default 1. GraSP: 200. */
  readonly temperature?: number | undefined;
  /** True: also gradients of removed weights, ∂L/∂θ at θ = 0. Default: these are 0. */
  readonly removed?: boolean | undefined;
  /** Checked between batches; `signal.reason` is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export interface LossGradients {
  readonly loss: number;
  /** ∂L/∂θ of every trained parameter by name, dense layout. */
  readonly gradients: Weights;
}

export interface HessianProduct extends LossGradients {
  /** H·v, H = ∂²L/∂θ², of every trained parameter by name, dense layout. */
  readonly products: Weights;
}

export type ActivationRequest = Pick<DifferentiationRequest, "network" | "weights" | "batches" | "signal">;

/** Of each input unit of each layer the mean |value| over examples and places, by the name of the layer's weight. */
export type UnitActivations = ReadonlyMap<string, Float64Array>;

export interface Differentiator {
  /**
   * Values of units in evaluation mode.
   * @throws ArgumentError if the network, a batch or a weight is not usable; signal.reason
   */
  activations(request: ActivationRequest): Promise<UnitActivations>;
  /** @throws ArgumentError if the network, a batch or a weight is not usable; signal.reason */
  gradients(request: DifferentiationRequest): Promise<LossGradients>;
  /**
   * Exact, forward over reverse; at the kink of an activation the second derivative is 0.
   * @param direction v by parameter name; v = 0 for absent parameters
   * @throws ArgumentError as {@link gradients}, and for a direction of a wrong length
   */
  hessianProduct(request: DifferentiationRequest, direction: Weights): Promise<HessianProduct>;
}
