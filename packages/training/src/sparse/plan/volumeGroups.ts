/** As pixelGroups.ts for 3-d convolutions: taps inside the volume for each place. */
import type { VolumeAxis, VolumeTaps } from "../model/volumeTaps.ts";
import { type PixelGroup, type Range, rangesOf, rowsOf, within } from "./pixelGroups.ts";

/** Outputs gather inputs, taps in the order of the kernel. */
export function forwardVolumeGroups({ axes: [depth, rows, columns] }: VolumeTaps): readonly PixelGroup[] {
  const [height, width] = [rows.shifts.length, columns.shifts.length];
  return rowsOf(depth.outLength * rows.outLength, columns.outLength, (row, column) => {
    const [p, q] = [Math.floor(row / rows.outLength) * depth.stride, (row % rows.outLength) * rows.stride];
    const c = column * columns.stride;
    const own = [within(rows.shifts, q, rows.length), within(columns.shifts, c, columns.length)] as const;
    return {
      own: [row, column],
      gathered: [p * rows.length + q, c],
      ranges: slicesOf(within(depth.shifts, p, depth.length), ...own, width, height * width, 0),
    };
  });
}

/** Inputs gather gradients of outputs, taps by class and within it in the order of the kernel. */
export function backwardVolumeGroups({ axes }: VolumeTaps): readonly PixelGroup[] {
  const [depth, rows, columns] = axes;
  const groups: PixelGroup[] = [];
  let first = 0;
  for (let a = 0; a < depth.stride; a++) {
    for (let b = 0; b < rows.stride; b++) {
      for (let c = 0; c < columns.stride; c++) {
        const [d, r, s] = [ofClass(depth, a), ofClass(rows, b), ofClass(columns, c)];
        groups.push(...classGroups(axes, [d, r, s], first));
        first += d.outs.length * r.outs.length * s.outs.length;
      }
    }
  }
  return groups;
}

/** The places of an axis with one remainder by the stride, and the outputs that their taps lead to. */
interface AxisClass {
  readonly first: number;
  readonly count: number;
  readonly outs: readonly number[];
}

function ofClass({ length, stride, shifts, outs }: VolumeAxis, first: number): AxisClass {
  return {
    first,
    count: Math.max(0, Math.ceil((length - first) / stride)),
    outs: outs.filter((_, tap) => ((shifts[tap]! % stride) + stride) % stride === first),
  };
}

function classGroups(
  [depth, rows, columns]: VolumeTaps["axes"],
  [d, r, s]: readonly [AxisClass, AxisClass, AxisClass],
  first: number,
): PixelGroup[] {
  const [height, width] = [r.outs.length, s.outs.length];
  return rowsOf(d.count * r.count, s.count, (row, column) => {
    const [p, q] = [Math.floor(row / r.count), row % r.count];
    const ranges = slicesOf(
      within(d.outs, p, depth.outLength),
      within(r.outs, q, rows.outLength),
      within(s.outs, column, columns.outLength),
      width,
      height * width,
      first,
    );
    return {
      own: [
        (d.first + p * depth.stride) * rows.length + r.first + q * rows.stride,
        s.first + column * columns.stride,
      ],
      gathered: [p * rows.outLength + q, column],
      ranges,
    };
  });
}

/** Of a box of taps: the ranges of each of its slices. */
function slicesOf(
  slices: Range,
  rows: Range,
  columns: Range,
  width: number,
  area: number,
  first: number,
): readonly Range[] {
  return Array.from({ length: slices[1] - slices[0] }, (_, k) =>
    rangesOf(rows, columns, width, first + (slices[0] + k) * area),
  ).flat();
}
