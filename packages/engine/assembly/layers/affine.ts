/**
 * A factor and an offset of every unit or of every element: layer scale, position embeddings. Sums of products by element
 * are their gradients:   y = x·f + s,   ∂L/∂f = Σ over images of ∂L/∂y·x,   ∂L/∂s = Σ over images of ∂L/∂y
 */
import { blockOf, tensorAt } from "./layout";
import { sumHalves } from "./sumLanes";

@unmanaged
export class Affine {
  /** Tensor records of one shape; input and output may be the same. Input 0: only the offset. */
  input: usize;
  output: usize;
  /** f32[units][places], or 0 for factors 1 and for nothing added. */
  factors: usize;
  offsets: usize;
  /** 0: one number for all places of a unit, f32[units]. */
  byPlace: u32;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

@kernel
export function affine(op: Affine, block: u32): void {
  const input = tensorAt(op.input ? op.input : op.output);
  const output = tensorAt(op.output);
  const pixel = output.pixelBytes;
  const zero = f32x4.splat(0);
  let k: usize = 0;
  for (let u: u32 = 0; u < output.units; u++) {
    for (let row: u32 = 0; row < output.height; row++) {
      let x = blockOf(input, block) + <usize>u * input.unitBytes + <usize>row * input.rowBytes;
      let y = blockOf(output, block) + <usize>u * output.unitBytes + <usize>row * output.rowBytes;
      for (let column: u32 = 0; column < output.width; column++) {
        const factor = f32x4.splat(op.factors ? load<f32>(op.factors + k) : 1);
        const offset = f32x4.splat(op.offsets ? load<f32>(op.offsets + k) : 0);
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const product = op.input ? f32x4.mul(v128.load(x + lane), factor) : zero;
          const value = f32x4.add(product, offset);
          v128.store(y + lane, op.accumulate ? f32x4.add(v128.load(y + lane), value) : value);
        }
        x += input.pixelBytes;
        y += pixel;
        if (op.byPlace) k += 4;
      }
    }
    if (!op.byPlace) k += 4;
  }
}

@unmanaged
export class ElementProducts {
  /** Tensor records of one shape; second 0: ones. */
  first: usize;
  second: usize;
  /** f64[blocks][elements] */
  partial: usize;
  /** 1: adds to what is there already. */
  accumulate: u32;
}

/** Σ first · second over the images of one block, of every element. Padding lanes of the first are 0. */
@kernel
export function elementProducts(op: ElementProducts, block: u32): void {
  const first = tensorAt(op.first);
  const second = tensorAt(op.second ? op.second : op.first);
  const pixel = first.pixelBytes;
  let partial = op.partial + (<usize>block * first.units * first.height * first.width << 3);
  for (let u: u32 = 0; u < first.units; u++) {
    for (let row: u32 = 0; row < first.height; row++) {
      let a = blockOf(first, block) + <usize>u * first.unitBytes + <usize>row * first.rowBytes;
      let b = blockOf(second, block) + <usize>u * second.unitBytes + <usize>row * second.rowBytes;
      for (let column: u32 = 0; column < first.width; column++) {
        let sums = f64x2.splat(0);
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const x = v128.load(a + lane);
          sums = f64x2.add(sums, sumHalves(op.second ? f32x4.mul(x, v128.load(b + lane)) : x));
        }
        const total = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
        store<f64>(partial, op.accumulate ? load<f64>(partial) + total : total);
        partial += 8;
        a += pixel;
        b += second.pixelBytes;
      }
    }
  }
}
