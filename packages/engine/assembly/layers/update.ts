/**
 * Stochastic gradient descent on kept weights:  g ← ∂L/∂θ + λθ;  v ← μv + g;  θ ← θ − η(g + μv) with Nesterov, else θ − ηv
 * First all gradients are summed and looked at; nothing is changed where one is not finite. Threads share the weights of
 * a layer.
 */
import { batchNow, blockOf, firstOfShard, shard, shareStart, tensorAt, thread } from "./layout";

@unmanaged
export class ShardSum {
  /** f32[shards][count], added in their order. */
  gradient: usize;
  count: u32;
  shardBytes: usize;
  /** u32[2]: set where a sum is not finite, this parameter's and the program's. */
  faulty: usize;
  stop: usize;
  /** f32[count]: what the sums are; 0: the first row becomes them. */
  sums: usize;
}

@kernel
export function sumShards(op: ShardSum, _block: u32): void {
  const shards = batchNow().shards;
  const gradient = op.gradient;
  const sums = op.sums ? op.sums : gradient;
  let wrong: f32 = 0;
  for (let k = shareStart(op.count, thread), end = shareStart(op.count, thread + 1); k < end; k++) {
    const at = gradient + (<usize>k << 2);
    let g = load<f32>(at);
    for (let s: u32 = 1; s < shards; s++) g += load<f32>(at + <usize>s * op.shardBytes);
    store<f32>(sums + (<usize>k << 2), g);
    // g − g is 0 unless g is not finite; NaN stays
    wrong += g - g;
  }
  if (wrong != 0) report(op.faulty, op.stop);
}

@unmanaged
export class UnitGradient {
  /** f32[units] */
  gradient: usize;
  units: u32;
  /** f64[blocks][units], elementBytes apart. */
  partial: usize;
  elementBytes: usize;
  /** f32[units] that the sums are multiplied with, or 0. */
  factor: usize;
  faulty: usize;
  stop: usize;
}

/** The gradient of a bias, scale or shift from the sums of all blocks. */
@kernel
export function sumUnits(op: UnitGradient, _block: u32): void {
  const blocks = batchNow().blocks;
  const blockBytes = <usize>op.units * op.elementBytes;
  let wrong: f32 = 0;
  for (let u = shareStart(op.units, thread), end = shareStart(op.units, thread + 1); u < end; u++) {
    let sum: f64 = 0;
    let partial = op.partial + <usize>u * op.elementBytes;
    for (let block: u32 = 0; block < blocks; block++) {
      sum += load<f64>(partial);
      partial += blockBytes;
    }
    const at = <usize>u << 2;
    const g = <f32>(op.factor ? sum * load<f32>(op.factor + at) : sum);
    store<f32>(op.gradient + at, g);
    wrong += g - g;
  }
  if (wrong != 0) report(op.faulty, op.stop);
}

/** NaN is not 0 either. */
@inline
function report(faulty: usize, stop: usize): void {
  atomic.store<u32>(faulty, 1);
  atomic.store<u32>(stop, 1);
}

@unmanaged
export class WeightUpdate {
  /** {u32, f32 weight} in the order of the gradient: of the way back. */
  entries: usize;
  entryCount: u32;
  /** The same weights in the order of the way forward, and where each entry stands in it, u32[entries]; or 0. */
  forwardEntries: usize;
  order: usize;
  /** f32[entries] each. */
  momentum: usize;
  gradient: usize;
}

@kernel
export function updateWeights(op: WeightUpdate, _block: u32): void {
  const batch = batchNow();
  const rate = batch.rate;
  const friction = batch.momentum;
  const decay = batch.weightDecay;
  const nesterov = batch.nesterov != 0;
  for (let k = shareStart(op.entryCount, thread), end = shareStart(op.entryCount, thread + 1); k < end; k++) {
    const at = <usize>k << 2;
    const weight = load<f32>(op.entries + (at << 1), 4);
    const g = load<f32>(op.gradient + at) + decay * weight;
    const v = friction * load<f32>(op.momentum + at) + g;
    const updated = weight - rate * (nesterov ? g + friction * v : v);
    store<f32>(op.momentum + at, v);
    store<f32>(op.entries + (at << 1), updated, 4);
    if (op.order) store<f32>(op.forwardEntries + (<usize>load<u32>(op.order + at) << 3), updated, 4);
  }
}

/** Biases, batch-normalisation scales and shifts, and weights that have no gradient. */
@unmanaged
export class ParameterUpdate {
  /** f32[count] each; gradient is 0 where all gradients are. */
  values: usize;
  momentum: usize;
  gradient: usize;
  count: u32;
}

@kernel
export function updateParameters(op: ParameterUpdate, _block: u32): void {
  const batch = batchNow();
  for (let k = shareStart(op.count, thread), end = shareStart(op.count, thread + 1); k < end; k++) {
    const at = <usize>k << 2;
    const value = load<f32>(op.values + at);
    const g = (op.gradient ? load<f32>(op.gradient + at) : 0) + batch.weightDecay * value;
    const v = batch.momentum * load<f32>(op.momentum + at) + g;
    store<f32>(op.momentum + at, v);
    store<f32>(op.values + at, value - batch.rate * (batch.nesterov ? g + batch.momentum * v : v));
  }
}

@unmanaged
export class ClearShard {
  /** f32[shards][count] */
  sums: usize;
  bytes: usize;
  shardBytes: usize;
}

/** Sums of this shard start at 0, before its first block. */
@kernel
export function clearShard(op: ClearShard, _block: u32): void {
  if (firstOfShard) memory.fill(op.sums + <usize>shard * op.shardBytes, 0, op.bytes);
}

@unmanaged
export class UnitSums {
  /** Tensor record. */
  gradient: usize;
  /** f64[blocks][units] */
  partial: usize;
}

/** Σ of each unit over one block: the gradient of a bias. Padding lanes are 0. */
@kernel
export function unitSums(op: UnitSums, block: u32): void {
  const gradient = tensorAt(op.gradient);
  const bytes = <usize>gradient.width * gradient.pixelBytes;
  let partial = op.partial + (<usize>(block * gradient.units) << 3);
  for (let u: u32 = 0; u < gradient.units; u++) {
    let sum: f64 = 0;
    let row = blockOf(gradient, block) + <usize>u * gradient.unitBytes;
    for (let y: u32 = 0; y < gradient.height; y++) {
      let lanes = f32x4.splat(0);
      for (let at: usize = 0; at < bytes; at += 16) lanes = f32x4.add(lanes, v128.load(row + at));
      sum += <f64>f32x4.extract_lane(lanes, 0) + <f64>f32x4.extract_lane(lanes, 1);
      sum += <f64>f32x4.extract_lane(lanes, 2) + <f64>f32x4.extract_lane(lanes, 3);
      row += gradient.rowBytes;
    }
    store<f64>(partial, sum);
    partial += 8;
  }
}
