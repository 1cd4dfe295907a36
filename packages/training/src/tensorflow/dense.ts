/**
 * Fully connected layer, weights `[in, out]`: y = x w + b, ∂L/∂x = ∂L/∂y wᵀ, ∂L/∂w = xᵀ ∂L/∂y. Transposed explicitly:
 * the wasm backend is fast only without its transpose options.
 */
import * as tf from "@tensorflow/tfjs-core";
import { sumOverBatch } from "./conv2d.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

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
