/** The executor hands in the batch in core's order `[n, c, h, w]` or `[n, c, d, h, w]`; from here on channels come last. */
import * as tf from "@tensorflow/tfjs-core";
import { planeOf } from "../plane.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

export const input: Lowering<OperationOf<"input">> = (_op, inputs) => {
  const x = inputs[0]!;
  if (x.rank === 2) return { value: tf.clone(x) };
  const [n, channels, ...positions] = x.shape as [number, number, ...number[]];
  const { height, width } = planeOf([channels, ...positions]);
  return { value: tf.transpose(tf.reshape(x, [n, channels, height, width]), [0, 2, 3, 1]) };
};
