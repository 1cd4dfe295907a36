/**
 * 2-d convolution (cross-correlation, as PyTorch's):
 *   y[o, p, q] = b[o] + Σ_{i in group of o} Σ_{r, c} w[o, i, r, c] · x[i, p·s − pad + r·d, q·s − pad + c·d]
 * Units are channels; an edge is one weight; a kernel is the kh·kw edges from one channel to another.
 */
import { ArgumentError } from "../errors.ts";
import type { OperationDefinition, Parameter, PathSumInputs, Shape } from "./definition.ts";
import { type Padding, type Pair, slide, validRange, type Window } from "./spatial.ts";

export interface Conv2d extends Window {
  readonly kind: "conv2d";
  /** Name of the weight, `[outChannels, inChannels / groups, kh, kw]`. */
  readonly weight: string;
  /** Name of the bias, `[outChannels]`. */
  readonly bias?: string;
  readonly outChannels: number;
  readonly groups: number;
}

function inChannels(op: Conv2d, inputs: readonly Shape[], node: string): number {
  const channels = inputs[0]![0]!;
  if (
    !Number.isInteger(op.groups) ||
    op.groups < 1 ||
    channels % op.groups !== 0 ||
    op.outChannels % op.groups !== 0
  ) {
    throw new ArgumentError(`layer "${node}"`, {
      given: `${op.groups} groups for ${channels} input and ${op.outChannels} output channels`,
      expected: "a number of groups that divides both",
    });
  }
  return channels;
}

/** Calls `visit` for every weight with the run of outputs it feeds; `x` and `y` are addresses in input and output. */
function forEachTap(
  op: Conv2d,
  given: PathSumInputs,
  visit: (weightIndex: number, yStart: number, xStart: number, rows: number, columns: number) => void,
): void {
  const [channels, height, width] = given.inputShapes[0]! as [number, number, number];
  const [outChannels, outHeight, outWidth] = given.outputShape as [number, number, number];
  const inPerGroup = channels / op.groups;
  const outPerGroup = outChannels / op.groups;
  const [kh, kw] = op.kernel;
  for (let o = 0; o < outChannels; o++) {
    const firstInput = Math.floor(o / outPerGroup) * inPerGroup;
    for (let i = 0; i < inPerGroup; i++) {
      for (let r = 0; r < kh; r++) {
        const [top, bottom] = validRange(height, outHeight, r, op.stride[0], op.padding[0], op.dilation[0]);
        for (let c = 0; c < kw; c++) {
          const [left, right] = validRange(width, outWidth, c, op.stride[1], op.padding[1], op.dilation[1]);
          const y = (o * outHeight + top) * outWidth + left;
          const x =
            ((firstInput + i) * height + top * op.stride[0] - op.padding[0] + r * op.dilation[0]) * width +
            left * op.stride[1] -
            op.padding[1] +
            c * op.dilation[1];
          visit(((o * inPerGroup + i) * kh + r) * kw + c, y, x, bottom - top, right - left);
        }
      }
    }
  }
}

export const conv2d: OperationDefinition<Conv2d> = {
  kind: "conv2d",
  arity: [1, 1],
  parameters(op, inputs, node) {
    const shape = [op.outChannels, inChannels(op, inputs, node) / op.groups, ...op.kernel];
    const weight: Parameter = { name: op.weight, shape, role: "weight" };
    return op.bias === undefined
      ? [weight]
      : [weight, { name: op.bias, shape: [op.outChannels], role: "bias" }];
  },
  shape(op, inputs, node) {
    const size = slide(op, inputs[0]!, node);
    inChannels(op, inputs, node);
    return [op.outChannels, ...size];
  },
  units(op, inputs) {
    return {
      weight: op.weight,
      outCount: op.outChannels,
      inCount: inputs[0]![0]!,
      groups: op.groups,
      kernelSize: op.kernel[0] * op.kernel[1],
    };
  },
  pathForward(op, given) {
    const [outChannels, outHeight, outWidth] = given.outputShape as [number, number, number];
    const width = given.inputShapes[0]![2]!;
    const output = new Float64Array(outChannels * outHeight * outWidth);
    if (op.bias !== undefined && given.biases) {
      const bias = given.theta(op.bias);
      for (let o = 0; o < outChannels; o++)
        output.fill(bias[o]!, o * outHeight * outWidth, (o + 1) * outHeight * outWidth);
    }
    const input = given.inputs[0]!;
    const theta = given.theta(op.weight);
    const rowStep = op.stride[0] * width;
    const columnStep = op.stride[1];
    forEachTap(op, given, (e, yStart, xStart, rows, columns) => {
      const w = theta[e]!;
      if (w === 0) return;
      for (let p = 0; p < rows; p++) {
        let x = xStart + p * rowStep;
        const end = yStart + p * outWidth + columns;
        for (let y = yStart + p * outWidth; y < end; y++, x += columnStep) output[y]! += w * input[x]!;
      }
    });
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const [outChannels, outHeight, outWidth] = given.outputShape as [number, number, number];
    const width = given.inputShapes[0]![2]!;
    const input = given.inputs[0]!;
    const theta = given.theta(op.weight);
    const kept = given.kept(op.weight);
    const inputGradient = new Float64Array(input.length);
    const weightGradient = new Float64Array(theta.length);
    const rowStep = op.stride[0] * width;
    const columnStep = op.stride[1];
    forEachTap(op, given, (e, yStart, xStart, rows, columns) => {
      if (kept !== undefined && kept[e] === 0) return;
      const w = theta[e]!;
      let sum = 0;
      for (let p = 0; p < rows; p++) {
        let x = xStart + p * rowStep;
        const end = yStart + p * outWidth + columns;
        for (let y = yStart + p * outWidth; y < end; y++, x += columnStep) {
          const g = gradient[y]!;
          sum += g * input[x]!;
          inputGradient[x]! += g * w;
        }
      }
      weightGradient[e] = sum;
    });
    const parameters = new Map([[op.weight, weightGradient]]);
    if (op.bias !== undefined && given.biases) {
      const plane = outHeight * outWidth;
      const biasGradient = new Float64Array(outChannels);
      for (let y = 0; y < gradient.length; y++) biasGradient[Math.floor(y / plane)]! += gradient[y]!;
      parameters.set(op.bias, biasGradient);
    }
    return { inputs: [inputGradient], parameters };
  },
};

export type { Padding, Pair };
