/**
 * Walks, batch by batch and layer by layer. The walks of a batch that go one way stand in buckets, one for each node;
 * a layer draws for its whole bucket at once, so that many cache misses are under way together. The draws of walk w
 * depend on (seed, w, node) alone; the batch leaves only a row of edge ids for each walk, and `commit` takes the rows
 * in walk order.
 */
import { drawAlias } from "./alias";
import { INVERSE, MAGNITUDE, SQUARE, UNIFORM } from "./bias";
import { leaveBackward, leaveForward } from "./fork";
import { drawInKernel } from "./kernel";
import {
  batchCapacity,
  biasMode,
  bucketAt,
  chosen,
  edgeCounts,
  edgeIds,
  everyLevel,
  inputCount,
  Layer,
  layerAt,
  layerCount,
  levelCount,
  NO_EDGE,
  outputCount,
  wholeKernels,
} from "./layout";
import { commit, kept } from "./mask";
import { below, drawCounter, key, mix, WALK_STEP, WALK_STREAM, wayCounter } from "./random";
import { SAMPLE_ALIAS, SAMPLE_UNIFORM } from "./samplers";

/** Directions as numbered in src/walker.ts. */
const ALTERNATE: u32 = 0;
const FORWARD: u32 = 1;

let walkKey: u64 = 0;
let direction: u32 = 0;
let walkCount: u64 = 0;

export function start(seed: f64, direction_: u32): void {
  walkKey = key(<u64>seed, WALK_STREAM);
  direction = direction_;
  walkCount = 0;
}

/** Walks committed so far. */
export function walks(): f64 {
  return <f64>walkCount;
}

/** Walks on until keepCount edges are conserved or maxWalkCount more walks are done. */
export function advance(keepCount: u32, maxWalkCount: f64): void {
  const limit = walkCount + <u64>maxWalkCount;
  while (kept() < keepCount && walkCount < limit) {
    const before = kept();
    const left = limit - walkCount;
    let count = batchSize(keepCount - before);
    if (<u64>count > left) count = <u32>left;
    walkBatch(walkCount, count);
    const taken = commit(count, keepCount);
    walkCount += taken;
    perWalk = max(<f64>(kept() - before) / <f64>taken, 0.25);
  }
}

/** New edges per walk of the last batch. */
let perWalk: f64 = 0;

/** Enough walks for what is missing at the last batch's rate, so that few are walked in vain at the end. */
function batchSize(missing: u32): u32 {
  const rate = perWalk > 0 ? perWalk : <f64>levelCount;
  const wanted = <f64>missing / rate + 1;
  return <u32>max(16, min(wanted, <f64>batchCapacity));
}

/** Edge ids of walks firstWalk … firstWalk + count − 1 into the rows of edgeIds. */
export function walkBatch(firstWalk: u64, count: u32): void {
  if (!everyLevel) memory.fill(edgeIds, 0xff, (<usize>count * levelCount) << 2);
  if (direction == ALTERNATE) {
    const odd = <u32>(firstWalk & 1);
    startForward(firstWalk, odd, 2, count);
    passForward(firstWalk);
    startBackward(firstWalk, odd ^ 1, 2, count);
    passBackward(firstWalk);
  } else if (direction == FORWARD) {
    startForward(firstWalk, 0, 1, count);
    passForward(firstWalk);
  } else {
    startBackward(firstWalk, 0, 1, count);
    passBackward(firstWalk);
  }
}

/** The edge ids of one walk stand in the first row afterwards. */
export function walkOne(walk: f64): void {
  walkBatch(<u64>walk, 1);
}

function startForward(firstWalk: u64, firstSlot: u32, step: u32, count: u32): void {
  startAt(0, inputCount, firstWalk, firstSlot, step, count);
}

function startBackward(firstWalk: u64, firstSlot: u32, step: u32, count: u32): void {
  startAt(layerCount + 1, outputCount, firstWalk, firstSlot, step, count);
}

/** The n-th walk of a direction starts at unit n mod unitCount. */
function startAt(node: u32, unitCount: u32, firstWalk: u64, firstSlot: u32, step: u32, count: u32): void {
  const bucket = bucketAt(node);
  let unit = <u32>((firstWalk + firstSlot) / step % unitCount);
  let at = bucket.entries;
  for (let slot = firstSlot; slot < count; slot += step) {
    store<u64>(at, <u64>slot | (<u64>unit << 32));
    at += 8;
    unit++;
    if (unit == unitCount) unit = 0;
  }
  bucket.count = <u32>((at - bucket.entries) >> 3);
}

function passForward(firstWalk: u64): void {
  leaveForward(0, wayCounter(walkKey, firstWalk, 0));
  for (let node: u32 = 1; node <= layerCount; node++) {
    if (bucketAt(node).count == 0) continue;
    drawLayer(node, drawCounter(walkKey, firstWalk, node), true);
    leaveForward(node, wayCounter(walkKey, firstWalk, node));
  }
}

