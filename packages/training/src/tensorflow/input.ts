/** The executor hands in the batch in core's order `[n, c, h, w]`; from here on channels come last. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const input: Lowering<OperationOf<"input">> = (_op, inputs) => {
  const x = inputs[0]!;
  return { value: x.rank === 4 ? tf.transpose(x, [0, 2, 3, 1]) : tf.clone(x) };
};
