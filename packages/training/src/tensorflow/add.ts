/** Sum of values of one shape: each gets the gradient whole. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const add: Lowering<OperationOf<"add">> = (_op, inputs) => ({
  value: tf.addN([...inputs]),
  backward: (gradient) => ({ inputs: inputs.map(() => tf.clone(gradient)) }),
});
