/**
 * Adam with decoupled weight decay as torch.optim.AdamW, with η the rate, λ the weight decay and t the step, from 1:
 *   θ ← θ − ηλθ;   m ← β₁m + (1 − β₁)g;   v ← β₂v + (1 − β₂)g²;   g = ∂L/∂θ
 *   θ ← θ − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
 * Without weight decay it is Adam. If a parameter's gradient is 0 except for rounding (a bias before a batch
 * normalisation), Adam would amplify the rounding: the sparse executor uses a gradient of 0.
 * @see Loshchilov & Hutter 2019, arXiv:1711.05101; Kingma & Ba 2015, arXiv:1412.6980
 */
import { defineOptimiser } from "./optimiser.ts";

export const adamw = defineOptimiser({
  name: "adamw",
  summary: "Adam with decoupled weight decay",
  // three epochs of glyphs: of 0.001 to 0.004 the best on resnet20 (density 0.1) and lenet5 (0.05 and 0.3); 0.008 was
  // better still on lenet5 at 0.05, and not tried on resnet20
  rate: 0.004,
  settings: {
    beta1: { default: 0.9, least: 0, most: 0.9999, help: "decay of the mean of gradients" },
    beta2: { default: 0.999, least: 0, most: 0.999999, help: "decay of the mean of their squares" },
    epsilon: { default: 1e-8, least: 1e-30, help: "added to the root of that mean" },
    weightDecay: { default: 0.01, least: 0, help: "on all trained parameters" },
  },
  state: ["firstMoment", "secondMoment"],
  kernel: "adamw",
  record: "adamwStep",
  fields: ({ beta1, beta2, epsilon, weightDecay }, rate, step) => ({
    keep: 1 - rate * weightDecay,
    stepSize: rate / (1 - beta1 ** step),
    beta1,
    beta2,
    rest1: 1 - beta1,
    rest2: 1 - beta2,
    correction: Math.sqrt(1 - beta2 ** step),
    epsilon,
  }),
  tensorStep({ tf, theta, gradient, state: [first, second] }, values, rate, step) {
    const { beta1, beta2, epsilon, weightDecay } = values;
    const m = tf.add(tf.mul(first!, beta1), tf.mul(gradient, 1 - beta1));
    const v = tf.add(tf.mul(second!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const root = tf.add(tf.div(tf.sqrt(v), Math.sqrt(1 - beta2 ** step)), epsilon);
    const move = tf.mul(tf.div(m, root), rate / (1 - beta1 ** step));
    return { theta: tf.sub(tf.mul(theta, 1 - rate * weightDecay), move), state: [m, v] };
  },
  // m is a mean already, but for the zeros that it starts from
  meanGradient: { buffer: "firstMoment", factor: ({ beta1 }, steps) => 1 / (1 - beta1 ** steps) },
});
