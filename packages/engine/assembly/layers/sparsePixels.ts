/**
 * Convolution over kept weights only, pixel by pixel:
 *   y[o, q] = bias[o] + Σ_{kept (i, t)} w · x[i, q shifted by tap t]     (and its transpose, for the backward pass)
 * The sums of a unit stay in registers during the loop over its entries. Places whose taps are all inside the input
 * are separate from those at the edges, which skip taps in the padding: on small maps that saves much work.
 */
import { blockOf, shard, tensorAt, thread } from "./layout";
import { multiplyFour, multiplyOne, product } from "./sparseDense";
import { sumLanes, sumLanes4 } from "./sumLanes";

/** Neighbouring places of the output with the same taps inside the input. */
@unmanaged
export class PixelGroup {
  /** The first place, in the gathered value and in the computed one. */
  gatheredRow: u32;
  gatheredColumn: u32;
  ownRow: u32;
  ownColumn: u32;
  pixels: u32;
  /** Bytes from the first group to {u32 first tap, u32 one past the last}[rangeCount], in the order of the entries. */
  ranges: usize;
  rangeCount: u32;
}

/**
 * A cache line per thread: storing intermediate results there keeps the compiler from moving all loads to the front.
 */
const ROOM = memory.data(64 * 8, 64);
const GROUP_BYTES: usize = offsetof<PixelGroup>();

