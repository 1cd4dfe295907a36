/**
 * Multiply-adds of one example's way forward: one for each weight and each place of the output, of those at which the
 * weight's tap meets the input. Products with padding are counted only where they are asked for, as is usual in papers:
 *   out · in/groups · kh · kw · outHeight · outWidth.
 * A step of training takes twice as many again: one for the gradient of a weight, one for that of its input.
 */
import type { Masks } from "../masks/masks.ts";
import type { Network } from "../network/network.ts";
import type { Operation } from "../operations/registry.ts";
import { validRange } from "../operations/spatial.ts";

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
  /** Absent: every weight is kept. */
  readonly masks?: Masks;
  /** Counts products with padding too; false unless said otherwise. */
  readonly padding?: boolean;
}

/** O(weights); of convolutions and dense layers, everything else has no weights. */
export function multiplyAdds(network: Network, options: MultiplyAddOptions = {}): MultiplyAdds {
  const layers = network.prunable.map((parameter): LayerMultiplyAdds => {
    const { op, inputs, shape } = network.nodes[parameter.node]!;
    const places = placesByTap(op, network.nodes[inputs[0]!]!.shape, shape, options.padding ?? false);
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

/** For each weight of a kernel, row-major, the number of output places at which it counts. */
function placesByTap(
  op: Operation,
  inputShape: readonly number[],
  outputShape: readonly number[],
  padding: boolean,
): number[] {
  if (op.kind !== "conv2d") return [1];
  const along = (axis: 0 | 1): number[] => {
    const outputLength = outputShape[axis + 1]!;
    return Array.from({ length: op.kernel[axis] }, (_, tap) => {
      if (padding) return outputLength;
      const [first, end] = validRange(
        inputShape[axis + 1]!,
        outputLength,
        tap,
        op.stride[axis],
        op.padding[axis],
        op.dilation[axis],
      );
      return end - first;
    });
  };
  const columns = along(1);
  return along(0).flatMap((rows) => columns.map((count) => rows * count));
}

function keptProducts(mask: Uint8Array, places: readonly number[]): number {
  const keptByTap = new Float64Array(places.length);
  for (let k = 0; k < mask.length; ) {
    for (let tap = 0; tap < places.length; tap++, k++) keptByTap[tap]! += mask[k]!;
  }
  return sum(places.map((count, tap) => count * keptByTap[tap]!));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
