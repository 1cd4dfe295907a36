/**
 * Unfolds the windows of a plane into rows: row (r, c) holds the input at tap (r, c) of the kernel for every output
 * position, 0 in the padding. Stride, padding and dilation are then resolved: a convolution is a sum of contiguous
 * rows.
 */
import { validRange, type Window } from "./spatial.ts";

/** The runs of output positions whose tap lies inside the input: the same for every plane of a convolution. */
export interface Unfolding {
  /** Number of elements of the rows: kh·kw · outHeight·outWidth. */
  readonly rowsLength: number;
  /** For each run: its start in the rows, its start in the plane, its length. */
  readonly runs: Int32Array;
  /** Distance in the plane between neighbouring elements of a run. */
  readonly step: number;
}

export function unfolding(
  { kernel, stride, padding, dilation }: Window,
  [height, width]: readonly [number, number],
  [outHeight, outWidth]: readonly [number, number],
): Unfolding {
  const runs: number[] = [];
  for (let r = 0; r < kernel[0]; r++) {
    const [top, bottom] = validRange(height, outHeight, r, stride[0], padding[0], dilation[0]);
    for (let c = 0; c < kernel[1]; c++) {
      const [left, right] = validRange(width, outWidth, c, stride[1], padding[1], dilation[1]);
      if (left === right) continue;
      for (let p = top; p < bottom; p++) {
        const row = ((r * kernel[1] + c) * outHeight + p) * outWidth + left;
        const y = p * stride[0] - padding[0] + r * dilation[0];
        const x = left * stride[1] - padding[1] + c * dilation[1];
        runs.push(row, y * width + x, right - left);
      }
    }
  }
  const rowsLength = kernel[0] * kernel[1] * outHeight * outWidth;
  return { rowsLength, runs: Int32Array.from(runs), step: stride[1] };
}

/** Writes rows from `rowStart` on, from the plane at `planeStart`; elements in the padding must be 0 already. */
export function unfoldInto(
  rows: Float64Array,
  rowStart: number,
  plane: Float64Array,
  planeStart: number,
  { runs, step }: Unfolding,
): void {
  for (let run = 0; run < runs.length; run += 3) {
    const end = rowStart + runs[run]! + runs[run + 2]!;
    let x = planeStart + runs[run + 1]!;
    for (let row = rowStart + runs[run]!; row < end; row++, x += step) rows[row] = plane[x]!;
  }
}

/** The transpose of {@link unfoldInto}: adds every element of the rows to the input it came from. */
export function foldInto(
  plane: Float64Array,
  planeStart: number,
  rows: Float64Array,
  rowStart: number,
  { runs, step }: Unfolding,
): void {
  for (let run = 0; run < runs.length; run += 3) {
    const end = rowStart + runs[run]! + runs[run + 2]!;
    let x = planeStart + runs[run + 1]!;
    for (let row = rowStart + runs[run]!; row < end; row++, x += step) plane[x]! += rows[row]!;
  }
}
