/** Elements moved between units and positions by a table, and their gradients moved back. */
import { blockOf, NO_UNIT, Tensor, tensorAt } from "./layout";

@unmanaged
export class Rearrange {
  /** Tensor records. */
  input: usize;
  output: usize;
  /**
   * {u32 unit, u32 row, u32 column} of the other tensor for every pixel of `output`, unit by unit and row by row; of
   * `input` if it scatters. The unit is NO_UNIT where there is none.
   */
  places: usize;
  /** 1: adds every pixel of the input to its place in the output; 0: every pixel of the output is one of the input. */
  scatter: u32;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

@kernel
export function rearrange(op: Rearrange, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const walked = op.scatter ? input : output;
  if (op.scatter && !op.accumulate) clearPixels(output, block);
  const other = op.scatter ? output : input;
  const adds = op.scatter != 0 || op.accumulate != 0;
  const pixel = walked.pixelBytes;
  let place = op.places;
  for (let u: u32 = 0; u < walked.units; u++) {
    for (let p: u32 = 0; p < walked.height; p++) {
      let own = blockOf(walked, block) + <usize>u * walked.unitBytes + <usize>p * walked.rowBytes;
      for (let q: u32 = 0; q < walked.width; q++, own += pixel, place += 12) {
        const unit = load<u32>(place);
        const there =
          blockOf(other, block) +
          <usize>unit * other.unitBytes +
          <usize>load<u32>(place, 4) * other.rowBytes +
          <usize>load<u32>(place, 8) * pixel;
        if (op.scatter) {
          if (unit != NO_UNIT) copyPixel(own, there, pixel, true);
        } else if (unit != NO_UNIT) copyPixel(there, own, pixel, adds);
        else if (!adds) memory.fill(own, 0, pixel);
      }
    }
  }
}

@inline
function copyPixel(from: usize, to: usize, bytes: usize, adds: bool): void {
  for (let lane: usize = 0; lane < bytes; lane += 16) {
    const value = v128.load(from + lane);
    v128.store(to + lane, adds ? f32x4.add(v128.load(to + lane), value) : value);
  }
}

/** Zeros in all pixels; the border is zero already. */
function clearPixels(tensor: Tensor, block: u32): void {
  for (let u: u32 = 0; u < tensor.units; u++)
    for (let p: u32 = 0; p < tensor.height; p++)
      memory.fill(
        blockOf(tensor, block) + <usize>u * tensor.unitBytes + <usize>p * tensor.rowBytes,
        0,
        <usize>tensor.width * tensor.pixelBytes,
      );
}
