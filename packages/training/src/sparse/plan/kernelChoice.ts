/**
 * Chooses the kernel of a layer: kept weights along rows, kept weights pixel by pixel, or all weights by winograd.ts.
 * Times are estimates from constants measured once (docs/benchmarks.md, "Choice of kernels"): measured times would
 * make results depend on the computer.
 */
import type { Network } from "@phew/core";
import { planeOf } from "../../plane.ts";
import type { KeptWeights } from "../model/keptWeights.ts";
import type { WeightedOperation } from "../model/kernelTaps.ts";

/** `rows`: four kept weights at a time along rows; `pixels`: all kept weights of a unit, pixel by pixel. */
export type SparseKernel = "rows" | "pixels";
export type LayerKernel = SparseKernel | "winograd";

/** The kernel of each way. */
export interface SparseChoice {
  readonly forward: SparseKernel;
  readonly backward: SparseKernel;
}

/** A layer in the domain of winograd.ts is there both ways. */
export type LayerChoice = SparseChoice | "winograd";

export interface KernelCost {
  readonly kernel: LayerKernel;
  /** Nanoseconds for one image on one thread; backward: both gradients. */
  readonly forward: number;
  readonly backward: number;
}

export interface LayerSize {
  readonly op: WeightedOperation;
  readonly keptCount: number;
  readonly inUnits: number;
  readonly outUnits: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

export function layerSize(network: Network, node: number, weights: KeptWeights): LayerSize {
  const { shape, inputs } = network.nodes[node]!;
  const { height: outHeight, width: outWidth } = planeOf(shape);
  const { height: inHeight, width: inWidth } = planeOf(network.nodes[inputs[0]!]!.shape);
  const { op, count: keptCount, inUnits, outUnits } = weights;
  return { op, keptCount, inUnits, outUnits, inHeight, inWidth, outHeight, outWidth };
}

/** Nanoseconds of a multiply-add by a kept weight along rows, forward and (for two of them) backward. */
const ROWS_NS = [0.071, 0.129] as const;
/** The same if neighbours in a row are a stride apart, so that a run is one pixel. */
const STRIDED_ROWS_NS = [0.14, 0.33] as const;
/** Pixel by pixel; those with padding are left out. */
const PIXELS_NS = [0.085, 0.184] as const;
const STRIDED_PIXELS_NS = [0.17, 0.42] as const;
/** Nanoseconds of a multiply-add of the matrix products in the domain, both ways as above. */
const PRODUCT_NS = [0.053, 0.106] as const;
/** Nanoseconds of a tile of one unit: into the domain and out of it. */
const TRANSFORM_NS = [20, 42] as const;
const POINTS = 36;

/** What each kernel that can compute the layer would take. */
export function kernelCosts(size: LayerSize): readonly KernelCost[] {
  const { op, keptCount, inUnits, outUnits, outHeight, outWidth } = size;
  const cost = (kernel: LayerKernel, of: (way: 0 | 1) => number): KernelCost => ({
    kernel,
    forward: of(0),
    backward: of(1),
  });
  // volumes are computed pixel by pixel alone
  if (op.kind === "conv3d")
    return [cost("pixels", (way) => PIXELS_NS[way] * keptCount * outHeight * outWidth)];
  const isFlat = op.kind === "dense" && outHeight * outWidth === 1;
  const strided = op.kind === "conv2d" && op.stride[1] > 1;
  const pixels = strided ? STRIDED_PIXELS_NS : PIXELS_NS;
  const rows = strided ? STRIDED_ROWS_NS : ROWS_NS;
  const costs = [cost("rows", (way) => (isFlat ? PIXELS_NS : rows)[way] * keptCount * outHeight * outWidth)];
  if (isFlat) return costs;
  costs.push(cost("pixels", (way) => pixels[way] * keptCount * meetingPlaces(size)));
  if (keptCount > 0 && hasWinograd(op)) {
    const tiles = Math.ceil(outHeight / 4) * Math.ceil(outWidth / 4);
    costs.push(
      cost(
        "winograd",
        (way) =>
          tiles * (PRODUCT_NS[way] * POINTS * inUnits * outUnits + TRANSFORM_NS[way] * (inUnits + outUnits)),
      ),
    );
  }
  return costs;
}

/** @param wanted used wherever it can compute the layer; absent: the fastest */
export function quickestKernels(size: LayerSize, wanted?: LayerKernel): LayerChoice {
  const costs = kernelCosts(size);
  const given = costs.find(({ kernel }) => kernel === wanted)?.kernel;
  if (given !== undefined) return given === "winograd" ? given : { forward: given, backward: given };
  const least = (way: "forward" | "backward") =>
    costs.filter(isSparse).reduce((best, cost) => (cost[way] < best[way] ? cost : best));
  const [forward, backward] = [least("forward"), least("backward")];
  const whole = costs.find(({ kernel }) => kernel === "winograd");
  if (whole !== undefined && whole.forward + whole.backward < forward.forward + backward.backward)
    return "winograd";
  return { forward: forward.kernel, backward: backward.kernel };
}

const isSparse = (cost: KernelCost): cost is KernelCost & { readonly kernel: SparseKernel } =>
  cost.kernel !== "winograd";

/** Places of the output at which a tap meets the input and not its padding, as a mean over taps. */
function meetingPlaces({ op, inHeight, inWidth, outHeight, outWidth }: LayerSize): number {
  if (op.kind !== "conv2d") return outHeight * outWidth;
  const along = (axis: 0 | 1, inLength: number, outLength: number): number => {
    let met = 0;
    for (let tap = 0; tap < op.kernel[axis]; tap++) {
      for (let place = 0; place < outLength; place++) {
        const at = place * op.stride[axis] + tap * op.dilation[axis] - op.padding[axis];
        if (at >= 0 && at < inLength) met++;
      }
    }
    return met / op.kernel[axis];
  };
  return along(0, inHeight, outHeight) * along(1, inWidth, outWidth);
}

/** 3×3 kernels that meet every place. */
function hasWinograd(op: WeightedOperation): boolean {
  if (op.kind !== "conv2d" || op.groups !== 1) return false;
  const ones = [...op.stride, ...op.dilation].every((v) => v === 1);
  return ones && op.kernel.every((v) => v === 3) && op.padding.every((v) => v <= 2);
}
