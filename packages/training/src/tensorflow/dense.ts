/**
 * Fully connected layer, weights `[in, out]`: y = x w + b, ∂L/∂x = ∂L/∂y wᵀ, ∂L/∂w = xᵀ ∂L/∂y. Transposed explicitly:
 * the wasm backend is fast only without its transpose options.
 */
import * as tf from "@tensorflow/tfjs-core";
import { sumOverBatch } from "./conv2d.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

export const dense: Lowering<OperationOf<"dense">> = (op, inputs, context) => {
  const x = inputs[0] as tf.Tensor2D;
  const weight = context.parameter(op.weight) as tf.Tensor2D;
  const bias = op.bias === undefined ? {} : { bias: context.parameter(op.bias) };
  return {
    value: tf.fused.matMul({ a: x, b: weight, ...bias }),
    backward(gradient) {
      const parameters = {
        [op.weight]: tf.matMul(tf.transpose(x), gradient),
        ...(op.bias === undefined ? {} : { [op.bias]: sumOverBatch(gradient) }),
      };
      const dx = context.inputGradientWanted ? tf.matMul(gradient, tf.transpose(weight)) : undefined;
      return { inputs: [dx], parameters };
    },
  };
};
