/**
 * 3-d convolution of a volume `[channels, depth, height, width]`, as PyTorch's:
 *   y[o, p] = b[o] + Σ_{i in group of o} Σ_t w[o, i, t] · x[i, p·s − pad + t·d], p and t with three axes.
 * Units are channels, as in conv2d.ts. Its path sums are those of 2-d convolutions: output slice p is the sum over the
 * kernel's slices r of a convolution of input slice p·s − pad + r·d.
 */
import { ArgumentError } from "../errors.ts";
import {
  biasGradients,
  convolutionParameters,
  requireGroups,
  shrinkChannels,
  type Transposed,
} from "./conv2d.ts";
import { type Convolution, convPathBackward, convPathForward } from "./convPathSums.ts";
import { ASSUMES_NOTHING, type OperationDefinition, type PathSumInputs } from "./definition.ts";
import { elementCount, type Shape } from "./shape.ts";
import { validRange, type Window, windowCount } from "./spatial.ts";

/** Depth, height, width. */
export type Triple = readonly [number, number, number];

export interface Conv3d {
  readonly kind: "conv3d";
  /** Name of the weight, `[outChannels, inChannels / groups, kd, kh, kw]`. */
  readonly weight: string;
  /** Name of the bias, `[outChannels]`. */
  readonly bias?: string;
  readonly outChannels: number;
  readonly groups: number;
  readonly kernel: Triple;
  readonly stride: Triple;
  /** Before each axis, then after each. */
  readonly padding: readonly [number, number, number, number, number, number];
  readonly dilation: Triple;
  /** Set for a transposed convolution, as in conv2d.ts. */
  readonly transposed?: Transposed | undefined;
}

const AXES = [0, 1, 2] as const;

function sizeOf(op: Conv3d, input: Shape, node: string): number[] {
  const whole = (value: number, least: number) => Number.isInteger(value) && value >= least;
  const isSound =
    input.length === 4 &&
    [...op.kernel, ...op.stride, ...op.dilation].every((v) => whole(v, 1)) &&
    op.padding.every((v) => whole(v, 0));
  const size = AXES.map((axis) =>
    windowCount(
      input[axis + 1]!,
      op.kernel[axis],
      op.stride[axis],
      op.padding[axis],
      op.padding[axis + 3]!,
      op.dilation[axis],
      false,
    ),
  );
  if (isSound && size.every((length) => length >= 1)) return size;
  throw new ArgumentError(`layer "${node}"`, {
    given: `an input of shape [${input.join(", ")}] for a kernel of ${op.kernel.join("×")}, stride ${op.stride.join("×")}, padding ${op.padding.join(",")}, dilation ${op.dilation.join("×")}`,
    expected: "channels × depth × height × width with room for the kernel",
  });
}

export const conv3d: OperationDefinition<Conv3d> = {
  kind: "conv3d",
  arity: [1, 1],
  parameters: (op, inputs, node) => convolutionParameters(op, inputs, node, op.kernel),
  shape(op, inputs, node) {
    const size = sizeOf(op, inputs[0]!, node);
    requireGroups(op, inputs, node);
    return [op.outChannels, ...size];
  },
  units(op, inputs, output) {
    return {
      weight: op.weight,
      outCount: op.outChannels,
      inCount: inputs[0]![0]!,
      groups: op.groups,
      kernelSize: elementCount(op.kernel),
      placesByTap: (padding) => placesByTap(op, inputs[0]!, output, padding),
    };
  },
  keepsZero: () => true,
  label: ({ transposed }) => (transposed === undefined ? "conv3d" : "convTranspose3d"),
  isNonNegative: () => false,
  couples: () => false,
  adds: false,
  shrink: shrinkChannels,
  assumes: ASSUMES_NOTHING,
  pathForward(op, given) {
    const [, depth, ...plane] = given.outputShape as [number, number, number, number];
    const output = new Float64Array(elementCount(given.outputShape));
    const area = elementCount(plane);
    if (op.bias !== undefined && given.biases) {
      const bias = given.theta(op.bias);
      for (let o = 0; o < op.outChannels; o++)
        output.fill(bias[o]!, o * depth * area, (o + 1) * depth * area);
    }
    forEachSlice(op, given, (p, _d, _r, flat, own) => {
      const slice = convPathForward(flat, own);
      addSlice(output, slice, p, depth, area);
    });
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const [, inDepth, ...inPlane] = given.inputShapes[0]! as [number, number, number, number];
    const [, depth, ...plane] = given.outputShape as [number, number, number, number];
    const input = new Float64Array(given.inputs[0]!.length);
    const weight = new Float64Array(given.weight(op.weight).length);
    const taps = op.kernel[1] * op.kernel[2];
    forEachSlice(op, given, (p, d, r, flat, own) => {
      const back = convPathBackward(flat, own, sliceOf(gradient, p, depth, elementCount(plane)));
      addSlice(input, back.input, d, inDepth, elementCount(inPlane));
      addSlice(weight, back.weight, r, op.kernel[0], taps);
    });
    const parameters = new Map<string, Float64Array>([[op.weight, weight]]);
    if (op.bias !== undefined && given.biases) parameters.set(op.bias, biasGradients(op, gradient));
    return { inputs: [input], parameters };
  },
};

