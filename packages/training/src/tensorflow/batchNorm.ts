/**
 * Batch normalisation. In training, with mean m and variance v of the batch (over batch, height and width), i = 1/√(v + ε):
 *   y = (x − m) · i · scale + shift
 *   ∂L/∂scale = Σ ∂L/∂y · (x − m) · i,  ∂L/∂shift = Σ ∂L/∂y
 *   ∂L/∂x = scale · i · (∂L/∂y − mean(∂L/∂y) − (x − m) · i² · mean(∂L/∂y · (x − m)))
 *   running ← (1 − momentum) · running + momentum · batch, the variance there with n − 1 in the denominator, as PyTorch's
 * In evaluation m and v are the running statistics.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, LoweringContext, OperationOf } from "./lowering.ts";

type BatchNorm = OperationOf<"batchNorm">;

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
