/**
 * Path kernel trace:  Tr = Σ_e ∂R/∂θ²_e = Σ_paths Σ_{e on path} (π_path / θ_e)²,  π the product along a path, R the sum
 * of squared products; one path for each way through units and positions, pooling and batch normalisation included.
 * Biases carry no path. The higher the trace, the faster gradient descent converges at first.
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
}

/** @param masks absent: the trace of the dense network */
export function pathKernelTrace(network: Network, weights: Weights, masks?: Masks): PathKernelTrace {
  const layerOf = new Map(network.prunable.map(({ name }, l) => [name, l]));
  const layers = network.prunable.map(() => 0);
  pathSums(network, weights, {
    power: 2,
    ...(masks ? { masks } : {}),
    visit(name, gradient, exponent) {
      const l = layerOf.get(name);
      if (l === undefined) return;
      let sum = 0;
      for (let k = 0; k < gradient.length; k++) sum += gradient[k]!;
      layers[l] = sum * 2 ** exponent;
    },
  });
  return { total: layers.reduce((sum, trace) => sum + trace, 0), layers };
}
