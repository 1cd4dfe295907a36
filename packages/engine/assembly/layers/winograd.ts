/**
 * Convolution with 3×3 kernels, stride 1, by Winograd's F(4×4, 3×3): 36 products for 16 outputs instead of 144.
 *   y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A        for every tile of 6×6 inputs and 4×4 outputs, summed over input units
 *   ∂L/∂x: the same over ∂L/∂y with the kernels rotated by 180°
 *   ∂L/∂w = Gᵀ [ Σ_tiles (Bᵀ x B) ⊙ (A ∂L/∂y Aᵀ) ] G
 * It does not skip removed weights (they are 0 before G w Gᵀ), so it suits layers of high density.
 * Matrices as Lavin & Gray 2015, arXiv:1509.09308, with interpolation points 0, ±1, ±2, ∞.
 * Tiles are processed in groups: a thread's workspace holds [36][units][tiles][pixel], so that each of the 36
 * products is a matrix product over contiguous runs.
 */
import { blockOf, shard, Tensor, tensorAt } from "./layout";
import { sumLanes4 } from "./sumLanes";

/** Points of the transformed domain, and products of a tile. */
const POINTS: u32 = 36;
/** Output units processed together: their planes fit the second-level cache with those of the input. */
const CHUNK_UNITS: u32 = 16;

