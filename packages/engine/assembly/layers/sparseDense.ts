/**
 * Dense layers over kept weights only, one pixel per unit:
 *   y[o] = bias[o] + Σ_{kept i} w · x[i]          (and its transpose: ∂L/∂x[i] = Σ_{kept o} w · ∂L/∂y[o])
 * The sums of a unit stay in registers during the loop over its entries.
 */
import { blockOf, shard, tensorAt } from "./layout";
import { sumLanes, sumLanes4 } from "./sumLanes";

@unmanaged
export class SparseDense {
  /** Tensor records. */
  input: usize;
  output: usize;
  /** u32[output units + 1] */
  rowStart: usize;
  /** {u32 bytes of the input unit from the block's origin, f32 weight} */
  entries: usize;
  /** f32[output units], or 0. */
  bias: usize;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

@kernel
export function sparseDense(op: SparseDense, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = output.pixelBytes;
  const units = output.units;
  const outUnit = output.unitBytes;
  const rowStart = op.rowStart;
  const entries = op.entries;
  const bias = op.bias;
  const accumulate = op.accumulate != 0;
  const x = blockOf(input, block);
  let out = blockOf(output, block);
  let start = entries + (<usize>load<u32>(rowStart) << 3);
  for (let o: u32 = 0; o < units; o++) {
    const end = entries + (<usize>load<u32>(rowStart + ((<usize>o + 1) << 2)) << 3);
    const value = bias ? v128.load_splat<f32>(bias + (<usize>o << 2)) : f32x4.splat(0);
    let lane: usize = 0;
    for (; lane + 64 <= pixel; lane += 64) sumFour(x + lane, start, end, value, out + lane, accumulate);
    for (; lane < pixel; lane += 16) sumOne(x + lane, start, end, value, out + lane, accumulate);
    start = end;
    out += outUnit;
  }
}

@inline
function sumFour(x: usize, entry: usize, end: usize, value: v128, out: usize, accumulate: bool): void {
  let a0 = value;
  let a1 = value;
  let a2 = value;
  let a3 = value;
  if (accumulate) {
    a0 = f32x4.add(a0, v128.load(out));
    a1 = f32x4.add(a1, v128.load(out, 16));
    a2 = f32x4.add(a2, v128.load(out, 32));
    a3 = f32x4.add(a3, v128.load(out, 48));
  }
  if ((end - entry) & 8) {
    const p = x + load<u32>(entry);
    const w = v128.load_splat<f32>(entry, 4);
    a0 = multiplyAdd(w, v128.load(p), a0);
    a1 = multiplyAdd(w, v128.load(p, 16), a1);
    a2 = multiplyAdd(w, v128.load(p, 32), a2);
    a3 = multiplyAdd(w, v128.load(p, 48), a3);
    entry += 8;
  }
  for (; entry < end; entry += 16) {
    const p = x + load<u32>(entry);
    const q = x + load<u32>(entry, 8);
    const w = v128.load_splat<f32>(entry, 4);
    const u = v128.load_splat<f32>(entry, 12);
    // in descending order: the compiler then places each load next to its use
    a3 = multiplyAdd(u, v128.load(q, 48), multiplyAdd(w, v128.load(p, 48), a3));
    a2 = multiplyAdd(u, v128.load(q, 32), multiplyAdd(w, v128.load(p, 32), a2));
    a1 = multiplyAdd(u, v128.load(q, 16), multiplyAdd(w, v128.load(p, 16), a1));
    a0 = multiplyAdd(u, v128.load(q), multiplyAdd(w, v128.load(p), a0));
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
}

@inline
function sumOne(x: usize, entry: usize, end: usize, value: v128, out: usize, accumulate: bool): void {
  let sum = accumulate ? f32x4.add(value, v128.load(out)) : value;
  for (; entry < end; entry += 8) {
    sum = multiplyAdd(v128.load_splat<f32>(entry, 4), v128.load(x + load<u32>(entry)), sum);
  }
  v128.store(out, sum);
}

/** ∂L/∂w = Σ_images x[i] · ∂L/∂y[o] for every kept weight, added to this shard's row. */
@unmanaged
export class SparseDenseWeightGradient {
  /** Tensor records. */
  input: usize;
  outputGradient: usize;
  /** u32[input units + 1] */
  rowStart: usize;
  /** {u32 bytes of the output unit from the block's origin, f32 weight} */
  entries: usize;
  /** f32[shards][entries] */
  weightGradient: usize;
  shardBytes: usize;
}

@kernel
export function sparseDenseWeightGradient(op: SparseDenseWeightGradient, block: u32): void {
  const input = tensorAt(op.input);
  const outputGradient = tensorAt(op.outputGradient);
  const pixel = input.pixelBytes;
  const units = input.units;
  const inUnit = input.unitBytes;
  const rowStart = op.rowStart;
  const entries = op.entries;
  const weightGradient = op.weightGradient + <usize>shard * op.shardBytes;
  const g = blockOf(outputGradient, block);
  let x = blockOf(input, block);
  let start = entries + (<usize>load<u32>(rowStart) << 3);
  for (let i: u32 = 0; i < units; i++) {
    const end = entries + (<usize>load<u32>(rowStart + ((<usize>i + 1) << 2)) << 3);
    let lane: usize = 0;
    for (; lane + 64 <= pixel; lane += 64) multiplyFour(x + lane, g + lane, start, end, entries, weightGradient);
    for (; lane < pixel; lane += 16) multiplyOne(x + lane, g + lane, start, end, entries, weightGradient);
    start = end;
    x += inUnit;
  }
}

@inline
export function multiplyFour(x: usize, g: usize, entry: usize, end: usize, entries: usize, weightGradient: usize): void {
  if (entry == end) return;
  const x0 = v128.load(x);
  const x1 = v128.load(x, 16);
  const x2 = v128.load(x, 32);
  const x3 = v128.load(x, 48);
  for (; entry + 32 <= end; entry += 32) {
    const sums = weightGradient + ((entry - entries) >> 1);
    const s0 = product(x0, x1, x2, x3, g + load<u32>(entry));
    const s1 = product(x0, x1, x2, x3, g + load<u32>(entry, 8));
    const s2 = product(x0, x1, x2, x3, g + load<u32>(entry, 16));
    const s3 = product(x0, x1, x2, x3, g + load<u32>(entry, 24));
    v128.store(sums, f32x4.add(v128.load(sums), sumLanes4(s0, s1, s2, s3)));
  }
  for (; entry < end; entry += 8) {
    const sums = weightGradient + ((entry - entries) >> 1);
    store<f32>(sums, load<f32>(sums) + sumLanes(product(x0, x1, x2, x3, g + load<u32>(entry))));
  }
}

@inline
export function product(x0: v128, x1: v128, x2: v128, x3: v128, g: usize): v128 {
  const sum = multiplyAdd(x1, v128.load(g, 16), f32x4.mul(x0, v128.load(g)));
  return multiplyAdd(x3, v128.load(g, 48), multiplyAdd(x2, v128.load(g, 32), sum));
}

@inline
export function multiplyOne(x: usize, g: usize, entry: usize, end: usize, entries: usize, weightGradient: usize): void {
  const xv = v128.load(x);
  for (; entry < end; entry += 8) {
    const sums = weightGradient + ((entry - entries) >> 1);
    store<f32>(sums, load<f32>(sums) + sumLanes(f32x4.mul(xv, v128.load(g + load<u32>(entry)))));
  }
}
