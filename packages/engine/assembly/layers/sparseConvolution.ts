/**
 * Convolution over kept weights only:
 *   y[o, p, q] = bias[o] + Σ_{kept (i, r, c)} w · x[i, p·stride − padding + r·dilation, q·stride − padding +
 *   c·dilation]
 * Four kept weights of one output unit are applied together to a run of rows. The zeros around `input` are the
 * padding, so that every weight has the same run.
 */
import { blockOf, tensorAt } from "./layout";
import { addRuns, fillRun } from "./runs";

@unmanaged
export class SparseConvolution {
  /** Tensor records. */
  input: usize;
  output: usize;
  /** u32[output units + 1]: start of the entries of each output unit. */
  rowStart: usize;
  /** {u32 bytes from the output pixel's own place in the input, f32 weight}, in the order of the parameter. */
  entries: usize;
  /** f32[output units], or 0. */
  bias: usize;
  strideY: u32;
  strideX: u32;
  /** Output rows that are computed together, for all units. */
  tileRows: u32;
}

@kernel
export function sparseConvolution(op: SparseConvolution, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const pixel = output.pixelBytes;
  const outRow = output.rowBytes;
  const inRow = <usize>op.strideY * input.rowBytes;
  const outUnit = output.unitBytes;
  const whole = op.strideX == 1;
  const columns = whole ? 1 : output.width;
  const bytes = whole ? <usize>output.width * pixel : pixel;
  const inColumn = <usize>op.strideX * pixel;
  const units = output.units;
  const height = output.height;
  const tileRows = op.tileRows;
  const rowStart = op.rowStart;
  const entries = op.entries;
  const bias = op.bias;
  const inBlock = blockOf(input, block);
  const outBlock = blockOf(output, block);
  for (let y: u32 = 0; y < height; y += tileRows) {
    const rows = min(tileRows, height - y);
    const x = inBlock + <usize>y * inRow;
    let out = outBlock + <usize>y * outRow;
    let entry = entries + (<usize>load<u32>(rowStart) << 3);
    for (let o: u32 = 0; o < units; o++) {
      const end = entries + (<usize>load<u32>(rowStart + ((<usize>o + 1) << 2)) << 3);
      const value = bias ? v128.load_splat<f32>(bias + (<usize>o << 2)) : f32x4.splat(0);
      if (entry == end) {
        fillRun(out, value, rows, columns, bytes, outRow, pixel);
      } else {
        const odd = ((end - entry) >> 3) & 3;
        // the remainder of four first: it initialises the sums
        if (odd == 0) {
          addEntries(4, true, value, entry, x, out, rows, columns, bytes, outRow, pixel, inRow, inColumn);
          entry += 32;
        } else {
          if (odd == 1) addEntries(1, true, value, entry, x, out, rows, columns, bytes, outRow, pixel, inRow, inColumn);
          else if (odd == 2) addEntries(2, true, value, entry, x, out, rows, columns, bytes, outRow, pixel, inRow, inColumn);
          else addEntries(3, true, value, entry, x, out, rows, columns, bytes, outRow, pixel, inRow, inColumn);
          entry += odd << 3;
        }
        for (; entry < end; entry += 32) {
          addEntries(4, false, value, entry, x, out, rows, columns, bytes, outRow, pixel, inRow, inColumn);
        }
      }
      out += outUnit;
    }
  }
}

/** The next n entries, n a literal. */
@inline
function addEntries(
  n: u32, first: bool, value: v128, entry: usize, x: usize, out: usize,
  rows: u32, columns: u32, bytes: usize, outRow: usize, pixel: usize, inRow: usize, inColumn: usize,
): void {
  addRuns(
    n, first, value, out,
    x + load<u32>(entry),
    n > 1 ? x + load<u32>(entry, 8) : 0,
    n > 2 ? x + load<u32>(entry, 16) : 0,
    n > 3 ? x + load<u32>(entry, 24) : 0,
    v128.load_splat<f32>(entry, 4),
    n > 1 ? v128.load_splat<f32>(entry, 12) : value,
    n > 2 ? v128.load_splat<f32>(entry, 20) : value,
    n > 3 ? v128.load_splat<f32>(entry, 28) : value,
    rows, columns, bytes, outRow, pixel, inRow, inColumn,
  );
}