@unmanaged
export class WinogradConvolution {
  /** Tensor records. Backward the input is the gradient of the output, and the other way round. */
  input: usize;
  output: usize;
  /** f32[36][output units][input units] */
  weights: usize;
  /** f32[output units], or 0. */
  bias: usize;
  /** Tensor record of scratch: room for the transforms of both sides, and for one tile. */
  workspace: usize;
  /** Rows and columns of the input before the first window. */
  top: u32;
  left: u32;
  /** Tiles processed together. */
  groupTiles: u32;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

@kernel
export function winogradConvolution(op: WinogradConvolution, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const tilesX = (output.width + 3) >> 2;
  const tiles = tilesX * ((output.height + 3) >> 2);
  const bytes = <usize>op.groupTiles * output.pixelBytes;
  const scratch = blockOf(tensorAt(op.workspace), block);
  const transformed = scratch + TILE_BYTES;
  const products = transformed + <usize>POINTS * pointBytesOf(input.units, bytes);
  for (let first: u32 = 0; first < tiles; first += op.groupTiles) {
    const count = min(op.groupTiles, tiles - first);
    const length = <usize>count * output.pixelBytes;
    transformWindows(input, block, op.top, op.left, first, count, tilesX, transformed, bytes, scratch);
    for (let unit: u32 = 0; unit < output.units; unit += CHUNK_UNITS) {
      const units = min(CHUNK_UNITS, output.units - unit);
      multiply(op.weights, transformed, products, input.units, output.units, unit, units, bytes, length);
      transformProducts(op, output, block, unit, units, first, count, tilesX, products, bytes, scratch);
    }
  }
}

@unmanaged
export class WinogradWeightGradient {
  /** Tensor records. */
  input: usize;
  outputGradient: usize;
  /** f32[shards][36][output units][input units] */
  sums: usize;
  shardBytes: usize;
  workspace: usize;
  top: u32;
  left: u32;
  groupTiles: u32;
}

/** Adds one block to this shard's sums of (Bᵀ x B) ⊙ (A ∂L/∂y Aᵀ). */
@kernel
export function winogradWeightGradient(op: WinogradWeightGradient, block: u32): void {
  const input = tensorAt(op.input);
  const gradient = tensorAt(op.outputGradient);
  const tilesX = (gradient.width + 3) >> 2;
  const tiles = tilesX * ((gradient.height + 3) >> 2);
  const bytes = <usize>op.groupTiles * input.pixelBytes;
  const scratch = blockOf(tensorAt(op.workspace), block);
  const windows = scratch + TILE_BYTES;
  const spread = windows + <usize>POINTS * pointBytesOf(input.units, bytes);
  const sums = op.sums + <usize>shard * op.shardBytes;
  for (let first: u32 = 0; first < tiles; first += op.groupTiles) {
    const count = min(op.groupTiles, tiles - first);
    const length = <usize>count * input.pixelBytes;
    transformWindows(input, block, op.top, op.left, first, count, tilesX, windows, bytes, scratch);
    for (let unit: u32 = 0; unit < gradient.units; unit += CHUNK_UNITS) {
      const units = min(CHUNK_UNITS, gradient.units - unit);
      spreadGradients(gradient, block, unit, units, first, count, tilesX, spread, bytes, scratch);
      correlate(windows, spread, sums, input.units, gradient.units, unit, units, bytes, length);
    }
  }
}

/**
 * Distance between the 36 planes of a workspace in bytes: an odd number of cache lines, so that a tile's 36 numbers
 * fall into different cache sets.
 */
@inline
function pointBytesOf(units: u32, bytes: usize): usize {
  const lines = (<usize>units * bytes + 63) >> 6;
  return (lines | 1) << 6;
}

/** Memory for one tile of vectors between the two passes of a transform. */
const TILE_BYTES: usize = 36 * 16;

/** Bᵀ x B of the windows of `count` tiles of every unit, to `to` as [36][units][bytes]. */
function transformWindows(
  input: Tensor, block: u32, top: u32, left: u32,
  first: u32, count: u32, tilesX: u32, to: usize, bytes: usize, scratch: usize,
): void {
  const pixel = input.pixelBytes;
  const rowBytes = input.rowBytes;
  const units = input.units;
  const pointBytes = pointBytesOf(units, bytes);
  const origin = blockOf(input, block);
  for (let u: u32 = 0; u < units; u++) {
    for (let t: u32 = 0; t < count; t++) {
      const tileY = (first + t) / tilesX;
      const tileX = first + t - tileY * tilesX;
      const window = origin + <usize>u * input.unitBytes
        + <usize>(<i32>(4 * tileY) - <i32>top) * rowBytes + <usize>(<i32>(4 * tileX) - <i32>left) * pixel;
      const target = to + <usize>u * bytes + <usize>t * pixel;
      for (let lane: usize = 0; lane < pixel; lane += 16) {
        for (let c: usize = 0; c < 6; c++) {
          const at = window + lane + c * pixel;
          transform6(
            v128.load(at), v128.load(at + rowBytes), v128.load(at + 2 * rowBytes),
            v128.load(at + 3 * rowBytes), v128.load(at + 4 * rowBytes), v128.load(at + 5 * rowBytes),
            scratch + (c << 4), 96,
          );
        }
        for (let r: usize = 0; r < 6; r++) {
          const at = scratch + r * 96;
          transform6(
            v128.load(at), v128.load(at, 16), v128.load(at, 32), v128.load(at, 48), v128.load(at, 64), v128.load(at, 80),
            target + lane + 6 * r * pointBytes, pointBytes,
          );
        }
      }
    }
  }
}

/** Bᵀ d of six values, to `to` and on in steps. */
@inline
function transform6(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const four = f32x4.splat(4);
  const five = f32x4.splat(5);
  v128.store(to, f32x4.add(f32x4.sub(f32x4.mul(four, d0), f32x4.mul(five, d2)), d4));
  const a = f32x4.sub(d4, f32x4.mul(four, d2));
  const b = f32x4.sub(d3, f32x4.mul(four, d1));
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + 2 * step, f32x4.sub(a, b));
  const c = f32x4.sub(d4, d2);
  const d = f32x4.sub(d3, d1);
  const e = f32x4.add(d, d);
  v128.store(to + 3 * step, f32x4.add(c, e));
  v128.store(to + 4 * step, f32x4.sub(c, e));
  v128.store(to + 5 * step, f32x4.add(f32x4.sub(f32x4.mul(four, d1), f32x4.mul(five, d3)), d5));
}

/** Aᵀ m of six values: four results, from `to` on in steps. */
@inline
function gather4(m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128, to: usize, step: usize): void {
  const s1 = f32x4.add(m1, m2);
  const d1 = f32x4.sub(m1, m2);
  const s2 = f32x4.add(m3, m4);
  const d2 = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(m0, s1), s2));
  v128.store(to + step, f32x4.add(d1, f32x4.add(d2, d2)));
  v128.store(to + 2 * step, f32x4.add(s1, f32x4.mul(f32x4.splat(4), s2)));
  v128.store(to + 3 * step, f32x4.add(f32x4.add(d1, f32x4.mul(f32x4.splat(8), d2)), m5));
}

