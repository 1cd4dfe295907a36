/** Operations that scale and shift values, by statistics or by parameters. */

import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, LoweringContext, OperationOf } from "./lowering.ts";
import { sumOverBatch } from "./sumOverBatch.ts";

/** Trained factors and offsets of units or elements: y = x·scale + shift. */
export const affine: Lowering<OperationOf<"affine">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const summed = (values: tf.Tensor): tf.Tensor =>
    op.of === "units" ? sumOverBatch(values) : tf.sum(values, 0);
  return {
    value: tf.tidy(() => {
      const scaled = op.scale === undefined ? x : tf.mul(x, context.parameter(op.scale));
      return op.shift === undefined ? tf.clone(scaled) : tf.add(scaled, context.parameter(op.shift));
    }),
    backward(gradient) {
      const parameters: Record<string, tf.Tensor> = {};
      if (op.scale !== undefined && !op.fixed) parameters[op.scale] = summed(tf.mul(gradient, x));
      if (op.shift !== undefined && !op.fixed) parameters[op.shift] = summed(gradient);
      if (!context.inputGradientWanted) return { inputs: [undefined], parameters };
      const dx = op.scale === undefined ? tf.clone(gradient) : tf.mul(gradient, context.parameter(op.scale));
      return { inputs: [dx], parameters };
    },
  };
};

/**
 * Normalisation by the value's own statistics. With x̂ = (x − m)·i and u = ∂L/∂y · scale, ⟨·⟩ the mean over a group:
 *   ∂L/∂scale = Σ ∂L/∂y · x̂,  ∂L/∂shift = Σ ∂L/∂y,  ∂L/∂x = i·(u − ⟨u⟩ − x̂·⟨x̂u⟩), without ⟨u⟩ if it is not centred
 */
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

type BatchNorm = OperationOf<"batchNorm">;

/**
 * Batch normalisation. In training, with mean m and variance v of the batch (over batch, height and width), i = 1/√(v + ε):
 *   y = (x − m) · i · scale + shift
 *   ∂L/∂scale = Σ ∂L/∂y · (x − m) · i,  ∂L/∂shift = Σ ∂L/∂y
 *   ∂L/∂x = scale · i · (∂L/∂y − mean(∂L/∂y) − (x − m) · i² · mean(∂L/∂y · (x − m)))
 *   running ← (1 − momentum) · running + momentum · batch, the variance there with n − 1 in the denominator, as PyTorch's
 * In evaluation m and v are the running statistics.
 */
export const batchNorm: Lowering<BatchNorm> = (op, inputs, context) =>
  context.training ? train(op, inputs[0]!, context) : evaluate(op, inputs[0]!, context);

function evaluate(op: BatchNorm, x: tf.Tensor, context: LoweringContext) {
  const inverse = tf.rsqrt(tf.add(context.parameter(op.variance), op.epsilon));
  const factor = tf.mul(context.parameter(op.scale), inverse);
  const offset = tf.sub(context.parameter(op.shift), tf.mul(context.parameter(op.mean), factor));
  return { value: scaleAndShift(x, factor, offset) };
}

function train(op: BatchNorm, x: tf.Tensor, context: LoweringContext) {
  const mean = channelMean(x);
  const centred = scaleAndShift(x, tf.onesLike(mean), tf.neg(mean));
  const variance = channelMean(tf.square(centred));
  const inverse = tf.rsqrt(tf.add(variance, op.epsilon));
  const factor = tf.mul(context.parameter(op.scale), inverse);
  const count = x.size / mean.size;
  updateRunning(op.mean, mean, op, context);
  // the variance of a single value is 0, whatever its denominator
  updateRunning(op.variance, tf.mul(variance, count > 1 ? count / (count - 1) : 1), op, context);
  return {
    value: scaleAndShift(centred, factor, context.parameter(op.shift)),
    saved: [centred, inverse, factor],
    backward(gradient: tf.Tensor) {
      const meanGradient = channelMean(gradient);
      const meanProduct = channelMean(tf.mul(gradient, centred));
      const parameters = {
        [op.scale]: tf.mul(tf.mul(meanProduct, inverse), count),
        [op.shift]: tf.mul(meanGradient, count),
      };
      if (!context.inputGradientWanted) return { inputs: [undefined], parameters };
      const direct = scaleAndShift(gradient, factor, tf.neg(tf.mul(factor, meanGradient)));
      const slope = tf.mul(tf.mul(factor, tf.square(inverse)), meanProduct);
      return { inputs: [tf.sub(direct, scaleAndShift(centred, slope, tf.zerosLike(slope)))], parameters };
    },
  };
}

function updateRunning(name: string, batch: tf.Tensor, op: BatchNorm, context: LoweringContext): void {
  const kept = tf.mul(context.parameter(name), 1 - op.momentum);
  context.replaceAfterStep(name, tf.add(kept, tf.mul(batch, op.momentum)));
}

/** x · factor + offset for each channel: over an image a 1×1 depthwise convolution, one pass where broadcasting takes two. */
function scaleAndShift(x: tf.Tensor, factor: tf.Tensor, offset: tf.Tensor): tf.Tensor {
  if (x.rank === 2) return tf.add(tf.mul(x, factor), offset);
  const filter: tf.Tensor4D = tf.reshape(factor, [1, 1, factor.size, 1]);
  return tf.fused.depthwiseConv2d({ x: x as tf.Tensor4D, filter, strides: 1, pad: "valid", bias: offset });
}

/** Mean over all axes but the last. Over an image by average pooling, which the wasm backend computes fastest. */
function channelMean(x: tf.Tensor): tf.Tensor1D {
  return tf.tidy(() => {
    if (x.rank === 2) return tf.mean(x, 0);
    const [n, height, width, channels] = x.shape as [number, number, number, number];
    const perImage = tf.avgPool(x as tf.Tensor4D, [height, width], 1, "valid");
    return tf.mean(tf.reshape(perImage, [n, channels]), 0);
  });
}
