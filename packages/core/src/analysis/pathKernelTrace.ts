/**
 * Path kernel trace:  Tr = Σ_e ∂R/∂θ²_e = Σ_paths Σ_{e on path} (π_path / θ_e)²,  π the product along a path, R the sum
 * of squared products; one path for each way through units and positions, pooling and batch normalisation included.
 * Biases carry no path. The higher the trace, the faster gradient descent converges at first.
 * Share of weight e:  ∂R/∂θ²_e = Σ_{paths through e} (π_path / θ_e)².
 * @see Gebhart, Saxena & Schrater 2021, arXiv:2101.10552; computed by pathSums.ts
 */
import type { Masks } from "../masks/masks.ts";
import type { Network } from "../network/network.ts";
import type { Weights } from "../weights/weights.ts";
import { pathSums } from "./pathSums.ts";

export interface PathKernelTrace {
  readonly total: number;
  /** Share of each layer's kept weights, in the order of `network.prunable`; they sum to the total. */
  readonly layers: readonly number[];
  /** R = Σ_paths π², which comes with it. */
  readonly squaredPathSum: number;
}

/** @param masks absent: the trace of the dense network */
export function pathKernelTrace(network: Network, weights: Weights, masks?: Masks): PathKernelTrace {
  const layers = network.prunable.map(() => 0);
  const squaredPathSum = visitShares(network, weights, masks, (l, share, scale) => {
    let sum = 0;
    for (let k = 0; k < share.length; k++) sum += share[k]!;
    layers[l] = sum * scale;
  });
  return { total: layers.reduce((sum, trace) => sum + trace, 0), layers, squaredPathSum };
}

/**
 * What each weight adds to the trace.
 * @param masks absent: the dense network
 * @returns length network.prunableCount, in the order of `network.prunable`; 0 for removed weights
 */
export function pathKernelShares(network: Network, weights: Weights, masks?: Masks): Float64Array {
  const shares = new Float64Array(network.prunableCount);
  visitShares(network, weights, masks, (l, share, scale) => {
    const { start } = network.prunable[l]!;
    for (let k = 0; k < share.length; k++) shares[start + k] = share[k]! * scale;
  });
  return shares;
}

/** @param visit is given a layer's shares divided by `scale` @returns R */
function visitShares(
  network: Network,
  weights: Weights,
  masks: Masks | undefined,
  visit: (layer: number, share: Float64Array, scale: number) => void,
): number {
  const layerOf = new Map(network.prunable.map(({ name }, l) => [name, l]));
  return pathSums(network, weights, {
    power: 2,
    ...(masks ? { masks } : {}),
    visit(name, gradient, exponent) {
      const l = layerOf.get(name);
      if (l !== undefined) visit(l, gradient, 2 ** exponent);
    },
  });
}
