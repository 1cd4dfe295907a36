/** A trained value that is the same for every example: its gradient is the sum over them. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const learned: Lowering<OperationOf<"learned">> = (op, inputs, context) => {
  const own = tf.expandDims(context.parameter(op.value), 0);
  const repeats = [inputs[0]!.shape[0]!, ...new Array<number>(own.rank - 1).fill(1)];
  return {
    value: tf.tile(own, repeats),
    backward: (gradient) => ({
      inputs: [context.inputGradientWanted ? tf.zerosLike(inputs[0]!) : undefined],
      parameters: { [op.value]: tf.sum(gradient, 0) },
    }),
  };
};
