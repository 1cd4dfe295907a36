/**
 * What lies between the weighted layers, in one pass:
 *   z = clamp(a1·x1 + b1 + a2·x2 + b2),   clamp(v) = min(max(v, α·v), cap)
 * with a and b from batch normalisation, or 1 and 0 for a value that is added unchanged. ReLU is α = 0, leaky ReLU
 * its slope, ReLU6 has cap 6, and α = 1 with an infinite cap is the identity.
 */
import { blockOf, NO_UNIT, tensorAt, validLanes } from "./layout";
import { laneMask } from "./lanes";
import { sumHalves } from "./sumLanes";

@unmanaged
export class Combine {
  /** Tensor records; second is 0 where there is one input. */
  output: usize;
  first: usize;
  second: usize;
  /** f32[2][units]: a and b, or 0. */
  firstCoefficients: usize;
  secondCoefficients: usize;
  /** u32[output units]: which unit of the input, or NO_UNIT; 0 where units are the same. */
  firstUnits: usize;
  secondUnits: usize;
  alpha: f32;
  cap: f32;
}

@inline
function clamp(v: v128, alpha: v128, cap: v128): v128 {
  // pmax and pmin return the first operand if it is NaN, so NaN passes through
  return f32x4.pmin(f32x4.pmax(v, f32x4.mul(v, alpha)), cap);
}

@inline
function unitIn(units: usize, u: u32): u32 {
  return units ? load<u32>(units + (<usize>u << 2)) : u;
}

@inline
function coefficient(coefficients: usize, units: u32, row: u32, u: u32): v128 {
  return coefficients && u != NO_UNIT
    ? v128.load_splat<f32>(coefficients + (<usize>(row * units + u) << 2))
    : f32x4.splat(row == 0 ? 1 : 0);
}

@kernel
export function combine(op: Combine, block: u32): void {
  const output = tensorAt(op.output);
  const first = tensorAt(op.first);
  const second = tensorAt(op.second ? op.second : op.first);
  const two = op.second != 0;
  const height = output.height;
  const bytes = <usize>output.width * output.pixelBytes;
  const alpha = f32x4.splat(op.alpha);
  const cap = f32x4.splat(op.cap);
  const relu = op.alpha == 0 && op.cap == Infinity;
  for (let u: u32 = 0, units = output.units; u < units; u++) {
    const u1 = unitIn(op.firstUnits, u);
    const u2 = two ? unitIn(op.secondUnits, u) : NO_UNIT;
    let z = blockOf(output, block) + <usize>u * output.unitBytes;
    let x1 = blockOf(first, block) + <usize>u1 * first.unitBytes;
    let x2 = blockOf(second, block) + <usize>u2 * second.unitBytes;
    let a1 = coefficient(op.firstCoefficients, first.units, 0, u1);
    let b1 = coefficient(op.firstCoefficients, first.units, 1, u1);
    let a2 = coefficient(op.secondCoefficients, second.units, 0, u2);
    let b2 = coefficient(op.secondCoefficients, second.units, 1, u2);
    const both = u1 != NO_UNIT && u2 != NO_UNIT;
    if (both) b1 = f32x4.add(b1, b2);
    // if one of the two units is absent, the other is taken alone
    const swap = u1 == NO_UNIT;
    let source = swap ? x2 : x1;
    const sourceRow = swap ? second.rowBytes : first.rowBytes;
    const a = swap ? a2 : a1;
    const b = swap ? b2 : b1;
    for (let y: u32 = 0; y < height; y++) {
      if (both) {
        if (relu) addRow(z, source, x2, bytes, a, b, a2, alpha, cap, true);
        else addRow(z, source, x2, bytes, a, b, a2, alpha, cap, false);
      } else {
        if (relu) scaleRow(z, source, bytes, a, b, alpha, cap, true);
        else scaleRow(z, source, bytes, a, b, alpha, cap, false);
      }
      z += output.rowBytes;
      source += sourceRow;
      x2 += second.rowBytes;
    }
  }
}

/** `relu` is a literal. */
@inline
function scaleRow(z: usize, x: usize, bytes: usize, a: v128, b: v128, alpha: v128, cap: v128, relu: bool): void {
  const zero = f32x4.splat(0);
  const end = z + bytes;
  while (z + 64 <= end) {
    const v0 = multiplyAdd(a, v128.load(x), b);
    v128.store(z, relu ? f32x4.pmax(v0, zero) : clamp(v0, alpha, cap));
    const v1 = multiplyAdd(a, v128.load(x, 16), b);
    v128.store(z, relu ? f32x4.pmax(v1, zero) : clamp(v1, alpha, cap), 16);
    const v2 = multiplyAdd(a, v128.load(x, 32), b);
    v128.store(z, relu ? f32x4.pmax(v2, zero) : clamp(v2, alpha, cap), 32);
    const v3 = multiplyAdd(a, v128.load(x, 48), b);
    v128.store(z, relu ? f32x4.pmax(v3, zero) : clamp(v3, alpha, cap), 48);
    z += 64;
    x += 64;
  }
  while (z < end) {
    const v = multiplyAdd(a, v128.load(x), b);
    v128.store(z, relu ? f32x4.pmax(v, zero) : clamp(v, alpha, cap));
    z += 16;
    x += 16;
  }
}

