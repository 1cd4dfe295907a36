/** Elementwise sum of values of one shape. Units with the same number are added. */
import { ArgumentError } from "../errors.ts";
import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  SHRINKS_AS_IT_IS,
  unitsUnchanged,
} from "./definition.ts";
import { throughMeeting } from "./repeats.ts";

export interface Add {
  readonly kind: "add";
}

export const add: OperationDefinition<Add> = {
  kind: "add",
  arity: [2, Number.POSITIVE_INFINITY],
  parameters: () => NO_PARAMETERS,
  shape(_op, inputs, node) {
    const first = inputs[0]!;
    for (const shape of inputs) {
      if (shape.length !== first.length || shape.some((n, axis) => n !== first[axis])) {
        throw new ArgumentError(`layer "${node}"`, {
          given: `inputs of shapes ${inputs.map((s) => `[${s.join(", ")}]`).join(" and ")}`,
          expected: "one shape for all values that are added",
          remedy: "A shortcut that changes shape needs a 1×1 convolution.",
        });
      }
    }
    return first;
  },
  units: (_op, inputs) => unitsUnchanged(inputs),
  keepsZero: () => true,
  isNonNegative: (_op, inputs) => inputs.every(Boolean),
  couples: () => false,
  adds: true,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward(_op, given) {
    const output = given.inputs[0]!.slice();
    for (const other of given.inputs.slice(1))
      for (let k = 0; k < output.length; k++) output[k]! += other[k]!;
    return output;
  },
  pathBackward: (_op, given, _output, gradient) => ({
    inputs: given.inputs.map(() => gradient),
    parameters: NO_GRADIENTS,
  }),
};
