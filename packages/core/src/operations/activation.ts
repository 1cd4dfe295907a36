/**
 * Elementwise activations. In a path sum without biases all values are positive and the network is linear: they pass
 * unchanged. With biases a running mean may make a value negative: relu and relu6 then give 0 and leakyRelu its slope, as
 * in the network itself; the others pass it unchanged.
 */
import {
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  type PathSumInputs,
  unitsUnchanged,
} from "./definition.ts";
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
  pathForward: (op, given) => scaledBelowZero(op, given, given.inputs[0]!),
  pathBackward: (op, given, _output, gradient) => ({
    inputs: [scaledBelowZero(op, given, gradient)],
    parameters: NO_GRADIENTS,
  }),
};

/** `values` times the slope below zero wherever the input is negative; `values` itself where nothing changes. */
function scaledBelowZero(
  op: Activation,
  { inputs, biases }: PathSumInputs,
  values: Float64Array,
): Float64Array {
  const slope =
    op.name === "relu" || op.name === "relu6" ? 0 : op.name === "leakyRelu" ? (op.alpha ?? 0.01) : 1;
  const input = inputs[0]!;
  if (!biases || slope === 1 || !input.some((x) => x < 0)) return values;
  return values.map((value, k) => (input[k]! < 0 ? slope * value : value));
}
