/** Stacks channels or features: the last axis here. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const concat: Lowering<OperationOf<"concat">> = (_op, inputs) => {
  const axis = inputs[0]!.rank - 1;
  return {
    value: tf.concat([...inputs], axis),
    backward: (gradient) => ({
      inputs: tf.split(
        gradient,
        inputs.map((input) => input.shape[axis]!),
        axis,
      ),
    }),
  };
};
