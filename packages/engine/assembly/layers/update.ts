/**
 * The end of a training step: gradients are summed and checked, and nothing is updated if one is not finite; then the
 * optimiser's kernel updates weights and parameters (sgd.ts and others in this folder). Threads share the elements of
 * a parameter.
 */
import { batchNow, blockOf, firstOfShard, shard, shareStart, tensorAt, thread } from "./layout";

@unmanaged
export class ShardSum {
  /** f32[shards][count], added in their order. */
  gradient: usize;
  count: u32;
  shardBytes: usize;
  /** u32[2]: set if a sum is not finite, this parameter's and the program's. */
  faulty: usize;
  stop: usize;
  /** f32[count]: target of the sums; 0: the first row. */
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
  /** f32[units], factors of the sums, or 0. */
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

/**
 * Elements that an optimiser's kernel updates: kept weights, or those of a bias, scale or shift. Threads share them.
 */
@unmanaged
export class Update {
  /** f32[count], `stride` bytes apart. */
  values: usize;
  stride: u32;
  count: u32;
  /** f32[count]; 0: all are 0. */
  gradient: usize;
  /** f32[buffers of the optimiser][count], 0 at first. */
  state: usize;
  /** {u32, f32 value} in another order, and each element's index there, u32[count]; or 0. */
  copies: usize;
  order: usize;
}

/** This thread's elements are from … to − 1 */
@inline
export function firstOf(op: Update): u32 {
  return shareStart(op.count, thread);
}

@inline
export function endOf(op: Update): u32 {
  return shareStart(op.count, thread + 1);
}

@inline
export function valueAt(op: Update, k: u32): f32 {
  return load<f32>(op.values + <usize>k * op.stride);
}

@inline
export function setValue(op: Update, k: u32, value: f32): void {
  store<f32>(op.values + <usize>k * op.stride, value);
  if (op.order) store<f32>(op.copies + (<usize>load<u32>(op.order + (<usize>k << 2)) << 3), value, 4);
}

@inline
export function gradientAt(op: Update, k: u32): f32 {
  return op.gradient ? load<f32>(op.gradient + (<usize>k << 2)) : 0;
}

/** Address of a number's state in one of the optimiser's buffers. */
@inline
export function stateAt(op: Update, buffer: u32, k: u32): usize {
  return op.state + ((<usize>buffer * op.count + k) << 2);
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
