/**
 * As kernelTaps.ts for a 3-d convolution, with volumes as images whose slices lie one below the other. Its layer is
 * computed pixel by pixel, which reads nothing beyond the edges; see volumeGroups.ts.
 */
import type { Network, Operation } from "@phew/core";
import { type Border, type ClassShape, mod, placesByClass, type Taps } from "./kernelTaps.ts";

type Conv3d = Extract<Operation, { kind: "conv3d" }>;

export interface VolumeAxis {
  readonly length: number;
  readonly outLength: number;
  readonly stride: number;
  /** By tap: from an output's own place to the input it reads. */
  readonly shifts: readonly number[];
  /** By tap: the output that the first input of the tap's class is carried to. */
  readonly outs: readonly number[];
}

const NO_BORDER: Border = { top: 0, left: 0, bottom: 0, right: 0 };

export class VolumeTaps implements Taps {
  readonly axes: readonly [VolumeAxis, VolumeAxis, VolumeAxis];
  readonly rowShift: readonly number[];
  readonly columnShift: readonly number[];
  readonly outRow: readonly number[];
  readonly outColumn: readonly number[];
  readonly classOf: readonly number[];
  readonly classShapes: readonly ClassShape[];
  readonly placeByClass: readonly number[];
  readonly stride: readonly [number, number];
  readonly inputBorder = NO_BORDER;

  constructor(op: Conv3d, network: Network, node: number) {
    const { inputs, shape } = network.nodes[node]!;
    const input = network.nodes[inputs[0]!]!.shape;
    const axisOf = (axis: 0 | 1 | 2): VolumeAxis => {
      const [stride, dilation, before] = [op.stride[axis], op.dilation[axis], op.padding[axis]];
      const shifts = Array.from({ length: op.kernel[axis] }, (_, tap) => tap * dilation - before);
      const outs = shifts.map((shift) => (mod(shift, stride) - shift) / stride);
      return { length: input[axis + 1]!, outLength: shape[axis + 1]!, stride, shifts, outs };
    };
    const [depth, rows, columns] = [axisOf(0), axisOf(1), axisOf(2)];
    this.axes = [depth, rows, columns];
    const taps = depth.shifts.flatMap((_, d) =>
      rows.shifts.flatMap((_, r) => columns.shifts.map((_, c) => [d, r, c] as const)),
    );
    this.rowShift = taps.map(([d, r]) => depth.shifts[d]! * rows.length + rows.shifts[r]!);
    this.columnShift = taps.map(([, , c]) => columns.shifts[c]!);
    this.outRow = taps.map(([d, r]) => depth.outs[d]! * rows.outLength + rows.outs[r]!);
    this.outColumn = taps.map(([, , c]) => columns.outs[c]!);
    this.classOf = taps.map((tap) =>
      this.axes.reduce(
        (index, { shifts, stride }, axis) => index * stride + mod(shifts[tap[axis]!]!, stride),
        0,
      ),
    );
    this.placeByClass = placesByClass(this.classOf);
    this.stride = [1, columns.stride];
    // classes of places are for kernels that work along rows
    const none = { firstRow: 0, firstColumn: 0, rows: 0, columns: 0 };
    this.classShapes = new Array<ClassShape>(depth.stride * rows.stride * columns.stride).fill(none);
  }

  gradientBorder(): Border {
    return NO_BORDER;
  }
}
