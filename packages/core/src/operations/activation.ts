/**
 * Elementwise activations. In a path sum all values are positive and the network is linear: they pass unchanged.
 */
import { NO_GRADIENTS, NO_PARAMETERS, type OperationDefinition, unitsUnchanged } from "./definition.ts";
import { throughMeeting } from "./repeats.ts";

export const ACTIVATIONS = [
  "relu",
  "relu6",
  "leakyRelu",
  "sigmoid",
  "tanh",
  "gelu",
  "silu",
  "hardSwish",
  "hardSigmoid",
  "elu",
  "softplus",
] as const;
export type ActivationName = (typeof ACTIVATIONS)[number];

export interface Activation {
  readonly kind: "activation";
  readonly name: ActivationName;
  /** Slope below zero of leakyRelu, or the alpha of elu. */
  readonly alpha?: number;
}

/** True where the activation of 0 is 0, so that a dead unit stays silent behind it. */
export function keepsZero(name: ActivationName): boolean {
  return name !== "sigmoid" && name !== "hardSigmoid" && name !== "softplus";
}

export const activation: OperationDefinition<Activation> = {
  kind: "activation",
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  shape: (_op, inputs) => inputs[0]!,
  units: (_op, inputs) => unitsUnchanged(inputs),
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward: (_op, given) => given.inputs[0]!,
  pathBackward: (_op, _given, _output, gradient) => ({ inputs: [gradient], parameters: NO_GRADIENTS }),
};
