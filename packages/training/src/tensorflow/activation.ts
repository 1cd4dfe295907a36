/** Elementwise activations f with their derivatives, as PyTorch defines them; at a kink the derivative is PyTorch's too. */
import type { ActivationName } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

interface ActivationFunction {
  /** f(x) */
  value(x: tf.Tensor, alpha: number): tf.Tensor;
  /** f′(x), given y = f(x) as well. */
  slope(x: tf.Tensor, y: tf.Tensor, alpha: number): tf.Tensor;
  /** α where the operation states none. */
  readonly alpha?: number;
}

/** 1 where least < x < most, else 0. */
const between = (x: tf.Tensor, least: number, most: number): tf.Tensor =>
  tf.mul(tf.step(tf.sub(x, least)), tf.step(tf.sub(most, x)));
const sigmoidSlope = (y: tf.Tensor): tf.Tensor => tf.mul(y, tf.sub(1, y));
/** Φ(x) of the normal distribution */
const normalProbability = (x: tf.Tensor): tf.Tensor =>
  tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
/** φ(x) of the normal distribution */
const normalDensity = (x: tf.Tensor): tf.Tensor =>
  tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));

const activations: { readonly [Name in ActivationName]: ActivationFunction } = {
  relu: {
    value: (x) => tf.relu(x),
    slope: (_x, y) => tf.step(y),
  },
  relu6: {
    value: (x) => tf.clipByValue(x, 0, 6),
    slope: (x) => between(x, 0, 6),
  },
  leakyRelu: {
    alpha: 0.01,
    value: (x, alpha) => tf.leakyRelu(x, alpha),
    slope: (x, _y, alpha) => tf.step(x, alpha),
  },
  sigmoid: {
    value: (x) => tf.sigmoid(x),
    slope: (_x, y) => sigmoidSlope(y),
  },
  tanh: {
    value: (x) => tf.tanh(x),
    slope: (_x, y) => tf.sub(1, tf.square(y)),
  },
  // x·Φ(x)
  gelu: {
    value: (x) => tf.mul(x, normalProbability(x)),
    slope: (x) => tf.add(normalProbability(x), tf.mul(x, normalDensity(x))),
  },
  // x·σ(x)
  silu: {
    value: (x) => tf.mul(x, tf.sigmoid(x)),
    slope: (x, y) => {
      const s = tf.sigmoid(x);
      return tf.add(s, tf.mul(y, tf.sub(1, s)));
    },
  },
  // x·min(max(x + 3, 0), 6) / 6
  hardSwish: {
    value: (x) => tf.mul(x, hardSigmoid(x)),
    slope: (x) => tf.add(tf.mul(between(x, -3, 3), tf.add(tf.mul(x, 1 / 3), 0.5)), tf.step(tf.sub(x, 3))),
  },
  hardSigmoid: {
    value: hardSigmoid,
    slope: (x) => tf.mul(between(x, -3, 3), 1 / 6),
  },
  // α(eˣ − 1) below 0
  elu: {
    alpha: 1,
    value: (x, alpha) => tf.add(tf.relu(x), tf.mul(tf.sub(tf.exp(tf.minimum(x, 0)), 1), alpha)),
    slope: (x, y, alpha) => tf.where(tf.greater(x, 0), tf.onesLike(x), tf.add(y, alpha)),
  },
  // ln(1 + eˣ)
  softplus: {
    value: (x) => tf.softplus(x),
    slope: (x) => tf.sigmoid(x),
  },
};

/** min(max(x + 3, 0), 6) / 6 */
function hardSigmoid(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.clipByValue(tf.add(x, 3), 0, 6), 1 / 6);
}

export const activation: Lowering<OperationOf<"activation">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const { value, slope, alpha: usual = 0 } = activations[op.name];
  const alpha = op.alpha ?? usual;
  const y = tf.tidy(() => value(x, alpha));
  return {
    value: y,
    backward: (gradient) => ({
      inputs: [context.inputGradientWanted ? tf.mul(gradient, slope(x, y, alpha)) : undefined],
    }),
  };
};