/** `relu` is a literal; b is the sum of both offsets. */
@inline
function addRow(
  z: usize, x1: usize, x2: usize, bytes: usize,
  a1: v128, b: v128, a2: v128, alpha: v128, cap: v128, relu: bool,
): void {
  const zero = f32x4.splat(0);
  const end = z + bytes;
  while (z < end) {
    const v = multiplyAdd(a2, v128.load(x2), multiplyAdd(a1, v128.load(x1), b));
    v128.store(z, relu ? f32x4.pmax(v, zero) : clamp(v, alpha, cap));
    z += 16;
    x1 += 16;
    x2 += 16;
  }
}

/** g ← g · clamp′, derived from z alone: 1 above 0 and below cap, α from 0 down, 0 from cap up. */
@unmanaged
export class Gate {
  /** Tensor records; the gradient is changed in place. */
  gradient: usize;
  output: usize;
  alpha: f32;
  cap: f32;
}

@kernel
export function gate(op: Gate, block: u32): void {
  const gradient = tensorAt(op.gradient);
  const output = tensorAt(op.output);
  const height = gradient.height;
  const bytes = <usize>gradient.width * gradient.pixelBytes;
  const alpha = f32x4.splat(op.alpha);
  const cap = f32x4.splat(op.cap);
  const relu = op.alpha == 0 && op.cap == Infinity;
  for (let u: u32 = 0, units = gradient.units; u < units; u++) {
    let g = blockOf(gradient, block) + <usize>u * gradient.unitBytes;
    let z = blockOf(output, block) + <usize>u * output.unitBytes;
    for (let y: u32 = 0; y < height; y++) {
      const end = g + bytes;
      let p = g;
      let q = z;
      if (relu) {
        while (p < end) {
          v128.store(p, v128.and(v128.load(p), f32x4.gt(v128.load(q), f32x4.splat(0))));
          p += 16;
          q += 16;
        }
      } else {
        while (p < end) {
          v128.store(p, f32x4.mul(v128.load(p), slope(v128.load(q), alpha, cap)));
          p += 16;
          q += 16;
        }
      }
      g += gradient.rowBytes;
      z += output.rowBytes;
    }
  }
}

@inline
function slope(z: v128, alpha: v128, cap: v128): v128 {
  const above = v128.bitselect(f32x4.splat(1), alpha, f32x4.gt(z, f32x4.splat(0)));
  return v128.and(above, f32x4.lt(z, cap));
}

/**
 * Σ g and Σ g·(x − mean) of each unit, with g = gradient · clamp′(a·x + b), or the gradient itself if it is gated.
 */
@unmanaged
export class GradientSums {
  /** Tensor records. */
  gradient: usize;
  input: usize;
  /** See batchNorm.ts. */
  coefficients: usize;
  /** f64[blocks][input units][2] */
  partial: usize;
  /** u32[input units]: which unit of the gradient; 0 where units are the same. */
  gradientUnits: usize;
  /** 1: the gradient has already been multiplied by clamp′. */
  gated: u32;
  alpha: f32;
  cap: f32;
}

@kernel
export function gradientSums(op: GradientSums, block: u32): void {
  if (op.gated) sumGradient(op, block, 0);
  else if (op.alpha == 0 && op.cap == Infinity) sumGradient(op, block, 1);
  else sumGradient(op, block, 2);
}

/** How to multiply the gradient by clamp′, a literal: 0 not at all, 1 for ReLU, 2 for any. */
@inline
function passed(mode: u32, g: v128, x: v128, a: v128, b: v128, alpha: v128, cap: v128): v128 {
  if (mode == 0) return g;
  const v = multiplyAdd(a, x, b);
  if (mode == 1) return v128.and(g, f32x4.gt(v, f32x4.splat(0)));
  return f32x4.mul(g, slope(v, alpha, cap));
}

