/** `[h, w, c]` becomes `[c·h·w]` in core's order: channel first. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const flatten: Lowering<OperationOf<"flatten">> = (_op, inputs) => {
  const x = inputs[0]!;
  if (x.rank === 2) return { value: tf.clone(x), backward: (gradient) => ({ inputs: [tf.clone(gradient)] }) };
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  return {
    value: tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [n, channels * height * width]),
    backward: (gradient) => ({
      inputs: [tf.transpose(tf.reshape(gradient, [n, channels, height, width]), [0, 2, 3, 1])],
    }),
  };
};
