/**
 * Path kernel trace:  Tr = Σ_e ∂R/∂θ²_e = Σ_paths Σ_{e on path} (π_path / θ_e)²,  π the product along a path, R the
 * sum of squared products. Paths are counted through units and positions, with the factors of pooling and batch
 * normalisation. Biases are on no path. The higher the trace, the faster gradient descent converges at first.
 * Share of weight e:  ∂R/∂θ²_e = Σ_{paths through e} (π_path / θ_e)².
 * @see Gebhart, Saxena & Schrater 2021, arXiv:2101.10552; computed by pathSums.ts
 */
import type { Masks } from "../masks/masks.ts";
import type { Network } from "../network/network.ts";
import type { Weights } from "../weights/weights.ts";
import { widePathSums } from "./pathSums.ts";
import { log10Of, numberOf, sumOfWide, type Wide, wide } from "./wide.ts";

export interface PathKernelTrace<Quantity = number> {
  readonly total: Quantity;
  /** Sum of the shares of each layer's kept weights, in the order of `network.prunable`; these sum to the total. */
  readonly layers: readonly Quantity[];
  /** R = Σ_paths π², computed in the same pass. */
  readonly squaredPathSum: Quantity;
}

/** 0 or Infinity for a number outside float64's range. @param masks absent: the trace of the dense network */
export function pathKernelTrace(network: Network, weights: Weights, masks?: Masks): PathKernelTrace {
  const { total, layers, squaredPathSum } = widePathKernelTrace(network, weights, masks);
  return {
    total: numberOf(total),
    layers: layers.map(numberOf),
    squaredPathSum: numberOf(squaredPathSum),
  };
}

/** The same with an unlimited exponent. */
export function widePathKernelTrace(
  network: Network,
  weights: Weights,
  masks?: Masks,
): PathKernelTrace<Wide> {
  const layers = network.prunable.map(() => wide(0));
  const squaredPathSum = visitShares(network, weights, masks, (l, share, exponent) => {
    let sum = 0;
    for (let k = 0; k < share.length; k++) sum += share[k]!;
    layers[l] = wide(sum, exponent);
  });
  return { total: sumOfWide(layers), layers, squaredPathSum };
}

/** Shares of the weights in the trace: values · 2^exponent; the exponent is 0 if float64 holds the greatest share. */
export interface PathKernelShares {
  /** Length network.prunableCount, in the order of `network.prunable`; 0 for removed weights. */
  readonly values: Float64Array;
  readonly exponent: number;
}

/**
 * Share of each weight in the trace; 0 or Infinity outside float64's range.
 * @param masks absent: the dense network
 * @returns length network.prunableCount, in the order of `network.prunable`; 0 for removed weights
 */
export function pathKernelShares(network: Network, weights: Weights, masks?: Masks): Float64Array {
  const { values, exponent } = widePathKernelShares(network, weights, masks);
  return exponent === 0 ? values : values.map((value) => numberOf({ value, exponent }));
}

/** The same with an unlimited exponent. */
export function widePathKernelShares(network: Network, weights: Weights, masks?: Masks): PathKernelShares {
  const values = new Float64Array(network.prunableCount);
  const exponents = network.prunable.map(() => 0);
  let greatest = wide(0);
  visitShares(network, weights, masks, (l, share, exponent) => {
    values.set(share, network.prunable[l]!.start);
    exponents[l] = exponent;
    const most = wide(
      share.reduce((a, b) => Math.max(a, b), 0),
      exponent,
    );
    if (log10Of(most) > log10Of(greatest)) greatest = most;
  });
  const common = Math.abs(greatest.exponent) < FAR ? 0 : greatest.exponent;
  for (const [l, { start, length }] of network.prunable.entries()) {
    const shift = exponents[l]! - common;
    if (shift === 0) continue;
    const layer = values.subarray(start, start + length);
    for (let k = 0; k < length; k++) layer[k] = numberOf({ value: layer[k]!, exponent: shift });
  }
  return { values, exponent: common };
}

// so far from the limits of float64 that values down to 2^-200 of the greatest keep full precision
const FAR = 800;

/** @param visit is given a layer's shares as multiples of 2^exponent @returns R */
function visitShares(
  network: Network,
  weights: Weights,
  masks: Masks | undefined,
  visit: (layer: number, share: Float64Array, exponent: number) => void,
): Wide {
  const layerOf = new Map(network.prunable.map(({ name }, l) => [name, l]));
  return widePathSums(network, weights, {
    power: 2,
    masks,
    visit(name, gradient, exponent) {
      const l = layerOf.get(name);
      if (l !== undefined) visit(l, gradient, exponent);
    },
  });
}
