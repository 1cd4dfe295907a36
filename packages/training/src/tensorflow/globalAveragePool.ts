/** Mean over height and width: `[n, h, w, c]` becomes `[n, c]`. */
import * as tf from "@tensorflow/tfjs-core";
import { image, type Lowering, type OperationOf } from "./lowering.ts";

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
