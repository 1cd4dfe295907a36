/** Volumes are computed as images: their slices lie one below the other. */
import { elementCount, type Shape } from "@phew/core";

/** Rows and columns of a value: `[units]` has one of each, `[units, depth, height, width]` depth · height rows. */
export function planeOf([, ...positions]: Shape): { readonly height: number; readonly width: number } {
  return { height: elementCount(positions.slice(0, -1)), width: positions.at(-1) ?? 1 };
}
