/**
 * Rejection: propose kernel j of the row uniformly and accept it with probability norm_j / greatest norm of the row,
 * else propose again. Exact; its table has a byte per kernel, 1/8 of an alias table, and takes a fraction of the time
 * to make:  byte_j = ⌊256 · norm_j / greatest⌋, at most 255.  A coin accepts if its upper eight bits are below the
 * byte, and rejects if they are above; if they are equal, once in 256 times, the whole coin is compared with the norm
 * itself. A row of zeros has bytes of 255, accepts everything, and so draws uniformly.
 */
import { INVERSE, MAGNITUDE, normOf, SQUARE } from "./bias";
import { biasMode, Layer, layerAt } from "./layout";
import { UNIT } from "./random";

/** Kernels of a row and rows of a tile for making a forward table: whole cache lines are written. */
const TILE: u32 = 64;
const BLOCK: u32 = 16;

/** Memory for transposing the bytes of a tile: two blocks of 16 × 16. */
const turning = memory.data(512, 16);

/** Whether kernel j of a unit's row is accepted with the coin (coin + more · 2^-32) · 2^-32. */
export function acceptExactly(layer: Layer, forward: bool, unit: u32, j: u32, coin: u32, more: u32): bool {
  const greatest = load<f64>((forward ? layer.forwardMax : layer.backwardMax) + ((<usize>unit) << 3));
  if (greatest == 0) return true;
  const perGroup = forward ? layer.inPerGroup : layer.outPerGroup;
  const group = unit / perGroup;
  const kernel = forward
    ? (group * layer.outPerGroup + j) * layer.inPerGroup + unit - group * perGroup
    : unit * layer.inPerGroup + j;
  const norm = normOf(layer.weight, kernel, layer.kernelSize, biasMode);
  return (<f64>coin + <f64>more * UNIT) * UNIT * greatest < norm;
}

/** @param norms from measureLayer; @param table a byte per kernel, by output unit */
export function makeBackwardBytes(l: u32, norms: usize, table: usize): void {
  const layer = layerAt(l);
  layer.backwardTable = table;
  if (!layer.steady) slowBackward(layer, table);
  else if (layer.kernelSize > 1 || biasMode == INVERSE) fastBackward(layer, norms, table, MAGNITUDE);
  else if (biasMode == MAGNITUDE) fastBackward(layer, layer.weight, table, MAGNITUDE);
  else fastBackward(layer, layer.weight, table, SQUARE);
}

/** @param scales f32[inPerGroup], scratch; @param table a byte per kernel, by input unit */
export function makeForwardBytes(l: u32, norms: usize, table: usize, scales: usize): void {
  const layer = layerAt(l);
  layer.forwardTable = table;
  if (!layer.steady) slowForward(layer, table);
  else if (layer.kernelSize > 1 || biasMode == INVERSE) fastForward(layer, norms, table, scales, MAGNITUDE);
  else if (biasMode == MAGNITUDE) fastForward(layer, layer.weight, table, scales, MAGNITUDE);
  else fastForward(layer, layer.weight, table, scales, SQUARE);
}

/** Factor that makes the greatest norm of a row 256 under `quantise`. */
@inline
function byteScale(greatest: f64, normScale: f64, mode: u32): f32 {
  if (greatest == 0) return 0;
  return mode == SQUARE ? <f32>(16.0 / Math.sqrt(greatest)) : <f32>(256.0 / (greatest * normScale));
}

/** Sixteen bytes from sixteen norms (or weights, whose squares count); @param scales of each, or four times the same */
@inline
function quantise(at: usize, a: v128, b: v128, c: v128, d: v128, mode: u32): v128 {
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(quarter(v128.load(at), a, mode), quarter(v128.load(at, 16), b, mode)),
    i16x8.narrow_i32x4_s(quarter(v128.load(at, 32), c, mode), quarter(v128.load(at, 48), d, mode)),
  );
}

@inline
function quarter(norms: v128, scales: v128, mode: u32): v128 {
  const scaled = f32x4.mul(norms, scales);
  return i32x4.trunc_sat_f32x4_s(mode == SQUARE ? f32x4.mul(scaled, scaled) : f32x4.abs(scaled));
}

@inline
function quantiseOne(norm: f32, scale: f32, mode: u32): u8 {
  const scaled = norm * scale;
  return <u8>min<f32>(mode == SQUARE ? scaled * scaled : abs(scaled), 255);
}

@inline
function fastBackward(layer: Layer, norms: usize, table: usize, mode: u32): void {
  const n = layer.inPerGroup;
  const vectorCount = n & ~15;
  const normScale = layer.normScale;
  for (let o: u32 = 0, outCount = layer.outCount; o < outCount; o++) {
    const greatest = load<f64>(layer.backwardMax + ((<usize>o) << 3));
    if (greatest == 0) {
      memory.fill(table, 255, n);
    } else {
      const scale = byteScale(greatest, normScale, mode);
      const scales = f32x4.splat(scale);
      let j: u32 = 0;
      for (; j < vectorCount; j += 16) {
        v128.store(table + j, quantise(norms + ((<usize>j) << 2), scales, scales, scales, scales, mode));
      }
      for (; j < n; j++) store<u8>(table + j, quantiseOne(load<f32>(norms + ((<usize>j) << 2)), scale, mode));
    }
    norms += (<usize>n) << 2;
    table += n;
  }
}

