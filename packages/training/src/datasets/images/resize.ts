/**
 * Resizes by the triangle filter, widened for reductions, first along rows, then along columns: PIL's and
 * torchvision's bilinear with antialiasing. With s = old / new length and r = max(1, s), output i is
 *   Σ_k w((k + ½ − (i + ½)·s) / r) · input_k / Σ_k w(…),   w(t) = max(0, 1 − |t|)
 */
import type { DecodedImage } from "./decode.ts";

/**
 * Resizes so that the shorter side is `side`, and crops the centre.
 * @returns row-major `[channels, side, side]`
 */
export function resizeToSquare({ width, height, planes }: DecodedImage, side: number): Uint8Array {
  const channels = planes.length / (width * height);
  if (width === side && height === side) return planes;
  const scale = side / Math.min(width, height);
  const newWidth = Math.max(side, Math.round(width * scale));
  const newHeight = Math.max(side, Math.round(height * scale));
  const columns = taps(width, newWidth, Math.floor((newWidth - side) / 2), side);
  const rows = taps(height, newHeight, Math.floor((newHeight - side) / 2), side);
  const square = new Uint8Array(channels * side * side);
  const narrow = new Float32Array(height * side);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const row = (c * height + y) * width;
      for (let x = 0; x < side; x++) {
        const { first, weights } = columns[x]!;
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * planes[row + first + k]!;
        narrow[y * side + x] = sum;
      }
    }
    for (let y = 0; y < side; y++) {
      const { first, weights } = rows[y]!;
      for (let x = 0; x < side; x++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * narrow[(first + k) * side + x]!;
        square[(c * side + y) * side + x] = Math.max(0, Math.min(255, Math.round(sum)));
      }
    }
  }
  return square;
}

interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Weights of the outputs `start` … `start + count − 1` of a line resized from `length` to `newLength`. */
function taps(length: number, newLength: number, start: number, count: number): Taps[] {
  const scale = length / newLength;
  const reach = Math.max(1, scale);
  return Array.from({ length: count }, (_, k) => {
    const middle = (start + k + 0.5) * scale;
    const first = Math.max(0, Math.floor(middle - reach));
    const end = Math.min(length, Math.ceil(middle + reach));
    const weights = Float64Array.from({ length: end - first }, (_, j) =>
      Math.max(0, 1 - Math.abs(first + j + 0.5 - middle) / reach),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}
