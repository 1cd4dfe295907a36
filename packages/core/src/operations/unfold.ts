/**
 * Windows of a plane laid out as rows: row (r, c) holds, for every output position, the input that tap (r, c) of the
 * kernel meets there, 0 in the padding. Stride, padding and dilation are gone after it: a convolution is then sums of
 * rows, contiguous on both sides.
 */
import { validRange, type Window } from "./spatial.ts";

export interface UnfoldShape {
  readonly window: Window;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/**
 * @param rows length kh·kw · outHeight·outWidth from `rowStart` on is written; padding must be 0 already
 * @param plane height·width values from `planeStart` on
 */
export function unfoldInto(
  rows: Float64Array,
  rowStart: number,
  plane: Float64Array,
  planeStart: number,
  shape: UnfoldShape,
): void {
  forEachRun(shape, (row, x, length, step) => {
    for (let k = 0; k < length; k++) rows[rowStart + row + k] = plane[planeStart + x + k * step]!;
  });
}

/** The transpose of {@link unfoldInto}: adds every element of the rows to the input it came from. */
export function foldInto(
  plane: Float64Array,
  planeStart: number,
  rows: Float64Array,
  rowStart: number,
  shape: UnfoldShape,
): void {
  forEachRun(shape, (row, x, length, step) => {
    for (let k = 0; k < length; k++) plane[planeStart + x + k * step]! += rows[rowStart + row + k]!;
  });
}

/** Calls `visit` with every run of output positions that lies inside the input: its start in the rows and the plane. */
function forEachRun(
  { window: { kernel, stride, padding, dilation }, height, width, outHeight, outWidth }: UnfoldShape,
  visit: (row: number, x: number, length: number, step: number) => void,
): void {
  for (let r = 0; r < kernel[0]; r++) {
    const [top, bottom] = validRange(height, outHeight, r, stride[0], padding[0], dilation[0]);
    for (let c = 0; c < kernel[1]; c++) {
      const [left, right] = validRange(width, outWidth, c, stride[1], padding[1], dilation[1]);
      const tap = (r * kernel[1] + c) * outHeight;
      for (let p = top; p < bottom; p++) {
        const y = p * stride[0] - padding[0] + r * dilation[0];
        const x = left * stride[1] - padding[1] + c * dilation[1];
        visit((tap + p) * outWidth + left, y * width + x, right - left, stride[1]);
      }
    }
  }
}
