/** Searches for numbers that are not finite. */
import { blockOf, tensorAt, validLanes } from "./layout";
import { laneMask } from "./lanes";

@unmanaged
export class FiniteCheck {
  /** Tensor record. */
  tensor: usize;
  /** u32[blocks]: 1 if the block holds a NaN or an infinity. */
  found: usize;
}

@kernel
export function checkFinite(op: FiniteCheck, block: u32): void {
  const tensor = tensorAt(op.tensor);
  const pixel = tensor.pixelBytes;
  const valid = validLanes(tensor, block);
  let wrong = i32x4.splat(0);
  for (let u: u32 = 0; u < tensor.units; u++) {
    let row = blockOf(tensor, block) + <usize>u * tensor.unitBytes;
    for (let y: u32 = 0; y < tensor.height; y++) {
      for (let x: u32 = 0; x < tensor.width; x++) {
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const v = v128.load(row + <usize>x * pixel + lane);
          // x − x is 0 unless x is not finite
          const finite = f32x4.eq(f32x4.sub(v, v), f32x4.splat(0));
          wrong = v128.or(wrong, v128.andnot(laneMask(lane >> 2, valid), finite));
        }
      }
      row += tensor.rowBytes;
    }
  }
  store<u32>(op.found + (<usize>block << 2), v128.any_true(wrong) ? 1 : 0);
}
