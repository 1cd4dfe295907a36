/** Greatest value of each window; the first greatest gets the gradient, as in PyTorch. Padding never wins. */
import * as tf from "@tensorflow/tfjs-core";
import { image, type Lowering, type OperationOf } from "./lowering.ts";
import { forEachTap, pooledShape } from "./pooling.ts";

export const maxPool2d: Lowering<OperationOf<"maxPool2d">> = (op, inputs, context) => {
  const x = image(inputs);
  const shape = pooledShape(x, context.outputShape);
  const { n, outHeight, outWidth, channels } = shape;
  const input = x.dataSync();
  const greatest = new Float32Array(n * outHeight * outWidth * channels).fill(Number.NEGATIVE_INFINITY);
  const winner = new Int32Array(greatest.length).fill(-1);
  forEachTap(shape, op, (to, from) => {
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
    value: tf.tensor4d(greatest, [n, outHeight, outWidth, channels]),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const dy = gradient.dataSync();
      const dx = new Float32Array(x.size);
      for (let k = 0; k < dy.length; k++) if (winner[k]! >= 0) dx[winner[k]!]! += dy[k]!;
      return { inputs: [tf.tensor4d(dx, x.shape)] };
    },
  };
};
