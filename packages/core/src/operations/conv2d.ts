/**
 * 2-d convolution (cross-correlation, as PyTorch's):
 *   y[o, p, q] = b[o] + Σ_{i in group of o} Σ_{r, c} w[o, i, r, c] · x[i, p·s − pad + r·d, q·s − pad + c·d]
 * Units are channels; an edge is one weight; a kernel is the kh·kw edges from one channel to another.
 */

import { ArgumentError } from "../errors.ts";
import { counted } from "../quantity.ts";
import { type Convolution, convPathBackward, convPathForward } from "./convPathSums.ts";
import { requireUnitCount } from "./counts.ts";
import {
  ASSUMES_NOTHING,
  biasParameter,
  type KeptUnits,
  type OperationDefinition,
  type Parameter,
} from "./definition.ts";
import { throughWindow } from "./repeats.ts";
import type { Shape } from "./shape.ts";
import { slide, validRange } from "./spatial.ts";

export interface Conv2d extends Convolution {
  readonly kind: "conv2d";
  /** Set for a transposed convolution, whose input has zeros between its positions: see {@link Transposed}. */
  readonly transposed?: Transposed | undefined;
  /** True for a 1-d convolution: its input has one row, and its weight `[out, in/groups, kw]` no axis for rows. */
  readonly isSequence?: boolean | undefined;
}

/**
 * A transposed convolution adds w[i, o, r, c] · x[i, p, q] to y[o, p·s − pad + r·d, q·s − pad + c·d]. It is a
 * convolution of stride 1 with the kernel read backwards, over x with s − 1 zeros between any two positions (a
 * `resample` before it): what follows from weights and units is that convolution's. These are the numbers of the
 * transposed convolution itself.
 */
export interface Transposed {
  /** By axis of positions, as all here. */
  readonly stride: readonly number[];
  /** Positions that are taken off before each axis. */
  readonly padding: readonly number[];
  /** Lengths of its input, before the zeros. */
  readonly size: readonly number[];
}

/** @returns the input channels @throws ArgumentError unless the groups divide both numbers of channels */
export function requireGroups(
  op: Pick<Convolution, "groups" | "outChannels">,
  inputs: readonly Shape[],
  node: string,
): number {
  const channels = inputs[0]![0]!;
  requireUnitCount(node, "output channels", op.outChannels);
  if (
    !Number.isInteger(op.groups) ||
    op.groups < 1 ||
    channels % op.groups !== 0 ||
    op.outChannels % op.groups !== 0
  ) {
    throw new ArgumentError(`layer "${node}"`, {
      given: `${counted(op.groups, "group")} for ${channels} input and ${op.outChannels} output channels`,
      expected: "a number of groups that divides both",
    });
  }
  return channels;
}

type Channels = Pick<Convolution, "weight" | "bias" | "groups" | "outChannels">;

/**
 * The weight `[outChannels, inChannels / groups, …kernel]` and the bias, if there is one.
 * @throws ArgumentError unless the groups divide both numbers of channels
 */
export function convolutionParameters(
  op: Channels,
  inputs: readonly Shape[],
  node: string,
  kernel: readonly number[],
): readonly Parameter[] {
  const weight: Parameter = {
    name: op.weight,
    shape: [op.outChannels, requireGroups(op, inputs, node) / op.groups, ...kernel],
    role: "weight",
    trained: true,
    initial: "drawn",
    unitAxis: 0,
    added: false,
  };
  return op.bias === undefined ? [weight] : [weight, biasParameter(op.bias, op.outChannels)];
}

/** A convolution of the channels that stay; whole groups are removed. */
export const shrinkChannels =
  <Op extends Channels>(op: Op, [input]: readonly Shape[]) =>
  ({ output, inputs: [kept] }: KeptUnits): Op => ({
    ...op,
    outChannels: output.length,
    groups: op.groups === 1 ? 1 : kept!.length / (input![0]! / op.groups),
  });

export const conv2d: OperationDefinition<Conv2d> = {
  kind: "conv2d",
  arity: [1, 1],
  parameters: (op, inputs, node) =>
    convolutionParameters(op, inputs, node, op.kernel.slice(op.isSequence ? 1 : 0)),
  shape(op, inputs, node) {
    const size = slide(op, inputs[0]!, node);
    requireGroups(op, inputs, node);
    return [op.outChannels, ...size];
  },
  units(op, inputs, output) {
    return {
      weight: op.weight,
      outCount: op.outChannels,
      inCount: inputs[0]![0]!,
      groups: op.groups,
      kernelSize: op.kernel[0] * op.kernel[1],
      placesByTap: (padding) => placesByTap(op, inputs[0]!, output, padding),
    };
  },
  keepsZero: () => true,
  label: ({ transposed, isSequence }) =>
    `${transposed === undefined ? "conv" : "convTranspose"}${isSequence ? 1 : 2}d`,
  isNonNegative: () => false,
  couples: () => false,
  adds: false,
  shrink: shrinkChannels,
  assumes: ASSUMES_NOTHING,
  repeats: (op, inputs, output) => throughWindow(op, inputs[0]!, output),
  pathForward: convPathForward,
  pathBackward(op, given, _output, gradient) {
    const { input, weight } = convPathBackward(op, given, gradient);
    const parameters = new Map([[op.weight, weight]]);
    if (op.bias !== undefined && given.biases) parameters.set(op.bias, biasGradients(op, gradient));
    return { inputs: [input], parameters };
  },
};

/** The sum of the gradient over each channel. */
export function biasGradients(
  { outChannels }: { readonly outChannels: number },
  gradient: Float64Array,
): Float64Array {
  const plane = gradient.length / outChannels;
  return Float64Array.from({ length: outChannels }, (_, o) =>
    gradient.subarray(o * plane, (o + 1) * plane).reduce((sum, g) => sum + g, 0),
  );
}

function placesByTap(op: Conv2d, input: Shape, output: Shape, padding: boolean): number[] {
  const along = (axis: 0 | 1): number[] => {
    const outputLength = output[axis + 1]!;
    if (op.transposed !== undefined) return transposedPlaces(op, op.transposed, axis, outputLength, padding);
    return Array.from({ length: op.kernel[axis] }, (_, tap) => {
      if (padding) return outputLength;
      const [first, end] = validRange(
        input[axis + 1]!,
        outputLength,
        tap,
        op.stride[axis],
        op.padding[axis],
        op.dilation[axis],
      );
      return end - first;
    });
  };
  const columns = along(1);
  return along(0).flatMap((rows) => columns.map((count) => rows * count));
}

/** Positions of the input along an axis from which each tap, read backwards, leads into the output. */
function transposedPlaces(
  { kernel, dilation }: Conv2d,
  { stride, padding, size }: Transposed,
  axis: 0 | 1,
  outputLength: number,
  withOutside: boolean,
): number[] {
  return Array.from({ length: kernel[axis] }, (_, k) => {
    if (withOutside) return size[axis]!;
    const tap = kernel[axis] - 1 - k;
    const [first, end] = validRange(
      outputLength,
      size[axis]!,
      tap,
      stride[axis]!,
      padding[axis]!,
      dilation[axis],
    );
    return end - first;
  });
}
