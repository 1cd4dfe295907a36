/** Passes values on. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const identity: Lowering<OperationOf<"identity">> = (_op, inputs) => ({
  value: tf.clone(inputs[0]!),
  backward: (gradient) => ({ inputs: [tf.clone(gradient)] }),
});
