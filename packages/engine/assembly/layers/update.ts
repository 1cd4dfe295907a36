/**
 * Stochastic gradient descent on kept weights:  g ← ∂L/∂θ + λθ;  v ← μv + g;  θ ← θ − η(g + μv) with Nesterov, else θ − ηv
 * Sums of shards are added in their order. Threads share the weights of a layer.
 */
import { batchNow, blockOf, shard, shareStart, tensorAt, thread } from "./layout";

@unmanaged
class WeightUpdate {
  /** {u32, f32 weight} in the order of the gradient: of the way back. */
  entries: usize;
  entryCount: u32;
  /** The same weights in the order of the way there, and where each entry stands in it: u32[entries]. */
  forwardEntries: usize;
  order: usize;
  /** f32[entries] */
  momentum: usize;
  /** f32[shards][entries] */
  weightGradient: usize;
  shardBytes: usize;
}

export function updateWeights(record: usize, _block: u32): void {
  const op = changetype<WeightUpdate>(record);
  const batch = batchNow();
  const rate = batch.rate;
  const friction = batch.momentum;
  const decay = batch.weightDecay;
  const nesterov = batch.nesterov != 0;
  const shards = batch.shards;
  for (let k = shareStart(op.entryCount, thread), end = shareStart(op.entryCount, thread + 1); k < end; k++) {
    const at = <usize>k << 2;
    let g: f32 = 0;
    for (let s: u32 = 0; s < shards; s++) g += load<f32>(op.weightGradient + <usize>s * op.shardBytes + at);
    const weight = load<f32>(op.entries + (at << 1), 4);
    g += decay * weight;
    const v = friction * load<f32>(op.momentum + at) + g;
    const updated = weight - rate * (nesterov ? g + friction * v : v);
    store<f32>(op.momentum + at, v);
    store<f32>(op.entries + (at << 1), updated, 4);
    store<f32>(op.forwardEntries + (<usize>load<u32>(op.order + at) << 3), updated, 4);
  }
}

/** Biases, batch-normalisation scales and shifts, and weights that have no gradient. */
@unmanaged
class ParameterUpdate {
  /** f32[count] each. */
  values: usize;
  momentum: usize;
  count: u32;
  /** f64[blocks][count], elementBytes apart; 0 where the gradient is 0. */
  partial: usize;
  blockBytes: usize;
  elementBytes: usize;
  /** f32[count] that the gradient is multiplied with, or 0. */
  factor: usize;
}

export function updateParameters(record: usize, _block: u32): void {
  const op = changetype<ParameterUpdate>(record);
  const batch = batchNow();
  for (let k = shareStart(op.count, thread), end = shareStart(op.count, thread + 1); k < end; k++) {
    const at = <usize>k << 2;
    const value = load<f32>(op.values + at);
    const g = parameterGradient(op, k) + batch.weightDecay * value;
    const v = batch.momentum * load<f32>(op.momentum + at) + g;
    store<f32>(op.momentum + at, v);
    store<f32>(op.values + at, value - batch.rate * (batch.nesterov ? g + batch.momentum * v : v));
  }
}

@inline
function parameterGradient(op: ParameterUpdate, k: u32): f32 {
  if (op.partial == 0) return 0;
  let sum: f64 = 0;
  for (let block: u32 = 0; block < batchNow().blocks; block++) {
    sum += load<f64>(op.partial + <usize>block * op.blockBytes + <usize>k * op.elementBytes);
  }
  return <f32>(op.factor ? sum * load<f32>(op.factor + (<usize>k << 2)) : sum);
}

@unmanaged
class ClearShard {
  /** f32[shards][count] */
  sums: usize;
  bytes: usize;
  shardBytes: usize;
}

/** Sums of this shard start at 0. */
export function clearShard(record: usize, _block: u32): void {
  const op = changetype<ClearShard>(record);
  memory.fill(op.sums + <usize>shard * op.shardBytes, 0, op.bytes);
}

@unmanaged
class UnitSums {
  /** Tensor record. */
  gradient: usize;
  /** f64[blocks][units] */
  partial: usize;
}

/** Σ of each unit over one block: the gradient of a bias. Padding lanes are 0. */
export function unitSums(record: usize, block: u32): void {
  const op = changetype<UnitSums>(record);
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
