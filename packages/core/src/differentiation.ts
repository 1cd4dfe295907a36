/**
 * What a method may ask of whatever differentiates networks. Core knows no backend: `@phew/training` answers with the
 * kernels of its sparse executor.
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
  /** All parameters, running statistics too. */
  readonly weights: Weights;
  /** Removed weights count as 0, and so do bias, scale and shift of silent units. Absent: nothing is removed. */
  readonly masks?: Masks;
  readonly batches: readonly Batch[];
  /** What batch normalisation takes: the running statistics, or each batch's own, which depend on θ. */
  readonly statistics: "running" | "batch";
  /** 1 unless given. GraSP: 200. */
  readonly temperature?: number;
  /** Gradients of removed weights too: ∂L/∂θ where θ is 0. Otherwise they are 0. */
  readonly removed?: boolean;
  /** Checked between batches; `signal.reason` is thrown. */
  readonly signal?: AbortSignal;
}

export interface LossGradients {
  readonly loss: number;
  /** ∂L/∂θ of every trained parameter by its name, dense layout. Running statistics have none. */
  readonly gradients: Weights;
}

export interface HessianProduct extends LossGradients {
  /** H·v, H = ∂²L/∂θ², of every trained parameter by its name, dense layout. */
  readonly products: Weights;
}

export interface Differentiator {
  /** @throws ArgumentError where the network, a batch or a weight is not usable; signal.reason */
  gradients(request: DifferentiationRequest): Promise<LossGradients>;
  /**
   * Exact, forward over reverse; where an activation has a kink, the second derivative there is 0.
   * @param direction v by parameter name; parameters that are left out have v = 0
   * @throws ArgumentError as {@link gradients}, and where a direction does not have its parameter's length
   */
  hessianProduct(request: DifferentiationRequest, direction: Weights): Promise<HessianProduct>;
}