@inline
function fastForward(layer: Layer, norms: usize, table: usize, scales: usize, mode: u32): void {
  const n = layer.outPerGroup;
  const inPerGroup = layer.inPerGroup;
  const rowBytes = (<usize>inPerGroup) << 2;
  for (let group: u32 = 0, groups = layer.groups; group < groups; group++) {
    const maxima = layer.forwardMax + ((<usize>group * inPerGroup) << 3);
    for (let i: u32 = 0; i < inPerGroup; i++) {
      const greatest = load<f64>(maxima + ((<usize>i) << 3));
      store<f32>(scales + ((<usize>i) << 2), byteScale(greatest, layer.normScale, mode));
    }
    for (let first: u32 = 0; first < n; first += TILE) {
      const height = min(TILE, n - first);
      turnTile(norms + rowBytes * first, rowBytes, inPerGroup, height, table + first, n, scales, mode);
    }
    for (let i: u32 = 0; i < inPerGroup; i++) {
      if (load<f64>(maxima + ((<usize>i) << 3)) == 0) memory.fill(table + <usize>i * n, 255, n);
    }
    norms += rowBytes * n;
    table += <usize>inPerGroup * n;
  }
}

/** `height` rows of norms, at most a tile, become as many columns of the table, whose rows are `stride` bytes apart. */
@inline
function turnTile(
  norms: usize,
  rowBytes: usize,
  width: u32,
  height: u32,
  table: usize,
  stride: u32,
  scales: usize,
  mode: u32,
): void {
  const wholeWidth = width & ~(BLOCK - 1);
  const wholeHeight = height & ~(BLOCK - 1);
  for (let i: u32 = 0; i < wholeWidth; i += BLOCK) {
    const scale = scales + ((<usize>i) << 2);
    const a = v128.load(scale);
    const b = v128.load(scale, 16);
    const c = v128.load(scale, 32);
    const d = v128.load(scale, 48);
    for (let o: u32 = 0; o < wholeHeight; o += BLOCK) {
      let from = norms + rowBytes * o + ((<usize>i) << 2);
      for (let r: usize = 0; r < 256; r += 16) {
        v128.store(turning + r, quantise(from, a, b, c, d, mode));
        from += rowBytes;
      }
      turnBlock(table + <usize>i * stride + o, stride);
    }
  }
  // the remainder of whole blocks, at the right and below
  for (let o: u32 = 0; o < height; o++) {
    for (let i: u32 = o < wholeHeight ? wholeWidth : 0; i < width; i++) {
      const norm = load<f32>(norms + rowBytes * o + ((<usize>i) << 2));
      store<u8>(table + <usize>i * stride + o, quantiseOne(norm, load<f32>(scales + ((<usize>i) << 2)), mode));
    }
  }
}

/** Transposes the 16 × 16 bytes of `turning`: four rounds that interleave row r with row r + 8. */
@inline
function turnBlock(out: usize, stride: u32): void {
  const other = turning + 256;
  interleave(turning, other);
  interleave(other, turning);
  interleave(turning, other);
  for (let r: usize = 0; r < 128; r += 16) {
    const a = v128.load(other + r);
    const b = v128.load(other + r, 128);
    v128.store(out, low(a, b));
    v128.store(out + stride, high(a, b));
    out += <usize>stride << 1;
  }
}

@inline
function interleave(from: usize, to: usize): void {
  for (let r: usize = 0; r < 128; r += 16) {
    const a = v128.load(from + r);
    const b = v128.load(from + r, 128);
    v128.store(to, low(a, b));
    v128.store(to, high(a, b), 16);
    to += 32;
  }
}

@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// ---- in float64, for rows at the ends of the float32 range ----

function slowByte(layer: Layer, kernel: u32, greatest: f64): u8 {
  if (greatest == 0) return 255;
  const norm = normOf(layer.weight, kernel, layer.kernelSize, biasMode);
  return <u8>min<f64>((norm / greatest) * 256.0, 255);
}

function slowBackward(layer: Layer, table: usize): void {
  let kernel: u32 = 0;
  for (let o: u32 = 0; o < layer.outCount; o++) {
    const greatest = load<f64>(layer.backwardMax + ((<usize>o) << 3));
    for (let j: u32 = 0; j < layer.inPerGroup; j++, kernel++) {
      store<u8>(table + kernel, slowByte(layer, kernel, greatest));
    }
  }
}

function slowForward(layer: Layer, table: usize): void {
  const n = layer.outPerGroup;
  for (let input: u32 = 0; input < layer.inCount; input++) {
    const greatest = load<f64>(layer.forwardMax + ((<usize>input) << 3));
    const group = input / layer.inPerGroup;
    let kernel = group * n * layer.inPerGroup + (input - group * layer.inPerGroup);
    for (let q: u32 = 0; q < n; q++) {
      store<u8>(table + <usize>input * n + q, slowByte(layer, kernel, greatest));
      kernel += layer.inPerGroup;
    }
  }
}