function passBackward(firstWalk: u64): void {
  leaveBackward(layerCount + 1, wayCounter(walkKey, firstWalk, layerCount + 1));
  for (let node = layerCount; node >= 1; node--) {
    if (bucketAt(node).count == 0) continue;
    drawLayer(node, drawCounter(walkKey, firstWalk, node), false);
    leaveBackward(node, wayCounter(walkKey, firstWalk, node));
  }
}

/** Moves every walk at a layer across one of its kernels, and writes the edge that this conserves. */
function drawLayer(node: u32, counter: u64, forward: bool): void {
  const layer = layerAt(node - 1);
  const sampler = forward ? layer.forwardSampler : layer.backwardSampler;
  if (sampler == SAMPLE_ALIAS) {
    if (layer.kernelSize == 1) {
      if (forward) chooseKernels(node, layer, counter, true, SAMPLE_ALIAS, true);
      else chooseKernels(node, layer, counter, false, SAMPLE_ALIAS, true);
    } else {
      if (forward) chooseKernels(node, layer, counter, true, SAMPLE_ALIAS, false);
      else chooseKernels(node, layer, counter, false, SAMPLE_ALIAS, false);
    }
  } else {
    if (forward) chooseKernels(node, layer, counter, true, SAMPLE_UNIFORM, false);
    else chooseKernels(node, layer, counter, false, SAMPLE_UNIFORM, false);
  }
  if (wholeKernels) takeKernels(node, layer);
  else if (layer.kernelSize == 1) takeSingles(node, layer);
  else if (biasMode == MAGNITUDE) takeWeights(node, layer, MAGNITUDE);
  else if (biasMode == SQUARE) takeWeights(node, layer, SQUARE);
  else if (biasMode == UNIFORM) takeWeights(node, layer, UNIFORM);
  else takeWeights(node, layer, INVERSE);
}

/**
 * First pass: `chosen` gets the kernel, and above it the bits that draw inside the kernel; the entries get the unit
 * that the kernel leads to.
 * The unit is the high part of upper bits · n, its coin the low part, or, where nothing else needs them, the lower bits.
 */
@inline
function chooseKernels(
  node: u32,
  layer: Layer,
  counter: u64,
  forward: bool,
  sampler: u32,
  coinApart: bool,
): void {
  const bucket = bucketAt(node);
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const table = forward ? layer.forwardTable : layer.backwardTable;
  const inPerGroup = layer.inPerGroup;
  const outPerGroup = layer.outPerGroup;
  const perGroup = forward ? inPerGroup : outPerGroup;
  const n = forward ? outPerGroup : inPerGroup;
  const grouped = layer.groups > 1;
  const out = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const entry = load<u64>(entries + at);
    const unit = <u32>(entry >> 32);
    const z = mix(counter + (entry & 0xffffffff) * WALK_STEP);
    const product = (z >> 32) * <u64>n;
    let j = <u32>(product >> 32);
    if (sampler == SAMPLE_ALIAS) {
      j = drawAlias(table + ((<usize>unit * n) << 3), j, coinApart ? <u32>z : <u32>product);
    }
    const group = grouped ? unit / perGroup : 0;
    const kernel = forward
      ? (group * outPerGroup + j) * inPerGroup + unit - group * inPerGroup
      : unit * inPerGroup + j;
    store<u64>(out + at, <u64>kernel | (z << 32));
    store<u32>(entries + at, group * n + j, 4);
  }
}

@inline
function takeSingles(node: u32, layer: Layer): void {
  const bucket = bucketAt(node);
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const firstEdge = layer.firstEdge;
  const stride = (<usize>levelCount) << 2;
  const row = edgeIds + ((<usize>layer.level) << 2);
  const from = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    store<u32>(row + <usize>load<u32>(entries + at) * stride, firstEdge + load<u32>(from + at));
  }
}

@inline
function takeWeights(node: u32, layer: Layer, mode: u32): void {
  const bucket = bucketAt(node);
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const firstEdge = layer.firstEdge;
  const kernelSize = layer.kernelSize;
  const weight = layer.weight;
  const stride = (<usize>levelCount) << 2;
  const row = edgeIds + ((<usize>layer.level) << 2);
  const from = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const choice = load<u64>(from + at);
    const kernel = <u32>choice;
    const k = drawInKernel(weight, kernel, kernelSize, mode, <u32>(choice >> 32));
    store<u32>(row + <usize>load<u32>(entries + at) * stride, firstEdge + kernel * kernelSize + k);
  }
}

@inline
function takeKernels(node: u32, layer: Layer): void {
  const bucket = bucketAt(node);
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const firstEdge = layer.firstEdge;
  const kernelSize = layer.kernelSize;
  const stride = (<usize>levelCount) << 2;
  const level = (<usize>layer.level) << 2;
  const from = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const place = <usize>load<u32>(entries + at) * stride + level;
    store<u32>(edgeIds + place, firstEdge + load<u32>(from + at) * kernelSize);
    store<u32>(edgeCounts + place, kernelSize);
  }
}
