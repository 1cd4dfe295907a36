/** Operations that make one number of several positions of a unit. */

import { planeTerms } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import { image, type Lowered, type Lowering, type LoweringContext, type OperationOf } from "./lowering.ts";
import { forEachTap, pooledShape } from "./poolingWindows.ts";
import { forEachTerm } from "./terms.ts";

/** Greatest value of each window; the first greatest gets the gradient, as in PyTorch. Padding never wins. */
export const maxPool2d: Lowering<OperationOf<"maxPool2d">> = (op, inputs, context) => {
  const x = image(inputs);
  const shape = pooledShape(x, context.outputShape);
  const { n, outHeight, outWidth, channels } = shape;
  return greatestOf(x, [n, outHeight, outWidth, channels], context, (visit) => forEachTap(shape, op, visit));
};

type Shape4D = [number, number, number, number];

/** The greatest of the values that `forEach` visits for each output, by the indices of channel 0. */
function greatestOf(
  x: tf.Tensor4D,
  outputShape: Shape4D,
  { inputGradientWanted }: LoweringContext,
  forEach: (visit: (to: number, from: number) => void) => void,
): Lowered {
  const channels = outputShape[3];
  const input = x.dataSync();
  const greatest = new Float32Array(outputShape.reduce((a, b) => a * b)).fill(Number.NEGATIVE_INFINITY);
  const winner = new Int32Array(greatest.length).fill(-1);
  forEach((to, from) => {
    for (let c = 0; c < channels; c++) {
      const value = input[from + c]!;
      // a NaN wins, or the loss would hide it
      if (winner[to + c]! < 0 || value > greatest[to + c]! || Number.isNaN(value)) {
        greatest[to + c] = value;
        winner[to + c] = from + c;
      }
    }
  });
  return {
    value: tf.tensor4d(greatest, outputShape),
    backward(gradient) {
      if (!inputGradientWanted) return { inputs: [undefined] };
      const dy = gradient.dataSync();
      const dx = new Float32Array(x.size);
      for (let k = 0; k < dy.length; k++) if (winner[k]! >= 0) dx[winner[k]!]! += dy[k]!;
      return { inputs: [tf.tensor4d(dx, x.shape)] };
    },
  };
}

type AveragePool2d = OperationOf<"averagePool2d">;

/** Mean of each window; the divisor counts padding or leaves it out, but never what ceil mode adds beyond the padding. */
export const averagePool2d: Lowering<AveragePool2d> = (op, inputs, context) => {
  const x = image(inputs);
  const shape = pooledShape(x, context.outputShape);
  const { n, height, width, outHeight, outWidth, channels } = shape;
  const rowCount = windowLengths(op, 0, height, outHeight);
  const columnCount = windowLengths(op, 1, width, outWidth);
  const input = x.dataSync();
  const means = new Float32Array(n * outHeight * outWidth * channels);
  forEachTap(shape, op, (to, from, p, q) => {
    const share = 1 / (rowCount[p]! * columnCount[q]!);
    for (let c = 0; c < channels; c++) means[to + c]! += input[from + c]! * share;
  });
  return {
    value: tf.tensor4d(means, [n, outHeight, outWidth, channels]),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const dy = gradient.dataSync();
      const dx = new Float32Array(x.size);
      forEachTap(shape, op, (to, from, p, q) => {
        const share = 1 / (rowCount[p]! * columnCount[q]!);
        for (let c = 0; c < channels; c++) dx[from + c]! += dy[to + c]! * share;
      });
      return { inputs: [tf.tensor4d(dx, x.shape)] };
    },
  };
};

/** What each window counts along one axis. */
function windowLengths(op: AveragePool2d, axis: 0 | 1, length: number, outLength: number): number[] {
  const before = op.padding[axis];
  const after = op.padding[axis + 2]!;
  return Array.from({ length: outLength }, (_, p) => {
    const start = p * op.stride[axis] - before;
    const end = Math.min(start + op.kernel[axis], length + after);
    return op.countPadding ? end - start : Math.min(end, length) - Math.max(start, 0);
  });
}

/** Mean over height and width: `[n, h, w, c]` becomes `[n, c]`. */
export const globalAveragePool: Lowering<OperationOf<"globalAveragePool">> = (_op, inputs, context) => {
  const x = image(inputs);
  const [n, height, width, channels] = x.shape;
  return {
    value: tf.reshape(tf.avgPool(x, [height, width], 1, "valid"), [n, channels]),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const share = tf.reshape(tf.mul(gradient, 1 / (height * width)), [n, 1, 1, channels]);
      return { inputs: [tf.mul(share, tf.ones([1, height, width, 1]))] };
    },
  };
};

/** Greatest value over the positions that tables name; the first greatest gets the gradient. */
export const maxOver: Lowering<OperationOf<"maxOver">> = (op, inputs, context) => {
  const x = image(inputs);
  const [n, , , channels] = x.shape;
  const terms = planeTerms(op);
  const shape: Shape4D = [n, terms.rows.places.length, terms.columns.places.length, channels];
  return greatestOf(x, shape, context, (visit) => forEachTerm(n, channels, terms, visit));
};