/** The window of its slices. */
export const flatWindow = ({ kernel, stride, padding, dilation }: Conv3d): Window => ({
  kernel: [kernel[1], kernel[2]],
  stride: [stride[1], stride[2]],
  padding: [padding[1], padding[2], padding[4], padding[5]],
  dilation: [dilation[1], dilation[2]],
});

/** Calls `visit` with (output slice, input slice, kernel slice) and the 2-d convolution between them. */
function forEachSlice(
  op: Conv3d,
  given: PathSumInputs,
  visit: (p: number, d: number, r: number, flat: Convolution, own: PathSumInputs) => void,
): void {
  const [channels, inDepth, height, width] = given.inputShapes[0]! as [number, number, number, number];
  const [units, depth, ...plane] = given.outputShape as [number, number, number, number];
  const [kd, kh, kw] = op.kernel;
  const [weight, kept] = [given.weight(op.weight), given.kept(op.weight)];
  const { weight: name, outChannels, groups } = op;
  const flat: Convolution = { ...flatWindow(op), weight: name, outChannels, groups };
  for (let r = 0; r < kd; r++) {
    const [ownWeight, ownKept] = [sliceOf(weight, r, kd, kh * kw), kept && sliceOf(kept, r, kd, kh * kw)];
    for (let p = 0; p < depth; p++) {
      const d = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
      if (d < 0 || d >= inDepth) continue;
      visit(p, d, r, flat, {
        ...given,
        inputs: [sliceOf(given.inputs[0]!, d, inDepth, height * width)],
        inputShapes: [[channels, height, width]],
        outputShape: [units, ...plane],
        weight: () => ownWeight,
        kept: () => ownKept,
      });
    }
  }
}

/** Slice `at` of each of the runs of `depth` slices of `area` elements. */
function sliceOf<T extends Float64Array | Float32Array | Uint8Array>(
  values: T,
  at: number,
  depth: number,
  area: number,
): T {
  const runs = values.length / depth / area;
  const slice = values.slice(0, runs * area) as T;
  for (let run = 0; run < runs; run++) {
    const first = (run * depth + at) * area;
    slice.set(values.subarray(first, first + area), run * area);
  }
  return slice;
}

/** The transpose of {@link sliceOf}. */
function addSlice(values: Float64Array, slice: Float64Array, at: number, depth: number, area: number): void {
  for (let k = 0; k < slice.length; k++)
    values[(Math.floor(k / area) * depth + at) * area + (k % area)]! += slice[k]!;
}

function placesByTap(op: Conv3d, input: Shape, output: Shape, padding: boolean): number[] {
  const along = AXES.map((axis) =>
    Array.from({ length: op.kernel[axis] }, (_, k) => {
      const { transposed } = op;
      const outLength = output[axis + 1]!;
      if (padding) return transposed?.size[axis] ?? outLength;
      const tap = transposed === undefined ? k : op.kernel[axis] - 1 - k;
      const [first, end] =
        transposed === undefined
          ? validRange(input[axis + 1]!, outLength, tap, op.stride[axis], op.padding[axis], op.dilation[axis])
          : validRange(
              outLength,
              transposed.size[axis]!,
              tap,
              transposed.stride[axis]!,
              transposed.padding[axis]!,
              op.dilation[axis],
            );
      return end - first;
    }),
  ) as [number[], number[], number[]];
  return along[0].flatMap((a) => along[1].flatMap((b) => along[2].map((c) => a * b * c)));
}
