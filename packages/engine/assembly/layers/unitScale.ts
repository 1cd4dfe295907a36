/**
 * Products of elements with a factor of their unit, and sums of products by unit: for trained scales and slopes. With
 * a gate only elements count whose gate value is not above 0.
 */
import { blockOf, tensorAt } from "./layout";
import { sumHalves } from "./sumLanes";

@unmanaged
export class UnitScale {
  /** Tensor records of one shape; both may be the same. */
  input: usize;
  output: usize;
  /** f32[units], 4 bytes apart, or one for all, 0 bytes apart. */
  factors: usize;
  factorStep: usize;
  /** Tensor record: where its value is above 0, the factor is `above`; or 0. */
  gate: usize;
  above: f32;
  /** Adds to what is there already. */
  accumulate: u32;
}

@kernel
export function scaleUnits(op: UnitScale, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const gate = tensorAt(op.gate ? op.gate : op.input);
  const above = f32x4.splat(op.above);
  const zero = f32x4.splat(0);
  const bytes = <usize>input.width * input.pixelBytes;
  for (let u: u32 = 0; u < input.units; u++) {
    const own = f32x4.splat(load<f32>(op.factors + <usize>u * op.factorStep));
    let x = blockOf(input, block) + <usize>u * input.unitBytes;
    let y = blockOf(output, block) + <usize>u * output.unitBytes;
    let g = blockOf(gate, block) + <usize>u * gate.unitBytes;
    for (let row: u32 = 0; row < input.height; row++) {
      for (let at: usize = 0; at < bytes; at += 16) {
        const factor = op.gate ? v128.bitselect(above, own, f32x4.gt(v128.load(g + at), zero)) : own;
        const product = f32x4.mul(v128.load(x + at), factor);
        v128.store(y + at, op.accumulate ? f32x4.add(v128.load(y + at), product) : product);
      }
      x += input.rowBytes;
      y += output.rowBytes;
      g += gate.rowBytes;
    }
  }
}

@unmanaged
export class UnitProducts {
  /** Tensor records of one shape. */
  first: usize;
  second: usize;
  /** Tensor record: elements where its value is above 0 do not count; or 0. */
  gate: usize;
  /** f64[blocks][units], or f64[blocks] for the sum of all units. */
  partial: usize;
  together: u32;
  /** Adds to what is there already. */
  accumulate: u32;
}

/** Σ first · second of each unit over one block. Padding lanes of one of them are 0. */
@kernel
export function unitProducts(op: UnitProducts, block: u32): void {
  const first = tensorAt(op.first);
  const second = tensorAt(op.second);
  const gate = tensorAt(op.gate ? op.gate : op.first);
  const zero = f32x4.splat(0);
  const bytes = <usize>first.width * first.pixelBytes;
  let partial = op.partial + (<usize>block * (op.together ? 1 : first.units) << 3);
  let total: f64 = 0;
  for (let u: u32 = 0; u < first.units; u++) {
    let sums = f64x2.splat(0);
    let a = blockOf(first, block) + <usize>u * first.unitBytes;
    let b = blockOf(second, block) + <usize>u * second.unitBytes;
    let g = blockOf(gate, block) + <usize>u * gate.unitBytes;
    for (let row: u32 = 0; row < first.height; row++) {
      for (let at: usize = 0; at < bytes; at += 16) {
        const product = f32x4.mul(v128.load(a + at), v128.load(b + at));
        const counted = op.gate ? v128.andnot(product, f32x4.gt(v128.load(g + at), zero)) : product;
        sums = f64x2.add(sums, sumHalves(counted));
      }
      a += first.rowBytes;
      b += second.rowBytes;
      g += gate.rowBytes;
    }
    total += f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
    if (op.together) continue;
    store<f64>(partial, op.accumulate ? load<f64>(partial) + total : total);
    partial += 8;
    total = 0;
  }
  if (op.together) store<f64>(partial, op.accumulate ? load<f64>(partial) + total : total);
}