/** A y of four values: six results, from `to` on in steps. */
@inline
function spread6(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  v128.store(to, y0);
  const even = f32x4.add(y0, y2);
  const odd = f32x4.add(y1, y3);
  v128.store(to + step, f32x4.add(even, odd));
  v128.store(to + 2 * step, f32x4.sub(even, odd));
  const even4 = f32x4.add(y0, f32x4.mul(f32x4.splat(4), y2));
  const odd8 = f32x4.add(f32x4.add(y1, y1), f32x4.mul(f32x4.splat(8), y3));
  v128.store(to + 3 * step, f32x4.add(even4, odd8));
  v128.store(to + 4 * step, f32x4.sub(even4, odd8));
  v128.store(to + 5 * step, y3);
}

/** Aᵀ m A of `units` units from `unit` on, with bias, into the output; elements beyond its edges are left out. */
function transformProducts(
  op: WinogradConvolution, output: Tensor, block: u32, unit: u32, units: u32,
  first: u32, count: u32, tilesX: u32, products: usize, bytes: usize, scratch: usize,
): void {
  const pixel = output.pixelBytes;
  const rowBytes = output.rowBytes;
  const pointBytes = pointBytesOf(units, bytes);
  const accumulate = op.accumulate != 0;
  for (let u: u32 = 0; u < units; u++) {
    const bias = op.bias ? v128.load_splat<f32>(op.bias + (<usize>(unit + u) << 2)) : f32x4.splat(0);
    for (let t: u32 = 0; t < count; t++) {
      const tileY = (first + t) / tilesX;
      const tileX = first + t - tileY * tilesX;
      const rows = min(4, output.height - 4 * tileY);
      const columns = min(4, output.width - 4 * tileX);
      const source = products + <usize>u * bytes + <usize>t * pixel;
      const corner = blockOf(output, block) + <usize>(unit + u) * output.unitBytes
        + <usize>(4 * tileY) * rowBytes + <usize>(4 * tileX) * pixel;
      for (let lane: usize = 0; lane < pixel; lane += 16) {
        for (let c: usize = 0; c < 6; c++) {
          const at = source + lane + c * pointBytes;
          const step = <usize>6 * pointBytes;
          gather4(
            v128.load(at), v128.load(at + step), v128.load(at + 2 * step),
            v128.load(at + 3 * step), v128.load(at + 4 * step), v128.load(at + 5 * step),
            scratch + (c << 4), 96,
          );
        }
        for (let r: usize = 0; r < rows; r++) {
          const at = scratch + r * 96;
          // in place: row r is read completely before it is written
          gather4(
            v128.load(at), v128.load(at, 16), v128.load(at, 32), v128.load(at, 48), v128.load(at, 64), v128.load(at, 80),
            at, 16,
          );
          let y = corner + r * rowBytes + lane;
          for (let c: usize = 0; c < columns; c++) {
            const value = f32x4.add(v128.load(at + (c << 4)), bias);
            v128.store(y, accumulate ? f32x4.add(v128.load(y), value) : value);
            y += pixel;
          }
        }
      }
    }
  }
}

/** A g Aᵀ of 4×4 tiles of `units` units from `unit` on, to `to` as [36][units][bytes]; 0 beyond the edges. */
function spreadGradients(
  gradient: Tensor, block: u32, unit: u32, units: u32,
  first: u32, count: u32, tilesX: u32, to: usize, bytes: usize, scratch: usize,
): void {
  const pixel = gradient.pixelBytes;
  const rowBytes = gradient.rowBytes;
  const pointBytes = pointBytesOf(units, bytes);
  const origin = blockOf(gradient, block);
  for (let u: u32 = 0; u < units; u++) {
    for (let t: u32 = 0; t < count; t++) {
      const tileY = (first + t) / tilesX;
      const tileX = first + t - tileY * tilesX;
      const corner = origin + <usize>(unit + u) * gradient.unitBytes
        + <usize>(4 * tileY) * rowBytes + <usize>(4 * tileX) * pixel;
      const target = to + <usize>u * bytes + <usize>t * pixel;
      for (let lane: usize = 0; lane < pixel; lane += 16) {
        for (let c: usize = 0; c < 4; c++) {
          const at = corner + lane + c * pixel;
          spread6(
            v128.load(at), v128.load(at + rowBytes), v128.load(at + 2 * rowBytes), v128.load(at + 3 * rowBytes),
            scratch + (c << 4), 96,
          );
        }
        for (let r: usize = 0; r < 6; r++) {
          const at = scratch + r * 96;
          spread6(
            v128.load(at), v128.load(at, 16), v128.load(at, 32), v128.load(at, 48),
            target + lane + 6 * r * pointBytes, pointBytes,
          );
        }
      }
    }
  }
}

