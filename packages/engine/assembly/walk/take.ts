/**
 * Second pass over the walks at a layer: from the kernel chosen to the edge conserved, which goes into the walk's row
 * of edge ids, and to the unit that the kernel leads to, which goes into the bucket's entry.
 */
import { drawInKernel } from "./kernel";
import { Bucket, chosen, edgeCounts, edgeIds, Layer, levelCount } from "./layout";

/** Kernel j of a unit's row is unit · unitStep + j · rowStep + group · groupStep. */
@inline
function unitStep(layer: Layer, forward: bool): u32 {
  return forward ? 1 : layer.inPerGroup;
}

@inline
function rowStep(layer: Layer, forward: bool): u32 {
  return forward ? layer.inPerGroup : 1;
}

@inline
function groupStep(layer: Layer, forward: bool): u32 {
  return forward ? layer.inPerGroup * (layer.outPerGroup - 1) : 0;
}

/** Kernels of one weight. */
export function takeSingles(layer: Layer, bucket: Bucket, forward: bool): void {
  take(layer, bucket, forward, false, false, 0);
}

/** One weight of each kernel. @param mode a literal, so that each has a loop of its own */
@inline
export function takeWeights(layer: Layer, bucket: Bucket, forward: bool, mode: u32): void {
  take(layer, bucket, forward, true, false, mode);
}

/** All weights of each kernel. */
export function takeKernels(layer: Layer, bucket: Bucket, forward: bool): void {
  take(layer, bucket, forward, false, true, 0);
}

@inline
function take(layer: Layer, bucket: Bucket, forward: bool, draws: bool, whole: bool, mode: u32): void {
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const perUnit = unitStep(layer, forward);
  const perRow = rowStep(layer, forward);
  const perGroup = groupStep(layer, forward);
  const groupSize = forward ? layer.inPerGroup : layer.outPerGroup;
  const n = forward ? layer.outPerGroup : layer.inPerGroup;
  const grouped = layer.groups > 1;
  const kernelSize = layer.kernelSize;
  const firstEdge = layer.firstEdge;
  const weight = layer.weight;
  const stride = (<usize>levelCount) << 2;
  const level = (<usize>layer.level) << 2;
  const ids = edgeIds + level;
  const sizes = edgeCounts + level;
  const choices = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const entry = load<u64>(entries + at);
    const unit = <u32>(entry >> 32);
    const choice = load<u64>(choices + at);
    const j = <u32>choice;
    const group = grouped ? unit / groupSize : 0;
    const kernel = unit * perUnit + j * perRow + group * perGroup;
    store<u32>(entries + at, group * n + j, 4);
    const row = <usize>(<u32>entry) * stride;
    let edge = firstEdge + kernel * kernelSize;
    if (draws) edge += drawInKernel(weight, kernel, kernelSize, mode, <u32>(choice >> 32));
    store<u32>(ids + row, edge);
    if (whole) store<u32>(sizes + row, kernelSize);
  }
}
