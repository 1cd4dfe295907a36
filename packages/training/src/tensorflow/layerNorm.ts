/**
 * Normalisation by the value's own statistics. With x̂ = (x − m)·i and u = ∂L/∂y · scale, ⟨·⟩ the mean over a group:
 *   ∂L/∂scale = Σ ∂L/∂y · x̂,  ∂L/∂shift = Σ ∂L/∂y,  ∂L/∂x = i·(u − ⟨u⟩ − x̂·⟨x̂u⟩), without ⟨u⟩ if it is not centred
 */
import * as tf from "@tensorflow/tfjs-core";
import { sumOverBatch } from "./conv2d.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

export const layerNorm: Lowering<OperationOf<"layerNorm">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const units = x.shape.at(-1)!;
  const groups = op.groups === "units" ? units : op.groups;
  const [n, ...places] = x.shape.slice(0, -1) as [number, ...number[]];
  const placeCount = places.reduce((product, length) => product * length, 1);
  const grouped = (values: tf.Tensor) => tf.reshape(values, [n, placeCount, groups, units / groups]);
  const mean = (values: tf.Tensor) => tf.mean(values, op.eachPlace ? [3] : [1, 3], true);
  const centred = op.centred ? tf.sub(grouped(x), mean(grouped(x))) : grouped(x);
  const variance = tf.add(mean(tf.square(centred)), op.epsilon);
  // ε = 0 beside a variance of 0
  const inverse = tf.mul(tf.step(variance), tf.rsqrt(tf.maximum(variance, 1e-38)));
  const own = tf.mul(centred, inverse);
  const scale = op.scale === undefined ? undefined : context.parameter(op.scale);
  const shift = op.shift === undefined ? undefined : context.parameter(op.shift);
  const flat = tf.reshape(own, x.shape);
  const scaled = scale === undefined ? flat : tf.mul(flat, scale);
  return {
    value: shift === undefined ? tf.clone(scaled) : tf.add(scaled, shift),
    saved: [own, inverse],
    backward(gradient) {
      const parameters: Record<string, tf.Tensor> = {};
      if (op.scale !== undefined)
        parameters[op.scale] = sumOverBatch(tf.mul(gradient, tf.reshape(own, x.shape)));
      if (op.shift !== undefined) parameters[op.shift] = sumOverBatch(gradient);
      if (!context.inputGradientWanted) return { inputs: [undefined], parameters };
      const u = grouped(scale === undefined ? gradient : tf.mul(gradient, scale));
      const rest = op.centred ? tf.sub(u, mean(u)) : u;
      const dx = tf.mul(inverse, tf.sub(rest, tf.mul(own, mean(tf.mul(own, u)))));
      return { inputs: [tf.reshape(dx, x.shape)], parameters };
    },
  };
};
