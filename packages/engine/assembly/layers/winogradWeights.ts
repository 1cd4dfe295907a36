/**
 * Transforms kernels into the domain of winograd.ts, and their gradients back. Both use a dense [9][units] row per
 * output unit: kept weights are scattered into it, and gradients of kept weights are gathered from it.
 */
import { batchNow, shareStart, thread } from "./layout";

@unmanaged
export class WinogradWeights {
  /** {u32 tap · inUnits + input unit, f32 weight} by output unit. */
  entries: usize;
  rowStart: usize;
  outUnits: u32;
  inUnits: u32;
  /** f32[36][outUnits][inUnits], or with rotated kernels f32[36][inUnits][outUnits] for the backward pass. */
  weights: usize;
  turned: u32;
  /** f32[threads][9][inUnits], each thread's bytes apart. */
  rows: usize;
  rowBytes: usize;
}

/** G w Gᵀ of every kernel. Threads share the output units. */
@kernel
export function winogradWeights(op: WinogradWeights, _block: u32): void {
  const inUnits = op.inUnits;
  const unitBytes = <usize>inUnits << 2;
  const row = op.rows + <usize>thread * op.rowBytes;
  const pointBytes = <usize>op.outUnits * unitBytes;
  for (let o = shareStart(op.outUnits, thread), end = shareStart(op.outUnits, thread + 1); o < end; o++) {
    memory.fill(row, 0, 9 * unitBytes);
    const last = load<u32>(op.rowStart + ((<usize>o + 1) << 2));
    for (let e = load<u32>(op.rowStart + (<usize>o << 2)); e < last; e++) {
      const entry = op.entries + (<usize>e << 3);
      store<f32>(row + (<usize>load<u32>(entry) << 2), load<f32>(entry, 4));
    }
    let i: u32 = 0;
    if (op.turned) {
      // rotated: from the last tap, with a large stride between output units
      const from = row + 8 * unitBytes;
      const to = op.weights + (<usize>o << 2);
      const unitStep = <usize>op.outUnits << 2;
      for (; i < inUnits; i++) {
        transformKernels(from + (<usize>i << 2), 0 - unitBytes, to + <usize>i * unitStep, pointBytes, 1);
      }
    } else {
      const to = op.weights + <usize>o * unitBytes;
      for (; i + 4 <= inUnits; i += 4) {
        transformKernels(row + (<usize>i << 2), unitBytes, to + (<usize>i << 2), pointBytes, 4);
      }
      for (; i < inUnits; i++) transformKernels(row + (<usize>i << 2), unitBytes, to + (<usize>i << 2), pointBytes, 1);
    }
  }
}

/** Loads `n` floats, 4 or 1. */
@inline
function some(at: usize, n: u32): v128 {
  return n == 4 ? v128.load(at) : v128.load32_zero(at);
}

@inline
function put(at: usize, value: v128, n: u32): void {
  if (n == 4) v128.store(at, value);
  else store<f32>(at, f32x4.extract_lane(value, 0));
}

/** G w Gᵀ of `n` kernels side by side; tap t stands at from + t·step, point k goes to to + k·stride. */
@inline
function transformKernels(from: usize, step: usize, to: usize, stride: usize, n: u32): void {
  // rows first: three columns of six
  for (let r: usize = 0; r < 6; r++) {
    const c0 = rowOfG(r, some(from, n), some(from + 3 * step, n), some(from + 6 * step, n));
    const c1 = rowOfG(r, some(from + step, n), some(from + 4 * step, n), some(from + 7 * step, n));
    const c2 = rowOfG(r, some(from + 2 * step, n), some(from + 5 * step, n), some(from + 8 * step, n));
    for (let c: usize = 0; c < 6; c++) put(to + (6 * r + c) * stride, rowOfG(c, c0, c1, c2), n);
  }
}

/** Row r of G on three values: G = [1/4 0 0; −1/6 −1/6 −1/6; −1/6 1/6 −1/6; 1/24 1/12 1/6; 1/24 −1/12 1/6; 0 0 1]. */
@inline
function rowOfG(r: usize, w0: v128, w1: v128, w2: v128): v128 {
  if (r == 0) return f32x4.mul(w0, f32x4.splat(0.25));
  if (r == 1) return f32x4.mul(f32x4.add(f32x4.add(w0, w1), w2), f32x4.splat(-1.0 / 6.0));
  if (r == 2) return f32x4.mul(f32x4.add(f32x4.sub(w0, w1), w2), f32x4.splat(-1.0 / 6.0));
  const even = f32x4.add(f32x4.mul(w0, f32x4.splat(1.0 / 24.0)), f32x4.mul(w2, f32x4.splat(1.0 / 6.0)));
  const odd = f32x4.mul(w1, f32x4.splat(1.0 / 12.0));
  if (r == 3) return f32x4.add(even, odd);
  if (r == 4) return f32x4.sub(even, odd);
  return w2;
}

