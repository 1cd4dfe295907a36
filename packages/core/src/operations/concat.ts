/** Stacks the units of its inputs, in order. */
import { ArgumentError } from "../errors.ts";
import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  SHRINKS_AS_IT_IS,
} from "./definition.ts";
import { throughMeeting } from "./repeats.ts";
import { elementCount } from "./shape.ts";

export interface Concat {
  readonly kind: "concat";
}

export const concat: OperationDefinition<Concat> = {
  kind: "concat",
  arity: [1, Number.POSITIVE_INFINITY],
  parameters: () => NO_PARAMETERS,
  shape(_op, inputs, node) {
    const [, ...rest] = inputs[0]!;
    for (const [, ...other] of inputs) {
      if (other.length !== rest.length || other.some((n, axis) => n !== rest[axis])) {
        throw new ArgumentError(`layer "${node}"`, {
          given: `inputs of shapes ${inputs.map((s) => `[${s.join(", ")}]`).join(" and ")}`,
          expected: "one height and width for all values that are concatenated",
        });
      }
    }
    return [inputs.reduce((sum, shape) => sum + shape[0]!, 0), ...rest];
  },
  units(_op, inputs) {
    let toStart = 0;
    return inputs.map((shape, input) => {
      const map = { input, fromStart: 0, count: shape[0]!, toStart, spread: 1 };
      toStart += shape[0]!;
      return map;
    });
  },
  keepsZero: () => true,
  isNonNegative: (_op, inputs) => inputs.every(Boolean),
  couples: () => false,
  adds: false,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward(_op, given) {
    const output = new Float64Array(elementCount(given.outputShape));
    let start = 0;
    for (const value of given.inputs) {
      output.set(value, start);
      start += value.length;
    }
    return output;
  },
  pathBackward(_op, given, _output, gradient) {
    let start = 0;
    const inputs = given.inputs.map((value) => {
      const share = gradient.slice(start, start + value.length);
      start += value.length;
      return share;
    });
    return { inputs, parameters: NO_GRADIENTS };
  },
};
