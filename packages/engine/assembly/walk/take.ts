/**
 * Second pass over the walks at a layer: from the chosen kernel to the kept edge, which is stored in the walk's edge
 * ids, and to the unit that the kernel leads to, which is stored in the bucket's entry.
 */
import { UNIFORM } from "./bias";
import { drawExactly, drawNine, drawNineByTable } from "./kernel";
import { Bucket, chosen, edgeCounts, edgeIds, Layer, levelBytes } from "./layout";

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

/** How the weight inside the kernel is found; literals, so that each has its own loop. */
const ONLY_ONE: u32 = 0;
const WHOLE: u32 = 1;
const EXACTLY: u32 = 2;
const NINE: u32 = 3;
const NINE_BY_TABLE: u32 = 4;

/** Kernels of one weight. */
export function takeSingles(layer: Layer, bucket: Bucket, forward: bool): void {
  take(layer, bucket, forward, ONLY_ONE, 0);
}

/** All weights of each kernel. */
export function takeKernels(layer: Layer, bucket: Bucket, forward: bool): void {
  take(layer, bucket, forward, WHOLE, 0);
}

/** One weight of each kernel. @param mode a literal */
@inline
export function takeWeights(layer: Layer, bucket: Bucket, forward: bool, mode: u32): void {
  if (layer.kernelSize != 9) take(layer, bucket, forward, EXACTLY, mode);
  else if (mode == UNIFORM || layer.nineTable == 0) take(layer, bucket, forward, NINE, mode);
  else take(layer, bucket, forward, NINE_BY_TABLE, mode);
}

@inline
function take(layer: Layer, bucket: Bucket, forward: bool, how: u32, mode: u32): void {
  const entries = bucket.entries;
  const perUnit = unitStep(layer, forward);
  const perRow = rowStep(layer, forward);
  const perGroup = groupStep(layer, forward);
  const groupSize = forward ? layer.inPerGroup : layer.outPerGroup;
  const n = forward ? layer.outPerGroup : layer.inPerGroup;
  const grouped = layer.groups > 1;
  const kernelSize = layer.kernelSize;
  const firstEdge = layer.firstEdge;
  const weight = layer.weight;
  const table = layer.nineTable;
  const level = <usize>layer.level * levelBytes;
  const ids = edgeIds + level;
  const sizes = edgeCounts + level;
  const choices = chosen;
  const bytes = (<usize>bucket.count) << 3;
  for (let at: usize = 0; at < bytes; at += 8) {
    const entry = load<u64>(entries + at);
    const unit = <u32>(entry >> 32);
    const choice = load<u64>(choices + at);
    const j = <u32>choice;
    const group = grouped ? unit / groupSize : 0;
    const kernel = unit * perUnit + j * perRow + group * perGroup;
    store<u32>(entries + at, group * n + j, 4);
    const slot = (<usize>(<u32>entry)) << 2;
    let edge = firstEdge + kernel * kernelSize;
    const bits = <u32>(choice >> 32);
    if (how == EXACTLY) edge += drawExactly(weight, kernel, kernelSize, mode, bits);
    if (how == NINE) edge += drawNine(weight, kernel, mode, bits);
    if (how == NINE_BY_TABLE) edge += drawNineByTable(table, weight, kernel, mode, bits);
    store<u32>(ids + slot, edge);
    if (how == WHOLE) store<u32>(sizes + slot, kernelSize);
  }
}
