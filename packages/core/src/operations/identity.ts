/** The identity; also dropout outside training. */
import { NO_GRADIENTS, NO_PARAMETERS, ON_EACH_ELEMENT, type OperationDefinition } from "./definition.ts";

export interface Identity {
  readonly kind: "identity";
}

export const identity: OperationDefinition<Identity> = {
  ...ON_EACH_ELEMENT,
  kind: "identity",
  parameters: () => NO_PARAMETERS,
  keepsZero: () => true,
  isNonNegative: (_op, [input]) => input!,
  pathForward: (_op, given) => given.inputs[0]!,
  pathBackward: (_op, _given, _output, gradient) => ({ inputs: [gradient], parameters: NO_GRADIENTS }),
};