@unmanaged
export class SparsePixels {
  /** Tensor records. */
  input: usize;
  output: usize;
  groups: usize;
  groupCount: u32;
  /** u32[output units · taps + 1]: start of the entries of each tap of each output unit. */
  starts: usize;
  taps: u32;
  /** {u32 bytes from the gathered place, f32 weight}, by output unit, then by tap. */
  entries: usize;
  /** f32[output units], or 0. */
  bias: usize;
  /** Bytes from a place of a group to the next. */
  inputStep: usize;
  outputStep: usize;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

@kernel
export function sparsePixels(op: SparsePixels, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = output.pixelBytes;
  const units = output.units;
  const outUnit = output.unitBytes;
  const starts = op.starts;
  const rowBytes = <usize>op.taps << 2;
  const entries = op.entries;
  const bias = op.bias;
  const accumulate = op.accumulate != 0;
  const inStep = op.inputStep;
  const outStep = op.outputStep;
  const inBlock = blockOf(input, block);
  const outBlock = blockOf(output, block);
  const groups = op.groups;
  const groupsEnd = groups + <usize>op.groupCount * GROUP_BYTES;
  for (let at = groups; at < groupsEnd; at += GROUP_BYTES) {
    const group = changetype<PixelGroup>(at);
    const ranges = groups + group.ranges;
    const rangesEnd = ranges + (<usize>group.rangeCount << 3);
    const pair = group.pixels == 2 && pixel == 64;
    const x = inBlock + <usize>group.gatheredRow * input.rowBytes + <usize>group.gatheredColumn * pixel;
    let out = outBlock + <usize>group.ownRow * output.rowBytes + <usize>group.ownColumn * pixel;
    let row = starts;
    for (let o: u32 = 0; o < units; o++) {
      const value = bias ? v128.load_splat<f32>(bias + (<usize>o << 2)) : f32x4.splat(0);
      if (pair) {
        sumEight(x, x + inStep, out, out + outStep, row, ranges, rangesEnd, entries, value, accumulate);
      } else {
        for (let p: u32 = 0; p < group.pixels; p++) {
          const from = x + <usize>p * inStep;
          const to = out + <usize>p * outStep;
          let lane: usize = 0;
          for (; lane + 64 <= pixel; lane += 64) {
            sumFour(from + lane, to + lane, row, ranges, rangesEnd, entries, value, accumulate);
          }
          for (; lane < pixel; lane += 16) {
            sumOne(from + lane, to + lane, row, ranges, rangesEnd, entries, value, accumulate);
          }
        }
      }
      row += rowBytes;
      out += outUnit;
    }
  }
}

@inline
function startOf(row: usize, entries: usize, range: usize): usize {
  return entries + (<usize>load<u32>(row + (<usize>load<u32>(range) << 2)) << 3);
}

@inline
function endOf(row: usize, entries: usize, range: usize): usize {
  return entries + (<usize>load<u32>(row + (<usize>load<u32>(range, 4) << 2)) << 3);
}

function sumEight(
  x: usize, y: usize, out: usize, out2: usize, row: usize, ranges: usize, rangesEnd: usize, entries: usize,
  value: v128, accumulate: bool,
): void {
  let a0 = value;
  let a1 = value;
  let a2 = value;
  let a3 = value;
  let b0 = value;
  let b1 = value;
  let b2 = value;
  let b3 = value;
  if (accumulate) {
    a0 = f32x4.add(a0, v128.load(out));
    a1 = f32x4.add(a1, v128.load(out, 16));
    a2 = f32x4.add(a2, v128.load(out, 32));
    a3 = f32x4.add(a3, v128.load(out, 48));
    b0 = f32x4.add(b0, v128.load(out2));
    b1 = f32x4.add(b1, v128.load(out2, 16));
    b2 = f32x4.add(b2, v128.load(out2, 32));
    b3 = f32x4.add(b3, v128.load(out2, 48));
  }
  for (let range = ranges; range < rangesEnd; range += 8) {
    const end = endOf(row, entries, range);
    for (let entry = startOf(row, entries, range); entry < end; entry += 8) {
      const offset = <usize>load<u32>(entry);
      const p = x + offset;
      const q = y + offset;
      const w = v128.load_splat<f32>(entry, 4);
      // in descending order: the compiler then places each load next to its use
      b3 = multiplyAdd(w, v128.load(q, 48), b3);
      b2 = multiplyAdd(w, v128.load(q, 32), b2);
      b1 = multiplyAdd(w, v128.load(q, 16), b1);
      b0 = multiplyAdd(w, v128.load(q), b0);
      a3 = multiplyAdd(w, v128.load(p, 48), a3);
      a2 = multiplyAdd(w, v128.load(p, 32), a2);
      a1 = multiplyAdd(w, v128.load(p, 16), a1);
      a0 = multiplyAdd(w, v128.load(p), a0);
    }
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
  v128.store(out2, b0);
  v128.store(out2, b1, 16);
  v128.store(out2, b2, 32);
  v128.store(out2, b3, 48);
}

@inline
function sumFour(
  x: usize, out: usize, row: usize, ranges: usize, rangesEnd: usize, entries: usize, value: v128, accumulate: bool,
): void {
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
  for (let range = ranges; range < rangesEnd; range += 8) {
    const end = endOf(row, entries, range);
    let entry = startOf(row, entries, range);
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
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
}

@inline
function sumOne(
  x: usize, out: usize, row: usize, ranges: usize, rangesEnd: usize, entries: usize, value: v128, accumulate: bool,
): void {
  let sum = accumulate ? f32x4.add(value, v128.load(out)) : value;
  for (let range = ranges; range < rangesEnd; range += 8) {
    const end = endOf(row, entries, range);
    for (let entry = startOf(row, entries, range); entry < end; entry += 8) {
      sum = multiplyAdd(v128.load_splat<f32>(entry, 4), v128.load(x + load<u32>(entry)), sum);
    }
  }
  v128.store(out, sum);
}

/** ∂L/∂w = Σ_{images, places} x[i, q] · ∂L/∂y[o, q shifted] for every kept weight, added to this shard's row. */
@unmanaged
export class SparsePixelsWeightGradient {
  /** Tensor records. */
  input: usize;
  outputGradient: usize;
  /** As for the input's gradient: the gathered value is the gradient of the output. */
  groups: usize;
  groupCount: u32;
  starts: usize;
  taps: u32;
  entries: usize;
  gradientStep: usize;
  inputStep: usize;
  /** f32[shards][entries] */
  weightGradient: usize;
  shardBytes: usize;
}

@kernel
export function sparsePixelsWeightGradient(op: SparsePixelsWeightGradient, block: u32): void {
  const input = tensorAt(op.input);
  const outputGradient = tensorAt(op.outputGradient);
  const pixel = input.pixelBytes;
  const units = input.units;
  const inUnit = input.unitBytes;
  const starts = op.starts;
  const rowBytes = <usize>op.taps << 2;
  const entries = op.entries;
  const sums = op.weightGradient + <usize>shard * op.shardBytes;
  const xStep = op.inputStep;
  const gStep = op.gradientStep;
  const gBlock = blockOf(outputGradient, block);
  const inBlock = blockOf(input, block);
  const groups = op.groups;
  const groupsEnd = groups + <usize>op.groupCount * GROUP_BYTES;
  for (let at = groups; at < groupsEnd; at += GROUP_BYTES) {
    const group = changetype<PixelGroup>(at);
    const ranges = groups + group.ranges;
    const rangesEnd = ranges + (<usize>group.rangeCount << 3);
    const pair = group.pixels == 2 && pixel == 64;
    const g = gBlock + <usize>group.gatheredRow * outputGradient.rowBytes + <usize>group.gatheredColumn * pixel;
    let x = inBlock + <usize>group.ownRow * input.rowBytes + <usize>group.ownColumn * pixel;
    let row = starts;
    for (let i: u32 = 0; i < units; i++) {
      for (let range = ranges; range < rangesEnd; range += 8) {
        const entry = startOf(row, entries, range);
        const end = endOf(row, entries, range);
        if (entry == end) continue;
        if (pair) {
          multiplyEight(x, x + xStep, g, g + gStep, entry, end, entries, sums);
        } else {
          for (let p: u32 = 0; p < group.pixels; p++) {
            const own = x + <usize>p * xStep;
            const gathered = g + <usize>p * gStep;
            let lane: usize = 0;
            for (; lane + 64 <= pixel; lane += 64) multiplyFour(own + lane, gathered + lane, entry, end, entries, sums);
            for (; lane < pixel; lane += 16) multiplyOne(own + lane, gathered + lane, entry, end, entries, sums);
          }
        }
      }
      row += rowBytes;
      x += inUnit;
    }
  }
}

function multiplyEight(
  x: usize, y: usize, g: usize, h: usize, entry: usize, end: usize, entries: usize, weightGradient: usize,
): void {
  const room = ROOM + (<usize>thread << 6);
  const x0 = v128.load(x);
  const x1 = v128.load(x, 16);
  const x2 = v128.load(x, 32);
  const x3 = v128.load(x, 48);
  const y0 = v128.load(y);
  const y1 = v128.load(y, 16);
  const y2 = v128.load(y, 32);
  const y3 = v128.load(y, 48);
  for (; entry + 32 <= end; entry += 32) {
    const sums = weightGradient + ((entry - entries) >> 1);
    const e0 = <usize>load<u32>(entry);
    const e1 = <usize>load<u32>(entry, 8);
    v128.store(room, product8(x0, x1, x2, x3, y0, y1, y2, y3, g + e0, h + e0));
    v128.store(room, product8(x0, x1, x2, x3, y0, y1, y2, y3, g + e1, h + e1), 16);
    const e2 = <usize>load<u32>(entry, 16);
    const e3 = <usize>load<u32>(entry, 24);
    v128.store(room, product8(x0, x1, x2, x3, y0, y1, y2, y3, g + e2, h + e2), 32);
    const s3 = product8(x0, x1, x2, x3, y0, y1, y2, y3, g + e3, h + e3);
    const all = sumLanes4(v128.load(room), v128.load(room, 16), v128.load(room, 32), s3);
    v128.store(sums, f32x4.add(v128.load(sums), all));
  }
  for (; entry < end; entry += 8) {
    const sums = weightGradient + ((entry - entries) >> 1);
    const e0 = <usize>load<u32>(entry);
    const s0 = product8(x0, x1, x2, x3, y0, y1, y2, y3, g + e0, h + e0);
    store<f32>(sums, load<f32>(sums) + sumLanes(s0));
  }
}

@inline
function product8(
  x0: v128, x1: v128, x2: v128, x3: v128, y0: v128, y1: v128, y2: v128, y3: v128, g: usize, h: usize,
): v128 {
  return f32x4.add(product(x0, x1, x2, x3, g), product(y0, y1, y2, y3, h));
}
