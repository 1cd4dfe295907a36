/**
 * Multiply-adds of one example's forward pass: one for each weight and each output position at which the weight's tap
 * lies inside the input. With `padding`, products with padding count too, as is usual in papers:
 *   out · in/groups · kh · kw · outHeight · outWidth.
 * A training step takes three times as many: forward, the gradients of the weights, and the gradients of the inputs.
 */
import type { Masks } from "../masks/masks.ts";
import type { Network } from "../network/network.ts";
import { weightFlows } from "../network/unitFlow.ts";

export interface LayerMultiplyAdds {
  /** Name of the layer's weight. */
  readonly name: string;
  /** Of the whole layer, and of its kept weights. */
  readonly dense: number;
  readonly kept: number;
}

export interface MultiplyAdds {
  /** In the order of `network.prunable`. */
  readonly layers: readonly LayerMultiplyAdds[];
  readonly dense: number;
  readonly kept: number;
}

export interface MultiplyAddOptions {
  /** Absent: all weights are kept. */
  readonly masks?: Masks | undefined;
  /** Count products with padding too; default false. */
  readonly padding?: boolean | undefined;
}

/** O(weights). Operations without weights count as 0. */
export function multiplyAdds(network: Network, options: MultiplyAddOptions = {}): MultiplyAdds {
  const layers = weightFlows(network).map(({ parameter, placesByTap }): LayerMultiplyAdds => {
    const places = placesByTap(options.padding ?? false);
    const kernelCount = parameter.length / places.length;
    const dense = kernelCount * sum(places);
    const mask = options.masks?.of(parameter);
    return { name: parameter.name, dense, kept: mask === undefined ? dense : keptProducts(mask, places) };
  });
  return {
    layers,
    dense: sum(layers.map((layer) => layer.dense)),
    kept: sum(layers.map((layer) => layer.kept)),
  };
}

function keptProducts(mask: Uint8Array, places: readonly number[]): number {
  const keptByTap = new Float64Array(places.length);
  for (let k = 0; k < mask.length; ) {
    for (let tap = 0; tap < places.length; tap++, k++) keptByTap[tap]! += mask[k]!;
  }
  return sum(places.map((count, tap) => count * keptByTap[tap]!));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
