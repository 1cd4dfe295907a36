/** Operations with prunable weights. */

import * as tf from "@tensorflow/tfjs-core";
import { convolve, filterGradient, inputGradient } from "./convolution.ts";
import { image, type Lowering, type OperationOf } from "./lowering.ts";
import { sumOverBatch } from "./sumOverBatch.ts";

/**
 * Fully connected layer, weights `[in, out]`: y = x w + b, ∂L/∂x = ∂L/∂y wᵀ, ∂L/∂w = xᵀ ∂L/∂y. Transposed explicitly:
 * the wasm backend is fast only without its transpose options.
 */
export const dense: Lowering<OperationOf<"dense">> = (op, inputs, context) => {
  const whole = inputs[0]!;
  const inCount = whole.shape.at(-1)!;
  // at places each is a row
  const x = tf.reshape(whole, [whole.size / inCount, inCount]) as tf.Tensor2D;
  const shape = [...whole.shape.slice(0, -1), op.outFeatures];
  const weight = context.parameter(op.weight) as tf.Tensor2D;
  const bias = op.bias === undefined ? {} : { bias: context.parameter(op.bias) };
  return {
    value: tf.reshape(tf.fused.matMul({ a: x, b: weight, ...bias }), shape),
    saved: [x],
    backward(given) {
      const gradient = tf.reshape(given, [x.shape[0], op.outFeatures]) as tf.Tensor2D;
      const parameters = {
        [op.weight]: tf.matMul(tf.transpose(x), gradient),
        ...(op.bias === undefined ? {} : { [op.bias]: sumOverBatch(gradient) }),
      };
      const dx = context.inputGradientWanted
        ? tf.reshape(tf.matMul(gradient, tf.transpose(weight)), whole.shape)
        : undefined;
      return { inputs: [dx], parameters };
    },
  };
};

/** 2-d convolution, also grouped and dilated; see convolution.ts. */
export const conv2d: Lowering<OperationOf<"conv2d">> = (op, inputs, context) => {
  const x = image(inputs);
  const filter = context.parameter(op.weight) as tf.Tensor4D;
  const bias = op.bias === undefined ? undefined : (context.parameter(op.bias) as tf.Tensor1D);
  return {
    value: convolve(x, filter, op, bias),
    backward(gradient) {
      const dy = gradient as tf.Tensor4D;
      const parameters = {
        [op.weight]: filterGradient(x, dy, op),
        ...(op.bias === undefined ? {} : { [op.bias]: sumOverBatch(dy) }),
      };
      const [, height, width] = x.shape;
      const dx = context.inputGradientWanted ? inputGradient(dy, filter, [height, width], op) : undefined;
      return { inputs: [dx], parameters };
    },
  };
};

type Conv3d = OperationOf<"conv3d">;

/** Where the products of a 3-d convolution stand. */
interface Sizes {
  readonly n: number;
  readonly inChannels: number;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** Calls `visit` with the indices of channel 0 in output and input for each tap that is inside. */
function forEachTap(op: Conv3d, sizes: Sizes, visit: (to: number, from: number, tap: number) => void): void {
  const { n, inChannels, input, output } = sizes;
  const [kd, kh, kw] = op.kernel;
  const at = (axis: 0 | 1 | 2, place: number, tap: number) =>
    place * op.stride[axis] - op.padding[axis] + tap * op.dilation[axis];
  const isOutside = (axis: 0 | 1 | 2, place: number) => place < 0 || place >= input[axis]!;
  let to = 0;
  for (let image = 0; image < n; image++) {
    for (let p = 0; p < output[0]!; p++) {
      for (let q = 0; q < output[1]!; q++) {
        for (let s = 0; s < output[2]!; s++, to += op.outChannels) {
          for (let tap = 0; tap < kd * kh * kw; tap++) {
            const z = at(0, p, Math.floor(tap / (kh * kw)));
            const y = at(1, q, Math.floor(tap / kw) % kh);
            const x = at(2, s, tap % kw);
            if (isOutside(0, z) || isOutside(1, y) || isOutside(2, x)) continue;
            visit(to, (((image * input[0]! + z) * input[1]! + y) * input[2]! + x) * inChannels, tap);
          }
        }
      }
    }
  }
}

/** Calls `visit` for each weight of one tap: output channel, input channel, index into the filter. */
function forEachWeight(
  { groups, outChannels }: Conv3d,
  inChannels: number,
  tap: number,
  visit: (o: number, i: number, at: number) => void,
): void {
  const [inPerGroup, outPerGroup] = [inChannels / groups, outChannels / groups];
  for (let i = 0; i < inPerGroup; i++) {
    for (let o = 0; o < outChannels; o++)
      visit(o, Math.floor(o / outPerGroup) * inPerGroup + i, (tap * inPerGroup + i) * outChannels + o);
  }
}

/** 3-d convolution over `[n, depth · height, width, channels]` in plain loops; its filter is `[kd, kh, kw, in / groups, out]`. */
export const conv3d: Lowering<Conv3d> = (op, inputs, context) => {
  const x = image(inputs);
  const [n, rows, width, inChannels] = x.shape;
  const filter = context.parameter(op.weight);
  const bias = op.bias === undefined ? undefined : context.parameter(op.bias).dataSync();
  const output = context.outputShape.slice(1);
  const [depth] = context.inputShapes[0]!.slice(1) as [number];
  const sizes: Sizes = { n, inChannels, input: [depth, rows / depth, width], output };
  const shape = [n, output[0]! * output[1]!, output[2]!, op.outChannels] as const;
  const [input, weight] = [x.dataSync(), filter.dataSync()];
  const sums = new Float64Array(shape.reduce((product, length) => product * length, 1));
  if (bias !== undefined) for (let k = 0; k < sums.length; k++) sums[k] = bias[k % op.outChannels]!;
  forEachTap(op, sizes, (to, from, tap) =>
    forEachWeight(op, inChannels, tap, (o, i, at) => {
      sums[to + o]! += weight[at]! * input[from + i]!;
    }),
  );
  return {
    value: tf.tensor4d(Float32Array.from(sums), [...shape]),
    backward(gradient) {
      const g = gradient.dataSync();
      const [dw, dx] = [new Float64Array(weight.length), new Float64Array(input.length)];
      forEachTap(op, sizes, (to, from, tap) =>
        forEachWeight(op, inChannels, tap, (o, i, at) => {
          dw[at]! += g[to + o]! * input[from + i]!;
          dx[from + i]! += g[to + o]! * weight[at]!;
        }),
      );
      const parameters: Record<string, tf.Tensor> = {
        [op.weight]: tf.tensor(Float32Array.from(dw), filter.shape),
      };
      if (op.bias !== undefined) parameters[op.bias] = tf.sum(gradient, [0, 1, 2]);
      const inputGradient = context.inputGradientWanted
        ? tf.tensor4d(Float32Array.from(dx), x.shape)
        : undefined;
      return { inputs: [inputGradient], parameters };
    },
  };
};
