/** What can be walked, as flat numbers: the interface between the network graph (core) and the walking engine. */

/**
 * A weighted operation. Edge id of weight k = firstEdge + k, where k runs row-major over
 * `[outCount, inCount / groups, kernelSize]`; edge ids of all layers together are 0 … edgeCount − 1, each once. Layers that share their
 * weights have one `weight` and one `firstEdge`.
 * Output unit o belongs to group ⌊o / (outCount / groups)⌋ and sees the inCount / groups input units of that group.
 */
export interface WalkLayer {
  /** The parameter's name. Layers of one name are parts of one operation, such as some groups of a convolution. */
  readonly name: string;
  readonly weight: Float32Array;
  readonly outCount: number;
  readonly inCount: number;
  readonly groups: number;
  readonly kernelSize: number;
  readonly firstEdge: number;
}

/**
 * A link without weights from the output units of one layer to the input units of another: unit `fromStart + i` (0 ≤
 * i < count) becomes a uniformly random one of the `spread` units from `toStart + i·spread` on; backward, each of
 * those becomes `fromStart + i`.
 */
export interface WalkLink {
  /** Index of the layer it leaves; INPUT (−1) for the network's input. */
  readonly from: number;
  /** Index of the layer it enters; `layers.length` for the network's output. */
  readonly to: number;
  readonly fromStart: number;
  readonly count: number;
  readonly toStart: number;
  readonly spread: number;
  /**
   * Number of the first of the `spread` units among the features of the source unit; default 0. Two links of one unit
   * with the same feature into one operation are two copies of it.
   */
  readonly feature?: number;
}

export const INPUT = -1;

/**
 * Layers in topological order: a link goes from a lower index to a higher one. If several links leave a unit
 * (forward) or enter it (backward), forks.ts defines which the walk takes.
 */
export interface WalkPlan {
  readonly layers: readonly WalkLayer[];
  readonly links: readonly WalkLink[];
  /** Units of the network's input and of its output. */
  readonly inputCount: number;
  readonly outputCount: number;
  readonly edgeCount: number;
}

export interface WalkOptions {
  /** Whole number, 0 ≤ seed ≤ 2^53 − 1. */
  readonly seed: number;
  /** What the probability of a weight is proportional to: |θ|, θ², 1, or 1 / (|θ| + 1e-5). */
  readonly bias: "magnitude" | "square" | "uniform" | "inverse";
  /** What a step keeps: one weight, or its whole kernel. */
  readonly granularity: "weight" | "kernel";
  /** Walks alternate, forward first, or go one way only. */
  readonly direction: "alternate" | "forward" | "backward";
  /** At a fork: each branch equally, or in proportion to the bias of all weights that it leads to from this unit. */
  readonly branching: "equal" | "weight";
}
