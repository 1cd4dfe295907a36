/** Elements that change units and positions: one gather over an example's elements in core's order, and its transpose. */
import { elementsMoved } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

export const rearrange: Lowering<OperationOf<"rearrange">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const [n] = x.shape as [number];
  const moved = elementsMoved(op);
  const count = x.size / n;
  const input = inCoreOrder(x);
  const values = new Float32Array(n * moved.length);
  for (let k = 0; k < values.length; k++)
    values[k] = input[Math.floor(k / moved.length) * count + moved[k % moved.length]!]!;
  return {
    value: fromCoreOrder(values, [n, ...context.outputShape]),
    backward(gradient) {
      if (!context.inputGradientWanted) return { inputs: [undefined] };
      const dy = inCoreOrder(gradient);
      const dx = new Float32Array(x.size);
      for (let k = 0; k < dy.length; k++)
        dx[Math.floor(k / moved.length) * count + moved[k % moved.length]!]! += dy[k]!;
      const shape = x.rank === 4 ? [n, x.shape[3]!, x.shape[1]!, x.shape[2]!] : x.shape;
      return { inputs: [fromCoreOrder(dx, shape)] };
    },
  };
};

const inCoreOrder = (x: tf.Tensor) =>
  tf.tidy(() => (x.rank === 4 ? tf.transpose(x, [0, 3, 1, 2]) : x).dataSync() as Float32Array);

/** @param shape `[batch, channels, …]` */
function fromCoreOrder(values: Float32Array, shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const tensor = tf.tensor(values, [...shape], "float32");
    return shape.length === 4 ? tf.transpose(tensor, [0, 2, 3, 1]) : tf.clone(tensor);
  });
}
