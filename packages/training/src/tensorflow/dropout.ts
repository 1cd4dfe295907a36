/** In training each element is 0 with probability `rate`, else divided by 1 − rate; the numbers come from the seed. */
import * as tf from "@tensorflow/tfjs-core";
import { identity } from "./identity.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

export const dropout: Lowering<OperationOf<"dropout">> = (op, inputs, context) => {
  const x = inputs[0]!;
  if (!context.drops || op.rate === 0) return identity({ kind: "identity" }, inputs, context);
  const factors = context.random(x.size);
  for (let k = 0; k < factors.length; k++) factors[k] = factors[k]! < op.rate ? 0 : 1 / (1 - op.rate);
  const factor = tf.tensor(factors, x.shape, "float32");
  return {
    value: tf.mul(x, factor),
    saved: [factor],
    backward: (gradient) => ({ inputs: [tf.mul(gradient, factor)] }),
  };
};