@inline
function sumGradient(op: GradientSums, block: u32, mode: u32): void {
  const gradient = tensorAt(op.gradient);
  const input = tensorAt(op.input);
  const units = input.units;
  const height = input.height;
  const bytes = <usize>input.width * input.pixelBytes;
  const alpha = f32x4.splat(op.alpha);
  const cap = f32x4.splat(op.cap);
  let partial = op.partial + (<usize>(block * units) << 4);
  for (let u: u32 = 0; u < units; u++) {
    const a = coefficient(op.coefficients, units, 0, u);
    const b = coefficient(op.coefficients, units, 1, u);
    const mean = coefficient(op.coefficients, units, 2, u);
    let g = blockOf(gradient, block) + <usize>unitIn(op.gradientUnits, u) * gradient.unitBytes;
    let x = blockOf(input, block) + <usize>u * input.unitBytes;
    let sum = f64x2.splat(0);
    let product = f64x2.splat(0);
    for (let y: u32 = 0; y < height; y++) {
      let p = g;
      let q = x;
      const end = p + bytes;
      let s0 = f32x4.splat(0);
      let q0 = s0;
      let s1 = s0;
      let q1 = s0;
      while (p + 32 <= end) {
        const x0 = v128.load(q);
        const g0 = passed(mode, v128.load(p), x0, a, b, alpha, cap);
        s0 = f32x4.add(s0, g0);
        q0 = multiplyAdd(g0, f32x4.sub(x0, mean), q0);
        const x1 = v128.load(q, 16);
        const g1 = passed(mode, v128.load(p, 16), x1, a, b, alpha, cap);
        s1 = f32x4.add(s1, g1);
        q1 = multiplyAdd(g1, f32x4.sub(x1, mean), q1);
        p += 32;
        q += 32;
      }
      if (p < end) {
        const x0 = v128.load(q);
        const g0 = passed(mode, v128.load(p), x0, a, b, alpha, cap);
        s0 = f32x4.add(s0, g0);
        q0 = multiplyAdd(g0, f32x4.sub(x0, mean), q0);
      }
      sum = f64x2.add(sum, sumHalves(f32x4.add(s0, s1)));
      product = f64x2.add(product, sumHalves(f32x4.add(q0, q1)));
      g += gradient.rowBytes;
      x += input.rowBytes;
    }
    store<f64>(partial, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
    store<f64>(partial, f64x2.extract_lane(product, 0) + f64x2.extract_lane(product, 1), 8);
    partial += 16;
  }
}

/** ∂L/∂x = a·g + B·x + C, with g as in GradientSums; 0 in padding lanes, which sums over images rely on. */
@unmanaged
export class NormGradient {
  /** Tensor records. */
  inputGradient: usize;
  gradient: usize;
  input: usize;
  /** See batchNorm.ts. */
  coefficients: usize;
  /** u32[input units]: which unit of the gradient; 0 where units are the same. */
  gradientUnits: usize;
  gated: u32;
  alpha: f32;
  cap: f32;
  /** 1: adds to what inputGradient holds. */
  accumulate: u32;
}

@kernel
export function normGradient(op: NormGradient, block: u32): void {
  if (op.gated) passNorm(op, block, 0);
  else if (op.alpha == 0 && op.cap == Infinity) passNorm(op, block, 1);
  else passNorm(op, block, 2);
}

@inline
function passNorm(op: NormGradient, block: u32, mode: u32): void {
  const inputGradient = tensorAt(op.inputGradient);
  const gradient = tensorAt(op.gradient);
  const input = tensorAt(op.input);
  const units = input.units;
  const height = input.height;
  const pixel = input.pixelBytes;
  const bytes = <usize>input.width * pixel;
  const alpha = f32x4.splat(op.alpha);
  const cap = f32x4.splat(op.cap);
  const valid = validLanes(input, block);
  const plain = <usize>valid << 2 == pixel && op.accumulate == 0;
  for (let u: u32 = 0; u < units; u++) {
    const a = coefficient(op.coefficients, units, 0, u);
    const b = coefficient(op.coefficients, units, 1, u);
    const slopeX = coefficient(op.coefficients, units, 5, u);
    const offset = coefficient(op.coefficients, units, 6, u);
    let d = blockOf(inputGradient, block) + <usize>u * inputGradient.unitBytes;
    let g = blockOf(gradient, block) + <usize>unitIn(op.gradientUnits, u) * gradient.unitBytes;
    let x = blockOf(input, block) + <usize>u * input.unitBytes;
    for (let y: u32 = 0; y < height; y++) {
      let p = g;
      let q = x;
      let r = d;
      const end = r + bytes;
      if (plain) {
        while (r < end) {
          const xv = v128.load(q);
          const gv = passed(mode, v128.load(p), xv, a, b, alpha, cap);
          v128.store(r, multiplyAdd(a, gv, multiplyAdd(slopeX, xv, offset)));
          p += 16;
          q += 16;
          r += 16;
        }
      } else {
        while (r < end) {
          for (let lane: usize = 0; lane < pixel; lane += 16) {
            const xv = v128.load(q + lane);
            const gv = passed(mode, v128.load(p + lane), xv, a, b, alpha, cap);
            const dv = v128.and(multiplyAdd(a, gv, multiplyAdd(slopeX, xv, offset)), laneMask(lane >> 2, valid));
            v128.store(r + lane, op.accumulate ? f32x4.add(v128.load(r + lane), dv) : dv);
          }
          p += pixel;
          q += pixel;
          r += pixel;
        }
      }
      d += inputGradient.rowBytes;
      g += gradient.rowBytes;
      x += input.rowBytes;
    }
  }
}
