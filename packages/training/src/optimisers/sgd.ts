/**
 * Stochastic gradient descent as torch.optim.SGD, with η the rate, μ the momentum and λ the weight decay:
 *   g ← ∂L/∂θ + λθ;   v ← μv + g;   θ ← θ − η(g + μv) with Nesterov, else θ ← θ − ηv
 * @see Sutskever, Martens, Dahl & Hinton 2013 (momentum and Nesterov's)
 */
import { defineOptimiser } from "./optimiser.ts";

export const sgd = defineOptimiser({
  name: "sgd",
  summary: "stochastic gradient descent with momentum",
  rate: 0.02,
  settings: {
    momentum: { default: 0.9, least: 0, most: 0.9999, help: "momentum of gradient descent" },
    nesterov: { default: true, help: "plain momentum" },
    weightDecay: { default: 1e-4, least: 0, help: "on all trained parameters" },
  },
  state: ["momentum"],
  kernel: "sgd",
  record: "sgdStep",
  fields: ({ momentum, nesterov, weightDecay }, rate) => ({
    rate,
    momentum,
    weightDecay,
    nesterov: nesterov ? 1 : 0,
  }),
  tensorStep({ tf, theta, gradient, state: [velocity] }, { momentum, nesterov, weightDecay }, rate) {
    const g = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(theta, weightDecay));
    const v = tf.add(tf.mul(velocity!, momentum), g);
    const direction = nesterov ? tf.add(g, tf.mul(v, momentum)) : v;
    return { theta: tf.sub(theta, tf.mul(direction, rate)), state: [v] };
  },
  // v sums gradients of the last steps with weights that add up to 1 / (1 − μ)
  meanGradient: { buffer: "momentum", factor: ({ momentum }) => 1 - momentum },
  conflict: ({ momentum, nesterov }) =>
    nesterov && momentum === 0
      ? { subject: "Nesterov momentum", given: "a momentum of 0", expected: "one above 0" }
      : undefined,
});
