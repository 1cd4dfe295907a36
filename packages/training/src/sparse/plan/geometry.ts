/** How many bytes a value or gradient takes and where in them its pixels stand; see assembly/layers/layout.ts. */
import type { Border } from "../model/kernelTaps.ts";

/** Sizes in bytes. */
export interface Geometry {
  readonly pixelBytes: number;
  readonly rowBytes: number;
  readonly unitBytes: number;
  readonly blockBytes: number;
  /** From a block's start to unit 0, row 0, pixel 0; the zeros before a unit's first row. */
  readonly headBytes: number;
  readonly gapBytes: number;
  readonly tailBytes: number;
}

/** @param border zeros around each unit's plane @param lanes images a block */
export function geometryOf(
  { units, height, width }: { readonly units: number; readonly height: number; readonly width: number },
  { top, left, bottom, right }: Border,
  lanes: number,
): Geometry {
  const pixelBytes = 4 * lanes;
  // the zeros right of a row are those left of the next
  const gapBytes = Math.max(left, right) * pixelBytes;
  const rowBytes = width * pixelBytes + gapBytes;
  const headBytes = top * rowBytes + left * pixelBytes;
  const tailBytes = bottom * rowBytes + right * pixelBytes;
  const bytes = headBytes + height * rowBytes - gapBytes + tailBytes;
  // an odd number of cache lines: units side by side do not compete for the same few sets
  const lines = Math.ceil(bytes / 64);
  const unitBytes = 64 * (lines % 2 === 1 ? lines : lines + 1);
  const blockBytes = Math.max(1, units) * unitBytes;
  return { pixelBytes, rowBytes, unitBytes, blockBytes, headBytes, gapBytes, tailBytes };
}
