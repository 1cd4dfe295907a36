/** A run of its input's units: unit u of the output is unit start + u of the input. */
import { ArgumentError } from "../errors.ts";
import { elementCount, NO_GRADIENTS, NO_PARAMETERS, type OperationDefinition } from "./definition.ts";
import { throughMeeting } from "./repeats.ts";

export interface Slice {
  readonly kind: "slice";
  /** First unit taken. */
  readonly start: number;
  /** Number of units taken, at least 1. */
  readonly count: number;
}

export const slice: OperationDefinition<Slice> = {
  kind: "slice",
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  shape(op, inputs, node) {
    const [units, ...rest] = inputs[0]!;
    const whole = Number.isInteger(op.start) && Number.isInteger(op.count);
    if (!whole || op.start < 0 || op.count < 1 || op.start + op.count > units!) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `${op.count} units from unit ${op.start} on`,
        expected: `at least one, all among the ${units} units of its input`,
      });
    }
    return [op.count, ...rest];
  },
  units: (op) => [{ input: 0, fromStart: op.start, count: op.count, toStart: 0, spread: 1 }],
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward(op, given) {
    const plane = elementCount(given.inputShapes[0]!) / given.inputShapes[0]![0]!;
    return given.inputs[0]!.slice(op.start * plane, (op.start + op.count) * plane);
  },
  pathBackward(op, given, _output, gradient) {
    const length = elementCount(given.inputShapes[0]!);
    const inputGradient = new Float64Array(length);
    inputGradient.set(gradient, (op.start * length) / given.inputShapes[0]![0]!);
    return { inputs: [inputGradient], parameters: NO_GRADIENTS };
  },
};
