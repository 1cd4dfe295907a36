/** Operations on several values. */

import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

/** Sum of values of one shape: each gets the gradient whole. */
export const add: Lowering<OperationOf<"add">> = (_op, inputs) => ({
  value: tf.addN([...inputs]),
  backward: (gradient) => ({ inputs: inputs.map(() => tf.clone(gradient)) }),
});

/**
 * Product of two values; along an axis of length 1 a factor stands for all places, and its gradient is the sum over them.
 */
export const multiply: Lowering<OperationOf<"multiply">> = (_op, inputs) => {
  const rank = Math.max(...inputs.map((input) => input.rank));
  // features as an image of one pixel: their axis stays the last
  const wide = (x: tf.Tensor): tf.Tensor =>
    x.rank === rank ? x : tf.reshape(x, [x.shape[0]!, ...new Array(rank - 2).fill(1), x.shape[1]!]);
  const [a, b] = inputs as [tf.Tensor, tf.Tensor];
  const back = (products: tf.Tensor, factor: tf.Tensor): tf.Tensor => {
    const axes = products.shape.flatMap((length, axis) =>
      length > 1 && wide(factor).shape[axis] === 1 ? [axis] : [],
    );
    return tf.reshape(axes.length === 0 ? products : tf.sum(products, axes, true), factor.shape);
  };
  return {
    value: tf.tidy(() => tf.mul(wide(a), wide(b))),
    backward: (gradient) => ({
      inputs: [back(tf.mul(gradient, wide(b)), a), back(tf.mul(gradient, wide(a)), b)],
    }),
  };
};