@unmanaged
export class WinogradGradient {
  /** f32[shards][36][outUnits][inUnits] */
  sums: usize;
  shardBytes: usize;
  /** {u32 tap · inUnits + input unit, f32 weight} by output unit. */
  entries: usize;
  rowStart: usize;
  outUnits: u32;
  inUnits: u32;
  /** f32[entries] */
  gradient: usize;
  rows: usize;
  rowBytes: usize;
  /** See update.ts. */
  faulty: usize;
  stop: usize;
}

/** Gᵀ (Σ shards) G, of kept weights alone. Threads share the output units. */
@kernel
export function winogradGradient(op: WinogradGradient, _block: u32): void {
  const inUnits = op.inUnits;
  const unitBytes = <usize>inUnits << 2;
  const row = op.rows + <usize>thread * op.rowBytes;
  const pointBytes = <usize>op.outUnits * unitBytes;
  let wrong: f32 = 0;
  for (let o = shareStart(op.outUnits, thread), end = shareStart(op.outUnits, thread + 1); o < end; o++) {
    const from = op.sums + <usize>o * unitBytes;
    let i: u32 = 0;
    for (; i + 4 <= inUnits; i += 4) foldKernels(op, from + (<usize>i << 2), pointBytes, row + (<usize>i << 2), unitBytes, 4);
    for (; i < inUnits; i++) foldKernels(op, from + (<usize>i << 2), pointBytes, row + (<usize>i << 2), unitBytes, 1);
    const last = load<u32>(op.rowStart + ((<usize>o + 1) << 2));
    for (let e = load<u32>(op.rowStart + (<usize>o << 2)); e < last; e++) {
      const g = load<f32>(row + (<usize>load<u32>(op.entries + (<usize>e << 3)) << 2));
      store<f32>(op.gradient + (<usize>e << 2), g);
      // g − g is 0 unless g is not finite; NaN stays
      wrong += g - g;
    }
  }
  if (wrong != 0) {
    atomic.store<u32>(op.faulty, 1);
    atomic.store<u32>(op.stop, 1);
  }
}

/** Gᵀ m G of `n` kernels side by side, shards summed in their order; tap t goes to to + t·step. */
@inline
function foldKernels(op: WinogradGradient, from: usize, stride: usize, to: usize, step: usize, n: u32): void {
  for (let t: usize = 0; t < 9; t++) put(to + t * step, f32x4.splat(0), n);
  for (let r: usize = 0; r < 6; r++) {
    const at = from + 6 * r * stride;
    const m0 = total(op, at, n);
    const m1 = total(op, at + stride, n);
    const m2 = total(op, at + 2 * stride, n);
    const m3 = total(op, at + 3 * stride, n);
    const m4 = total(op, at + 4 * stride, n);
    const m5 = total(op, at + 5 * stride, n);
    for (let c: usize = 0; c < 3; c++) {
      const f = columnOfG(c, m0, m1, m2, m3, m4, m5);
      for (let q: usize = 0; q < 3; q++) {
        const tap = to + (3 * q + c) * step;
        put(tap, f32x4.add(some(tap, n), f32x4.mul(f, f32x4.splat(elementOfG(r, q)))), n);
      }
    }
  }
}

@inline
function total(op: WinogradGradient, at: usize, n: u32): v128 {
  let sum = some(at, n);
  for (let s: u32 = 1, shards = batchNow().shards; s < shards; s++) sum = f32x4.add(sum, some(at + <usize>s * op.shardBytes, n));
  return sum;
}

/** Column c of G on six values. */
@inline
function columnOfG(c: usize, m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128): v128 {
  const sixth = f32x4.splat(1.0 / 6.0);
  if (c == 0) {
    const near = f32x4.mul(f32x4.add(m1, m2), sixth);
    const far = f32x4.mul(f32x4.add(m3, m4), f32x4.splat(1.0 / 24.0));
    return f32x4.add(f32x4.sub(f32x4.mul(m0, f32x4.splat(0.25)), near), far);
  }
  if (c == 1) {
    const near = f32x4.mul(f32x4.sub(m2, m1), sixth);
    return f32x4.add(near, f32x4.mul(f32x4.sub(m3, m4), f32x4.splat(1.0 / 12.0)));
  }
  return f32x4.add(f32x4.mul(f32x4.sub(f32x4.add(m3, m4), f32x4.add(m1, m2)), sixth), m5);
}

/** G[r][q] */
@inline
function elementOfG(r: usize, q: usize): f32 {
  if (r == 0) return q == 0 ? 0.25 : 0;
  if (r == 5) return q == 2 ? 1 : 0;
  if (r < 3) return q == 1 && r == 2 ? 1.0 / 6.0 : -1.0 / 6.0;
  if (q == 0) return 1.0 / 24.0;
  if (q == 2) return 1.0 / 6.0;
  return r == 3 ? 1.0 / 12.0 : -1.0 / 12.0;
}
