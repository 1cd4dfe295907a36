/**
 * Positions of each unit as sums over positions of another value, axis by axis; the way back is the same with the
 * tables transposed.
 */
import { blockOf, tensorAt } from "./layout";

@unmanaged
export class Resample {
  /** Tensor records with the same units. */
  input: usize;
  output: usize;
  /**
   * For the output's rows, and for its columns: u32[length + 1], where each position's terms start and the last ends;
   * behind it the terms, {u32 position of the input, f32 factor} each.
   */
  rows: usize;
  columns: usize;
  /** What positions without terms hold. */
  fill: f32;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

@kernel
export function resample(op: Resample, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const rowTerms = op.rows + ((<usize>output.height + 1) << 2);
  const columnTerms = op.columns + ((<usize>output.width + 1) << 2);
  for (let u: u32 = 0; u < output.units; u++) {
    const x = blockOf(input, block) + <usize>u * input.unitBytes;
    const y = blockOf(output, block) + <usize>u * output.unitBytes;
    for (let p: u32 = 0; p < output.height; p++) {
      const place = op.rows + (<usize>p << 2);
      resampleRow(
        op,
        x,
        y + <usize>p * output.rowBytes,
        rowTerms + (<usize>load<u32>(place) << 3),
        rowTerms + (<usize>load<u32>(place, 4) << 3),
        columnTerms,
      );
    }
  }
}

function resampleRow(op: Resample, x: usize, y: usize, firstRow: usize, endRow: usize, columnTerms: usize): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = output.pixelBytes;
  const accumulate = op.accumulate != 0;
  const fill = f32x4.splat(op.fill);
  for (let q: u32 = 0; q < output.width; q++) {
    const place = op.columns + (<usize>q << 2);
    const firstColumn = columnTerms + (<usize>load<u32>(place) << 3);
    const endColumn = columnTerms + (<usize>load<u32>(place, 4) << 3);
    const isEmpty = firstRow == endRow || firstColumn == endColumn;
    for (let lane: usize = 0; lane < pixel; lane += 16) {
      let sum = isEmpty ? fill : f32x4.splat(0);
      for (let row = firstRow; row < endRow; row += 8) {
        const from = x + <usize>load<u32>(row) * input.rowBytes + lane;
        const factor = load<f32>(row, 4);
        for (let column = firstColumn; column < endColumn; column += 8) {
          const value = v128.load(from + <usize>load<u32>(column) * pixel);
          sum = f32x4.add(sum, f32x4.mul(f32x4.splat(factor * load<f32>(column, 4)), value));
        }
      }
      const to = y + <usize>q * pixel + lane;
      v128.store(to, accumulate ? f32x4.add(v128.load(to), sum) : sum);
    }
  }
}
