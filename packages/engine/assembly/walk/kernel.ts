/**
 * Draws the weight inside a kernel: weight k with probability biased_k / norm. Its number is that of the cumulative
 * sums that are at most bits · 2^-32 · norm. A kernel of zeros, reached through a row of zeros, draws uniformly.
 * All methods below find the same weight; the fast ones leave close cases to the exact one.
 */
import { biased, INVERSE, kernelNorm, MAGNITUDE, normOf, SQUARE, UNIFORM } from "./bias";
import { below, UNIT } from "./random";

/** By float64 sums, for every size. */
@inline
export function drawExactly(weight: usize, kernel: u32, kernelSize: u32, mode: u32, bits: u32): u32 {
  if (mode == UNIFORM) return below(bits, kernelSize);
  const norm = kernelNorm(weight, kernel, kernelSize, mode);
  if (norm == 0) return below(bits, kernelSize);
  const target = <f64>bits * UNIT * norm;
  const start = weight + ((<usize>kernel * kernelSize) << 2);
  let sum: f64 = 0;
  let k: u32 = 0;
  for (let i: u32 = 0; i < kernelSize; i++) {
    sum += biased(load<f32>(start + ((<usize>i) << 2)), mode);
    k += <u32>(sum <= target);
  }
  return k;
}

// the same outside of hot loops
function drawNineExactly(weight: usize, kernel: u32, mode: u32, bits: u32): u32 {
  if (mode == MAGNITUDE) return drawExactly(weight, kernel, 9, MAGNITUDE, bits);
  if (mode == SQUARE) return drawExactly(weight, kernel, 9, SQUARE, bits);
  return drawExactly(weight, kernel, 9, INVERSE, bits);
}

/** Cumulative sums of four lanes. */
@inline
function cumulate(v: v128): v128 {
  const zero = f32x4.splat(0);
  const pairs = f32x4.add(v, v128.shuffle<f32>(zero, v, 0, 4, 5, 6));
  return f32x4.add(pairs, v128.shuffle<f32>(zero, pairs, 0, 1, 4, 5));
}

@inline
function biasedLanes(v: v128, mode: u32): v128 {
  if (mode == SQUARE) return f32x4.mul(v, v);
  if (mode == MAGNITUDE) return f32x4.abs(v);
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.abs(v), f32x4.splat(1e-5)));
}

@inline
function biasedLane(w: f32, mode: u32): f32 {
  if (mode == SQUARE) return w * w;
  if (mode == MAGNITUDE) return abs(w);
  return <f32>1 / (abs(w) + <f32>1e-5);
}

/** Far above the rounding of nine float32 sums, relative to the greatest: 2^-19. */
const MARGIN: f32 = 0.0000019073486328125;

/** Kernels of nine: float32 sums in registers; exact where a sum is within MARGIN of the target. */
@inline
export function drawNine(weight: usize, kernel: u32, mode: u32, bits: u32): u32 {
  if (mode == UNIFORM) return below(bits, 9);
  const at = weight + <usize>kernel * 36;
  const first = cumulate(biasedLanes(v128.load(at), mode));
  const second = f32x4.add(
    cumulate(biasedLanes(v128.load(at, 16), mode)),
    v128.shuffle<f32>(first, first, 3, 3, 3, 3),
  );
  const norm = f32x4.extract_lane(second, 3) + biasedLane(load<f32>(at, 32), mode);
  const target = <f32>bits * <f32>UNIT * norm;
  const least = f32x4.splat(target - norm * MARGIN);
  const most = f32x4.splat(target + norm * MARGIN);
  const surely = i16x8.bitmask(i16x8.narrow_i32x4_s(f32x4.le(first, least), f32x4.le(second, least)));
  const perhaps = i16x8.bitmask(i16x8.narrow_i32x4_s(f32x4.le(first, most), f32x4.le(second, most)));
  // the range also excludes infinities and kernels of zeros
  if (surely != perhaps || !(norm > <f32>1e-25 && norm < <f32>1e37)) {
    return drawNineExactly(weight, kernel, mode, bits);
  }
  return popcnt<i32>(surely);
}

/**
 * The same from a table of eight bytes for each kernel, byte k = ⌊256 · cumulative_k / norm⌋: it decides if the upper
 * eight bits equal none of the bytes.
 */
@inline
export function drawNineByTable(table: usize, weight: usize, kernel: u32, mode: u32, bits: u32): u32 {
  const bounds = v128.load64_zero(table + ((<usize>kernel) << 3));
  const upper = i8x16.splat(<i8>(bits >> 24));
  if (i8x16.bitmask(i8x16.eq(bounds, upper)) & 0xff) return drawNine(weight, kernel, mode, bits);
  return popcnt<i32>(i8x16.bitmask(i8x16.gt_u(upper, bounds)) & 0xff);
}

/** Makes that table for `count` kernels. */
export function makeNineTable(weight: usize, count: u32, table: usize, mode: u32): void {
  if (mode == MAGNITUDE) makeNines(weight, count, table, MAGNITUDE);
  else if (mode == SQUARE) makeNines(weight, count, table, SQUARE);
  else makeNines(weight, count, table, INVERSE);
}

@inline
function makeNines(weight: usize, count: u32, table: usize, mode: u32): void {
  const nearness = f32x4.splat(1e-3);
  for (let kernel: u32 = 0; kernel < count; kernel++) {
    const at = weight + <usize>kernel * 36;
    const first = cumulate(biasedLanes(v128.load(at), mode));
    const second = f32x4.add(
      cumulate(biasedLanes(v128.load(at, 16), mode)),
      v128.shuffle<f32>(first, first, 3, 3, 3, 3),
    );
    const norm = f32x4.extract_lane(second, 3) + biasedLane(load<f32>(at, 32), mode);
    const scale = f32x4.splat(<f32>256 / norm);
    const a = f32x4.mul(first, scale);
    const b = f32x4.mul(second, scale);
    const low = narrow(f32x4.sub(a, nearness), f32x4.sub(b, nearness));
    const high = narrow(f32x4.add(a, nearness), f32x4.add(b, nearness));
    if (i64x2.extract_lane(low, 0) == i64x2.extract_lane(high, 0) && norm > <f32>1e-25 && norm < <f32>1e37) {
      store<u64>(table + ((<usize>kernel) << 3), i64x2.extract_lane(low, 0));
    } else {
      makeNineExactly(at, table + ((<usize>kernel) << 3), mode);
    }
  }
}

@inline
function narrow(a: v128, b: v128): v128 {
  const words = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(a), i32x4.trunc_sat_f32x4_s(b));
  return i8x16.narrow_i16x8_u(words, words);
}

/** For bounds close to a whole number, and weights at the ends of the float32 range. */
function makeNineExactly(weight: usize, row: usize, mode: u32): void {
  const norm = normOf(weight, 0, 9, mode);
  let sum: f64 = 0;
  for (let k: u32 = 0; k < 8; k++) {
    sum += normOf(weight, k, 1, mode);
    const share = norm == 0 ? <f64>(k + 1) / 9.0 : sum / norm;
    store<u8>(row + k, <u8>min<f64>(share * 256, 255));
  }
}
