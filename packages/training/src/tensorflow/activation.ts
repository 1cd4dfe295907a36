/** Elementwise activations f with their derivatives, as PyTorch defines them; at a kink the derivative is PyTorch's too, where tfjs has another: 1 at the ends of a clip. */
import { type ActivationName, activationParameters } from "@phew/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Lowering, OperationOf } from "./lowering.ts";

interface ActivationFunction {
  /** f(x) */
  value(x: tf.Tensor, alpha: number, beta: number): tf.Tensor;
  /** f′(x), given y = f(x) as well. */
  slope(x: tf.Tensor, y: tf.Tensor, alpha: number, beta: number): tf.Tensor;
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
  // x·(1 + tanh u)/2, u = √(2/π)·(x + 0.044715·x³)
  geluTanh: {
    value: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(geluInner(x)), 1)),
    slope: (x) => {
      const t = tf.tanh(geluInner(x));
      const inner = tf.mul(tf.add(tf.mul(tf.square(x), 3 * 0.044715), 1), Math.sqrt(2 / Math.PI));
      const bend = tf.mul(tf.mul(tf.mul(x, 0.5), tf.sub(1, tf.square(t))), inner);
      return tf.add(tf.mul(tf.add(t, 1), 0.5), bend);
    },
  },
  // x·σ(αx)
  silu: {
    value: (x, alpha) => tf.mul(x, tf.sigmoid(tf.mul(x, alpha))),
    slope: (x, y, alpha) => {
      const s = tf.sigmoid(tf.mul(x, alpha));
      return tf.add(s, tf.mul(tf.mul(y, alpha), tf.sub(1, s)));
    },
  },
  // x·min(max(x + 3, 0), 6) / 6
  hardSwish: {
    value: (x) => tf.mul(x, tf.mul(tf.clipByValue(tf.add(x, 3), 0, 6), 1 / 6)),
    slope: (x) => tf.add(tf.mul(between(x, -3, 3), tf.add(tf.mul(x, 1 / 3), 0.5)), tf.step(tf.sub(x, 3))),
  },
  // min(max(αx + β, 0), 1)
  hardSigmoid: {
    value: (x, alpha, beta) => tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1),
    slope: (x, _y, alpha, beta) => tf.mul(between(tf.add(tf.mul(x, alpha), beta), 0, 1), alpha),
  },
  // α(eˣ − 1) below 0
  elu: {
    value: (x, alpha) => tf.add(tf.relu(x), tf.mul(below(x), alpha)),
    slope: (x, y, alpha) => tf.where(tf.greater(x, 0), tf.onesLike(x), tf.add(y, alpha)),
  },
  selu: {
    value: (x) => tf.mul(tf.add(tf.relu(x), tf.mul(below(x), SELU_ALPHA)), SELU_SCALE),
    slope: (x, y) =>
      tf.where(tf.greater(x, 0), tf.fill(x.shape, SELU_SCALE), tf.add(y, SELU_ALPHA * SELU_SCALE)),
  },
  // α(e^(x/α) − 1) below 0
  celu: {
    value: (x, alpha) => tf.add(tf.relu(x), tf.mul(below(tf.div(x, alpha)), alpha)),
    slope: (x, y, alpha) => tf.where(tf.greater(x, 0), tf.onesLike(x), tf.add(tf.div(y, alpha), 1)),
  },
  // ln(1 + e^αx) / α
  softplus: {
    value: (x, alpha) => tf.div(tf.softplus(tf.mul(x, alpha)), alpha),
    slope: (x, _y, alpha) => tf.sigmoid(tf.mul(x, alpha)),
  },
  softsign: {
    value: (x) => tf.div(x, tf.add(tf.abs(x), 1)),
    slope: (x) => tf.reciprocal(tf.square(tf.add(tf.abs(x), 1))),
  },
  // x·tanh(softplus(x))
  mish: {
    value: (x) => tf.mul(x, tf.tanh(tf.softplus(x))),
    slope: (x) => {
      const t = tf.tanh(tf.softplus(x));
      return tf.add(t, tf.mul(tf.mul(x, tf.sigmoid(x)), tf.sub(1, tf.square(t))));
    },
  },
  thresholdedRelu: {
    value: (x, alpha) => tf.mul(x, tf.step(tf.sub(x, alpha))),
    slope: (x, _y, alpha) => tf.step(tf.sub(x, alpha)),
  },
  linear: {
    value: (x, alpha, beta) => tf.add(tf.mul(x, alpha), beta),
    slope: (x, _y, alpha) => tf.fill(x.shape, alpha),
  },
  clip: {
    value: (x, alpha, beta) => tf.clipByValue(x, alpha, beta),
    slope: (x, _y, alpha, beta) => between(x, alpha, beta),
  },
};

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** eˣ − 1 below 0, else 0 */
function below(x: tf.Tensor): tf.Tensor {
  return tf.sub(tf.exp(tf.minimum(x, 0)), 1);
}

function geluInner(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
}

export const activation: Lowering<OperationOf<"activation">> = (op, inputs, context) => {
  const x = inputs[0]!;
  const { value, slope } = activations[op.name];
  const { alpha, beta } = activationParameters(op);
  const y = tf.tidy(() => value(x, alpha, beta));
  return {
    value: y,
    backward: (gradient) => ({
      inputs: [context.inputGradientWanted ? tf.mul(gradient, slope(x, y, alpha, beta)) : undefined],
    }),
  };
};
