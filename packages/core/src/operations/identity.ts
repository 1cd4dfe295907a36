/** Passes its input on unchanged; also what dropout is outside training. */
import { NO_GRADIENTS, NO_PARAMETERS, type OperationDefinition, unitsUnchanged } from "./definition.ts";
import { throughMeeting } from "./repeats.ts";

export interface Identity {
  readonly kind: "identity";
}

export const identity: OperationDefinition<Identity> = {
  kind: "identity",
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  shape: (_op, inputs) => inputs[0]!,
  units: (_op, inputs) => unitsUnchanged(inputs),
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward: (_op, given) => given.inputs[0]!,
  pathBackward: (_op, _given, _output, gradient) => ({ inputs: [gradient], parameters: NO_GRADIENTS }),
};
