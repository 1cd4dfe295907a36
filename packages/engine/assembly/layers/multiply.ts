/**
 * Products of two values element by element, and their way back:
 *   y = a · b,   ∂L/∂a = Σ over the places of y that read it of ∂L/∂y · b
 * A factor of one row or one pixel is read again for all of them, a unit wherever the tables name it.
 */
import { blockOf, NO_UNIT, Tensor, tensorAt } from "./layout";

@unmanaged
export class Multiply {
  /** Tensor records. */
  first: usize;
  second: usize;
  output: usize;
  /** u32[output units]: which unit of the factor, or NO_UNIT for one that is 0. */
  firstUnits: usize;
  secondUnits: usize;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

/** Bytes from one row or pixel to the next; 0 where one stands for all. */
@inline
function rowStep(tensor: Tensor): usize {
  return tensor.height > 1 ? tensor.rowBytes : 0;
}

@inline
function pixelStep(tensor: Tensor): usize {
  return tensor.width > 1 ? tensor.pixelBytes : 0;
}

@inline
function unitAt(tensor: Tensor, block: u32, unit: u32): usize {
  return blockOf(tensor, block) + <usize>unit * tensor.unitBytes;
}

@inline
function unitIn(units: usize, u: u32): u32 {
  return load<u32>(units + (<usize>u << 2));
}

@kernel
export function multiply(op: Multiply, block: u32): void {
  const output = tensorAt(op.output);
  const first = tensorAt(op.first);
  const second = tensorAt(op.second);
  const bytes = <usize>output.width * output.pixelBytes;
  const accumulate = op.accumulate != 0;
  const aligned = first.width == output.width && second.width == output.width;
  for (let u: u32 = 0; u < output.units; u++) {
    const u1 = unitIn(op.firstUnits, u);
    const u2 = unitIn(op.secondUnits, u);
    const absent = u1 == NO_UNIT || u2 == NO_UNIT;
    let z = unitAt(output, block, u);
    let a = absent ? 0 : unitAt(first, block, u1);
    let b = absent ? 0 : unitAt(second, block, u2);
    for (let row: u32 = 0; row < output.height; row++) {
      if (absent) {
        if (!accumulate) memory.fill(z, 0, bytes);
      } else if (aligned) {
        for (let at: usize = 0; at < bytes; at += 16) {
          const product = f32x4.mul(v128.load(a + at), v128.load(b + at));
          v128.store(z + at, accumulate ? f32x4.add(v128.load(z + at), product) : product);
        }
      } else {
        multiplyRow(z, a, pixelStep(first), b, pixelStep(second), output, accumulate);
      }
      z += output.rowBytes;
      a += rowStep(first);
      b += rowStep(second);
    }
  }
}

@inline
function multiplyRow(
  z: usize, a: usize, aStep: usize, b: usize, bStep: usize, output: Tensor, accumulate: bool,
): void {
  const pixel = output.pixelBytes;
  for (let x: u32 = 0; x < output.width; x++) {
    for (let lane: usize = 0; lane < pixel; lane += 16) {
      const product = f32x4.mul(v128.load(a + lane), v128.load(b + lane));
      v128.store(z + lane, accumulate ? f32x4.add(v128.load(z + lane), product) : product);
    }
    z += pixel;
    a += aStep;
    b += bStep;
  }
}

@unmanaged
export class MultiplyBackward {
  /** Tensor records: of the product's gradient, of the other factor, and of this factor's gradient. */
  gradient: usize;
  other: usize;
  target: usize;
  /** u32[gradient units]: which unit of the factor, or NO_UNIT for one that is 0. */
  otherUnits: usize;
  targetUnits: usize;
}

/** Adds to what the target holds. */
@kernel
export function multiplyBackward(op: MultiplyBackward, block: u32): void {
  const gradient = tensorAt(op.gradient);
  const other = tensorAt(op.other);
  const target = tensorAt(op.target);
  for (let u: u32 = 0; u < gradient.units; u++) {
    const from = unitIn(op.otherUnits, u);
    const to = unitIn(op.targetUnits, u);
    if (from == NO_UNIT || to == NO_UNIT) continue;
    let g = unitAt(gradient, block, u);
    let b = unitAt(other, block, from);
    let t = unitAt(target, block, to);
    for (let row: u32 = 0; row < gradient.height; row++) {
      if (target.width > 1) multiplyRow(t, g, gradient.pixelBytes, b, pixelStep(other), target, true);
      else sumRow(t, g, b, pixelStep(other), gradient);
      g += gradient.rowBytes;
      b += rowStep(other);
      t += rowStep(target);
    }
  }
}

/** Adds the products of a row to one pixel. */
@inline
function sumRow(t: usize, g: usize, b: usize, bStep: usize, gradient: Tensor): void {
  const pixel = gradient.pixelBytes;
  const bytes = <usize>gradient.width * pixel;
  for (let lane: usize = 0; lane < pixel; lane += 16) {
    let sum = f32x4.splat(0);
    let other = b + lane;
    for (let at = lane; at < bytes; at += pixel) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(g + at), v128.load(other)));
      other += bStep;
    }
    v128.store(t + lane, f32x4.add(v128.load(t + lane), sum));
  }
}
