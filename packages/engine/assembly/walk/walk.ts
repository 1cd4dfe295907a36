/**
 * Walks, batch by batch and layer by layer. The walks of a batch in one direction wait in buckets, one per node; a
 * layer draws for its whole bucket at once, so that many cache misses overlap. The draws of walk w depend only on
 * (seed, w, node); the batch produces the edge ids of each walk, and `commit` keeps them in walk order.
 */
import { INVERSE, MAGNITUDE, SQUARE, UNIFORM } from "./bias";
import { chooseByAlias, chooseByRejection, chooseUniformly } from "./choose";
import { leaveBackward, leaveForward } from "./fork";
import { makeNineTable } from "./kernel";
import {
  batchCapacity,
  biasMode,
  bucketAt,
  edgeIds,
  everyLevel,
  inputCount,
  layerAt,
  layerCount,
  levelBytes,
  levelCount,
  outputCount,
  wholeKernels,
} from "./layout";
import { commit, kept } from "./mask";
import { counterOf, DRAW_SLOT, key, WALK_STREAM, WAY_SLOT } from "./random";
import { SAMPLE_ALIAS, SAMPLE_REJECT } from "./samplers";
import { takeKernels, takeSingles, takeWeights } from "./take";

/** @host */
export const ALTERNATE: u32 = 0;
/** @host */
export const FORWARD: u32 = 1;
/** @host */
export const BACKWARD: u32 = 2;

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

/** Walks until keepCount edges are kept or maxWalkCount more walks are done. */
export function advance(keepCount: u32, maxWalkCount: f64): void {
  const limit = walkCount + <u64>maxWalkCount;
  if (kept() < keepCount) prepareKernels(keepCount - kept());
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

let kernelsPrepared: bool = false;

/** Tables inside kernels pay off if a kernel is drawn about once or more; they change no walk. */
function prepareKernels(missing: u32): void {
  if (kernelsPrepared || wholeKernels || biasMode == UNIFORM) return;
  let kernelCount: u64 = 0;
  for (let l: u32 = 0; l < layerCount; l++) {
    const layer = layerAt(l);
    if (layer.ninePlace != 0) kernelCount += <u64>layer.outCount * layer.inPerGroup;
  }
  if (<u64>missing < kernelCount) return;
  kernelsPrepared = true;
  for (let l: u32 = 0; l < layerCount; l++) {
    const layer = layerAt(l);
    if (layer.ninePlace == 0) continue;
    makeNineTable(layer.weight, layer.outCount * layer.inPerGroup, layer.ninePlace, biasMode);
    layer.nineTable = layer.ninePlace;
  }
}

/** New edges per walk of the last batch. */
let perWalk: f64 = 0;

/** Enough walks for the missing edges at the last batch's rate, so that few are wasted at the end. */
function batchSize(missing: u32): u32 {
  const rate = perWalk > 0 ? perWalk : <f64>levelCount;
  const wanted = <f64>missing / rate + 1;
  return <u32>min(max(wanted, 16), <f64>batchCapacity);
}

/** Edge ids of walks firstWalk … firstWalk + count − 1 into edgeIds. */
function walkBatch(firstWalk: u64, count: u32): void {
  if (!everyLevel) clearLevels(count);
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

/** NO_EDGE at every level of the batch's walks. */
function clearLevels(count: u32): void {
  for (let level: u32 = 0; level < levelCount; level++) {
    memory.fill(edgeIds + levelBytes * level, 0xff, (<usize>count) << 2);
  }
}

/** Afterwards the edge ids of one walk are at the head of each level. */
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
  leaveForward(0, counterOf(walkKey, firstWalk, 0, WAY_SLOT));
  for (let node: u32 = 1; node <= layerCount; node++) {
    if (bucketAt(node).count == 0) continue;
    drawLayer(node, firstWalk, true);
    leaveForward(node, counterOf(walkKey, firstWalk, node, WAY_SLOT));
  }
}

function passBackward(firstWalk: u64): void {
  leaveBackward(layerCount + 1, counterOf(walkKey, firstWalk, layerCount + 1, WAY_SLOT));
  for (let node = layerCount; node >= 1; node--) {
    if (bucketAt(node).count == 0) continue;
    drawLayer(node, firstWalk, false);
    leaveBackward(node, counterOf(walkKey, firstWalk, node, WAY_SLOT));
  }
}

/** Moves every walk at a layer across one of its kernels, and writes the edge that it keeps. */
function drawLayer(node: u32, firstWalk: u64, forward: bool): void {
  const layer = layerAt(node - 1);
  const bucket = bucketAt(node);
  const sampler = forward ? layer.forwardSampler : layer.backwardSampler;
  const counter = counterOf(walkKey, firstWalk, node, DRAW_SLOT);
  if (sampler == SAMPLE_REJECT) chooseByRejection(layer, bucket, counter, forward);
  else if (sampler == SAMPLE_ALIAS) chooseByAlias(layer, bucket, counter, forward);
  else chooseUniformly(layer, bucket, counter, forward);
  if (wholeKernels) takeKernels(layer, bucket, forward);
  else if (layer.kernelSize == 1) takeSingles(layer, bucket, forward);
  else if (biasMode == MAGNITUDE) takeWeights(layer, bucket, forward, MAGNITUDE);
  else if (biasMode == SQUARE) takeWeights(layer, bucket, forward, SQUARE);
  else if (biasMode == UNIFORM) takeWeights(layer, bucket, forward, UNIFORM);
  else takeWeights(layer, bucket, forward, INVERSE);
}
