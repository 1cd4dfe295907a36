/**
 * Taps inside the input for each place of a convolution, for kernels that work pixel by pixel
 * (assembly/layers/sparsePixels.ts): neighbouring places with the same taps form a group. Taps are numbered in the
 * order of a layer's entries.
 */
import { records, writeRecord } from "@phew/engine";
import type { KernelTaps } from "../model/kernelTaps.ts";

/** Taps from one to before another, in the order of the entries. */
export type Range = readonly [number, number];

export interface PixelGroup {
  /** Row and column of the first place, in the computed value and in the gathered one. */
  readonly own: readonly [number, number];
  readonly gathered: readonly [number, number];
  readonly pixels: number;
  readonly ranges: readonly Range[];
}

/** Places that are computed together at most: two pixels of a cache line each fill the registers. */
const MOST_PIXELS = 2;

/** Places of one row, and the taps of each. */
interface Place {
  readonly own: readonly [number, number];
  readonly gathered: readonly [number, number];
  readonly ranges: readonly Range[];
}

/** For the forward pass: outputs gather inputs, taps in the order of the kernel. */
export function forwardGroups(
  { rowShift, columnShift, kernelWidth, stride }: KernelTaps,
  input: Plane,
  output: Plane,
): readonly PixelGroup[] {
  const rowOf = rowShift.filter((_, tap) => tap % kernelWidth === 0);
  const columnOf = columnShift.slice(0, kernelWidth);
  const [strideY, strideX] = stride;
  return rowsOf(output.height, output.width, (p, q) => {
    const rows = within(rowOf, p * strideY, input.height);
    const columns = within(columnOf, q * strideX, input.width);
    return {
      own: [p, q],
      gathered: [p * strideY, q * strideX],
      ranges: rangesOf(rows, columns, kernelWidth, 0),
    };
  });
}

/**
 * For the backward pass: inputs gather gradients of outputs, taps by class and within it in the order of the kernel.
 */
export function backwardGroups(taps: KernelTaps, output: Plane): readonly PixelGroup[] {
  const { outRow, outColumn, classOf, classShapes, stride } = taps;
  const [strideY, strideX] = stride;
  let first = 0;
  return classShapes.flatMap(({ firstRow, firstColumn, rows, columns }, index) => {
    const own = outRow.map((_, tap) => tap).filter((tap) => classOf[tap] === index);
    const width = own.filter((tap) => outRow[tap] === outRow[own[0]!]).length;
    const rowOf = own.filter((_, k) => k % width === 0).map((tap) => outRow[tap]!);
    const columnOf = own.slice(0, width).map((tap) => outColumn[tap]!);
    const start = first;
    first += own.length;
    return rowsOf(rows, columns, (a, b) => ({
      own: [firstRow + a * strideY, firstColumn + b * strideX],
      gathered: [a, b],
      ranges: rangesOf(within(rowOf, a, output.height), within(columnOf, b, output.width), width, start),
    }));
  });
}

interface Plane {
  readonly height: number;
  readonly width: number;
}

/** As the kernels read them: the groups, then their ranges. */
export function groupRecords(groups: readonly PixelGroup[]): Uint32Array {
  const { bytes } = records.pixelGroup;
  const rangeCount = groups.reduce((sum, { ranges }) => sum + ranges.length, 0);
  let next = groups.length * bytes;
  const words = new Uint32Array(next / 4 + 2 * rangeCount);
  const view = new DataView(words.buffer);
  for (const [k, { own, gathered, pixels, ranges }] of groups.entries()) {
    writeRecord(view, k * bytes, records.pixelGroup, {
      ownRow: own[0],
      ownColumn: own[1],
      gatheredRow: gathered[0],
      gatheredColumn: gathered[1],
      pixels,
      ranges: next,
      rangeCount: ranges.length,
    });
    for (const range of ranges) {
      words.set(range, next / 4);
      next += 8;
    }
  }
  return words;
}

export function rowsOf(
  height: number,
  width: number,
  placeAt: (row: number, column: number) => Place,
): PixelGroup[] {
  const groups: PixelGroup[] = [];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; ) {
      const place = placeAt(row, column);
      const same = JSON.stringify(place.ranges);
      let pixels = 1;
      while (
        pixels < MOST_PIXELS &&
        column + pixels < width &&
        JSON.stringify(placeAt(row, column + pixels).ranges) === same
      )
        pixels++;
      groups.push({ ...place, pixels });
      column += pixels;
    }
  }
  return groups;
}

/** First and one past the last of the shifts that lead from `at` to a place. */
export function within(shifts: readonly number[], at: number, length: number): Range {
  const meets = shifts.map((shift) => at + shift >= 0 && at + shift < length);
  const first = meets.indexOf(true);
  return first < 0 ? [0, 0] : [first, meets.lastIndexOf(true) + 1];
}

/** Of a rectangle of taps: one range where whole rows of the kernel are met, one a row else. */
export function rangesOf(rows: Range, columns: Range, width: number, first: number): readonly Range[] {
  if (rows[0] === rows[1] || columns[0] === columns[1]) return [];
  if (columns[1] - columns[0] === width) return [[first + rows[0] * width, first + rows[1] * width]];
  return Array.from({ length: rows[1] - rows[0] }, (_, k) => {
    const row = first + (rows[0] + k) * width;
    return [row + columns[0], row + columns[1]] as const;
  });
}
