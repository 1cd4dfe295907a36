/** Mean of each window; the divisor counts padding or leaves it out, but never what ceil mode adds beyond the padding. */
import * as tf from "@tensorflow/tfjs-core";
import { image, type Lowering, type OperationOf } from "./lowering.ts";
import { forEachTap, pooledShape } from "./pooling.ts";

type AveragePool2d = OperationOf<"averagePool2d">;

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