/**
 * products[k][o] = Σ_i weights[k][unit + o][i] · windows[k][i] for `units` output units, runs of `bytes` each, of which
 * `length` count.
 */
function multiply(
  weights: usize, windows: usize, products: usize, inUnits: u32, outUnits: u32, unit: u32, units: u32,
  bytes: usize, length: usize,
): void {
  const rowBytes = <usize>inUnits << 2;
  const whole = length & ~63;
  for (let k: u32 = 0; k < POINTS; k++) {
    const x = windows + <usize>k * pointBytesOf(inUnits, bytes);
    let w = weights + <usize>(k * outUnits + unit) * rowBytes;
    let y = products + <usize>k * pointBytesOf(units, bytes);
    let o: u32 = 0;
    for (; o + 2 <= units; o += 2) {
      for (let lane: usize = 0; lane < whole; lane += 64) multiply2x4(w, rowBytes, x + lane, y + lane, bytes);
      for (let lane = whole; lane < length; lane += 16) {
        multiplyOne(w, rowBytes, x + lane, y + lane, bytes);
        multiplyOne(w + rowBytes, rowBytes, x + lane, y + bytes + lane, bytes);
      }
      w += 2 * rowBytes;
      y += 2 * bytes;
    }
    if (o < units) for (let lane: usize = 0; lane < length; lane += 16) multiplyOne(w, rowBytes, x + lane, y + lane, bytes);
  }
}

/** Two output units, four vectors each; the sums stay in registers during the loop over input units. */
@inline
function multiply2x4(w: usize, rowBytes: usize, x: usize, y: usize, bytes: usize): void {
  const zero = f32x4.splat(0);
  let a0 = zero;
  let a1 = zero;
  let a2 = zero;
  let a3 = zero;
  let b0 = zero;
  let b1 = zero;
  let b2 = zero;
  let b3 = zero;
  const end = w + rowBytes;
  while (w < end) {
    const u = v128.load_splat<f32>(w);
    const v = v128.load_splat<f32>(w + rowBytes);
    // in descending order: the compiler then places each load next to its use
    const x3 = v128.load(x, 48);
    b3 = multiplyAdd(v, x3, b3);
    a3 = multiplyAdd(u, x3, a3);
    const x2 = v128.load(x, 32);
    b2 = multiplyAdd(v, x2, b2);
    a2 = multiplyAdd(u, x2, a2);
    const x1 = v128.load(x, 16);
    b1 = multiplyAdd(v, x1, b1);
    a1 = multiplyAdd(u, x1, a1);
    const x0 = v128.load(x);
    b0 = multiplyAdd(v, x0, b0);
    a0 = multiplyAdd(u, x0, a0);
    w += 4;
    x += bytes;
  }
  v128.store(y, a0);
  v128.store(y, a1, 16);
  v128.store(y, a2, 32);
  v128.store(y, a3, 48);
  v128.store(y + bytes, b0);
  v128.store(y + bytes, b1, 16);
  v128.store(y + bytes, b2, 32);
  v128.store(y + bytes, b3, 48);
}

/** One output unit, one vector. */
@inline
function multiplyOne(w: usize, rowBytes: usize, x: usize, y: usize, bytes: usize): void {
  let sum = f32x4.splat(0);
  for (const end = w + rowBytes; w < end; w += 4) {
    sum = multiplyAdd(v128.load_splat<f32>(w), v128.load(x), sum);
    x += bytes;
  }
  v128.store(y, sum);
}

