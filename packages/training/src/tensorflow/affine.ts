/** Trained factors and offsets of units or elements: y = x·scale + shift. */
import * as tf from "@tensorflow/tfjs-core";
import { sumOverBatch } from "./conv2d.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

export const affine: Lowering<OperationOf<"affine">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const summed = (values: tf.Tensor): tf.Tensor =>
    op.of === "units" ? sumOverBatch(values) : tf.sum(values, 0);
  return {
    value: tf.tidy(() => {
      const scaled = op.scale === undefined ? x : tf.mul(x, context.parameter(op.scale));
      return op.shift === undefined ? tf.clone(scaled) : tf.add(scaled, context.parameter(op.shift));
    }),
    backward(gradient) {
      const parameters: Record<string, tf.Tensor> = {};
      if (op.scale !== undefined && !op.fixed) parameters[op.scale] = summed(tf.mul(gradient, x));
      if (op.shift !== undefined && !op.fixed) parameters[op.shift] = summed(gradient);
      if (!context.inputGradientWanted) return { inputs: [undefined], parameters };
      const dx = op.scale === undefined ? tf.clone(gradient) : tf.mul(gradient, context.parameter(op.scale));
      return { inputs: [dx], parameters };
    },
  };
};
