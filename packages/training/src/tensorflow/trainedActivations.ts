/** Activations with trained parameters, each exported under its kind: lowerings.ts takes them all. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";
import { sumOverBatch } from "./sumOverBatch.ts";

/** x above 0, else slope · x; at 0 the derivative is the slope, as PyTorch's. */
export const prelu: Lowering<OperationOf<"prelu">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const slope = context.parameter(op.slope);
  const value = tf.tidy(() => tf.add(tf.relu(x), tf.mul(tf.minimum(x, 0), slope)));
  return {
    value,
    backward(gradient) {
      const products = tf.mul(gradient, tf.minimum(x, 0));
      const slopeGradient = op.shared ? tf.reshape(tf.sum(products), [1]) : sumOverBatch(products);
      const above = tf.step(x);
      const derivative = () => tf.add(above, tf.mul(tf.sub(1, above), slope));
      return {
        inputs: [context.inputGradientWanted ? tf.mul(gradient, derivative()) : undefined],
        parameters: { [op.slope]: slopeGradient },
      };
    },
  };
};