/** sums[k][unit + o][i] += Σ windows[k][i] · spread[k][o] over a run of `length` bytes, for `units` output units. */
function correlate(
  windows: usize, spread: usize, sums: usize, inUnits: u32, outUnits: u32, unit: u32, units: u32,
  bytes: usize, length: usize,
): void {
  for (let k: u32 = 0; k < POINTS; k++) {
    const x = windows + <usize>k * pointBytesOf(inUnits, bytes);
    for (let o: u32 = 0; o < units; o += 2) {
      const g = spread + <usize>k * pointBytesOf(units, bytes) + <usize>o * bytes;
      const sum = sums + (<usize>((k * outUnits + unit + o) * inUnits) << 2);
      const pair = o + 2 <= units;
      let i: u32 = 0;
      for (; i + 4 <= inUnits; i += 4) {
        const at = sum + (<usize>i << 2);
        if (pair) correlate2x4(x + <usize>i * bytes, g, at, <usize>inUnits << 2, bytes, length);
        else correlate1x4(x + <usize>i * bytes, g, at, bytes, length);
      }
      for (; i < inUnits; i++) {
        const at = sum + (<usize>i << 2);
        correlateOne(x + <usize>i * bytes, g, at, length);
        if (pair) correlateOne(x + <usize>i * bytes, g + bytes, at + (<usize>inUnits << 2), length);
      }
    }
  }
}

@inline
function correlate2x4(x: usize, g: usize, sum: usize, rowBytes: usize, bytes: usize, length: usize): void {
  let x0 = x;
  let x1 = x + bytes;
  let x2 = x1 + bytes;
  let x3 = x2 + bytes;
  let h = g + bytes;
  const zero = f32x4.splat(0);
  let a0 = zero;
  let a1 = zero;
  let a2 = zero;
  let a3 = zero;
  let b0 = zero;
  let b1 = zero;
  let b2 = zero;
  let b3 = zero;
  const end = g + length;
  while (g < end) {
    const p = v128.load(g);
    const q = v128.load(h);
    // in descending order: the compiler then places each load next to its use
    const v3 = v128.load(x3);
    b3 = multiplyAdd(q, v3, b3);
    a3 = multiplyAdd(p, v3, a3);
    const v2 = v128.load(x2);
    b2 = multiplyAdd(q, v2, b2);
    a2 = multiplyAdd(p, v2, a2);
    const v1 = v128.load(x1);
    b1 = multiplyAdd(q, v1, b1);
    a1 = multiplyAdd(p, v1, a1);
    const v0 = v128.load(x0);
    b0 = multiplyAdd(q, v0, b0);
    a0 = multiplyAdd(p, v0, a0);
    g += 16;
    h += 16;
    x0 += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
  }
  v128.store(sum, f32x4.add(v128.load(sum), sumLanes4(a0, a1, a2, a3)));
  v128.store(sum + rowBytes, f32x4.add(v128.load(sum + rowBytes), sumLanes4(b0, b1, b2, b3)));
}

@inline
function correlate1x4(x: usize, g: usize, sum: usize, bytes: usize, length: usize): void {
  const zero = f32x4.splat(0);
  let a0 = zero;
  let a1 = zero;
  let a2 = zero;
  let a3 = zero;
  for (let at: usize = 0; at < length; at += 16) {
    const p = v128.load(g + at);
    a0 = multiplyAdd(p, v128.load(x + at), a0);
    a1 = multiplyAdd(p, v128.load(x + bytes + at), a1);
    a2 = multiplyAdd(p, v128.load(x + 2 * bytes + at), a2);
    a3 = multiplyAdd(p, v128.load(x + 3 * bytes + at), a3);
  }
  v128.store(sum, f32x4.add(v128.load(sum), sumLanes4(a0, a1, a2, a3)));
}

@inline
function correlateOne(x: usize, g: usize, sum: usize, length: usize): void {
  const zero = f32x4.splat(0);
  let a = zero;
  for (let at: usize = 0; at < length; at += 16) a = multiplyAdd(v128.load(g + at), v128.load(x + at), a);
  store<f32>(sum, load<f32>(sum) + f32x4.extract_lane(sumLanes4(a, zero, zero, zero), 0));
}
