/**
 * Which kernel computes a layer: by kept weights alone, or all weights at once in the domain of winograd.ts. Times are
 * estimates from constants that were measured once (docs/benchmarks.md): a choice made by a clock would make results
 * depend on the machine.
 */
import type { Network } from "@phew/core";
import type { KeptWeights } from "./keptWeights.ts";
import type { WeightedOperation } from "./kernelTaps.ts";

export type LayerKernel = "sparse" | "winograd";

export interface KernelCost {
  readonly kernel: LayerKernel;
  /** Nanoseconds of forward and backward pass for one image on one thread. */
  readonly nanoseconds: number;
}

export interface LayerSize {
  readonly op: WeightedOperation;
  readonly keptCount: number;
  readonly inUnits: number;
  readonly outUnits: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

export function layerSize(network: Network, node: number, weights: KeptWeights): LayerSize {
  const [, outHeight = 1, outWidth = 1] = network.nodes[node]!.shape;
  const { op, count: keptCount, inUnits, outUnits } = weights;
  return { op, keptCount, inUnits, outUnits, outHeight, outWidth };
}

/** @param wanted taken wherever it can compute the layer */
export function quickestKernel(size: LayerSize, wanted?: LayerKernel): LayerKernel {
  const costs = kernelCosts(size);
  return (costs.find(({ kernel }) => kernel === wanted) ?? costs[0]!).kernel;
}

/** Nanoseconds of a multiply-add by a kept weight; it is done three times, once forward and twice back. */
const SPARSE_NS = 0.071;
/** Nanoseconds of a multiply-add of the matrix products in the domain. */
const PRODUCT_NS = 0.056;
/** Nanoseconds of a tile of one unit: into the domain and out of it, by all passes. */
const TRANSFORM_NS = 170;
const POINTS = 36;

/** What each kernel that can compute the layer would take, quickest first. */
export function kernelCosts(size: LayerSize): readonly KernelCost[] {
  const { keptCount, inUnits, outUnits, outHeight, outWidth } = size;
  const costs: KernelCost[] = [
    { kernel: "sparse", nanoseconds: 3 * SPARSE_NS * keptCount * outHeight * outWidth },
  ];
  if (keptCount > 0 && hasWinograd(size.op)) {
    const tiles = Math.ceil(outHeight / 4) * Math.ceil(outWidth / 4);
    const products = 3 * PRODUCT_NS * POINTS * inUnits * outUnits;
    costs.push({
      kernel: "winograd",
      nanoseconds: tiles * (products + TRANSFORM_NS * (inUnits + outUnits)),
    });
  }
  return costs.sort((a, b) => a.nanoseconds - b.nanoseconds);
}

/** 3×3 kernels that meet every place. */
function hasWinograd(op: WeightedOperation): boolean {
  if (op.kind !== "conv2d" || op.groups !== 1) return false;
  const ones = [...op.stride, ...op.dilation].every((v) => v === 1);
  return ones && op.kernel.every((v) => v === 3) && op.padding.every((v) => v <= 2);
}
