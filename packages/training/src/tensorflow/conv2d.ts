/** 2-d convolution, also grouped and dilated; see convolution.ts. */
import * as tf from "@tensorflow/tfjs-core";
import { convolve, filterGradient, inputGradient } from "./convolution.ts";
import { image, type Lowering, type OperationOf } from "./lowering.ts";

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

/** Σ over all axes but the last: `[channels]`. As a matrix product, which the backends compute fastest. */
export function sumOverBatch(gradient: tf.Tensor): tf.Tensor1D {
  const channels = gradient.shape[gradient.rank - 1]!;
  const rows = gradient.size / channels;
  return tf.tidy(() =>
    tf.reshape(tf.matMul(tf.ones([1, rows]), tf.reshape(gradient, [rows, channels])), [channels]),
  );
}
