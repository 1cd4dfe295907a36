/**
 * A value that is trained and is the same for every example, whatever the input: class tokens, queries. Its input tells
 * how many examples there are, nothing else. No path comes from it; with biases it is one.
 */
import { ArgumentError } from "../errors.ts";
import { ASSUMES_NOTHING, NO_GRADIENTS, type OperationDefinition } from "./definition.ts";
import { NO_REPEATS } from "./repeats.ts";
import { elementCount, type Shape } from "./shape.ts";

export interface Learned {
  readonly kind: "learned";
  /** Name of its elements, of the value's shape. */
  readonly value: string;
  readonly shape: Shape;
}

export const learned: OperationDefinition<Learned> = {
  kind: "learned",
  arity: [1, 1],
  parameters: ({ value, shape }) => [
    { name: value, shape, role: "shift", trained: true, initial: 0, unitAxis: 0, added: true },
  ],
  shape({ shape }, _inputs, node) {
    if (shape.length > 0 && shape.every((length) => Number.isInteger(length) && length >= 1)) return shape;
    throw new ArgumentError(`layer "${node}"`, {
      given: `a value of shape [${shape.join(", ")}]`,
      expected: "whole numbers of at least 1",
    });
  },
  units: () => [],
  keepsZero: () => false,
  makesZero({ value, shape }, weight, unit) {
    const row = elementCount(shape.slice(1));
    return weight(value)
      .subarray(unit * row, (unit + 1) * row)
      .every((element) => element === 0);
  },
  isNonNegative: () => false,
  couples: () => false,
  adds: false,
  shrink:
    (op) =>
    ({ output }) => ({ ...op, shape: [output.length, ...op.shape.slice(1)] }),
  assumes: ASSUMES_NOTHING,
  repeats: (_op, inputs) => ({ inputs, output: NO_REPEATS }),
  pathForward: ({ value }, given) =>
    given.biases ? given.theta(value) : new Float64Array(elementCount(given.outputShape)),
  pathBackward: ({ value }, given, _output, gradient) => ({
    inputs: [new Float64Array(elementCount(given.inputShapes[0]!))],
    parameters: given.biases ? new Map([[value, gradient.slice()]]) : NO_GRADIENTS,
  }),
};
