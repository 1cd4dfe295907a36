/** A run of channels or features: of the last axis here. */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const slice: Lowering<OperationOf<"slice">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const axis = x.rank - 1;
  const zeros = x.shape.map(() => 0);
  return {
    value: tf.slice(x, zeros.with(axis, op.start), x.shape.with(axis, op.count)),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const paddings = x.shape.map((): [number, number] => [0, 0]);
      paddings[axis] = [op.start, x.shape[axis]! - op.start - op.count];
      return { inputs: [tf.pad(gradient, paddings)] };
    },
  };
};
