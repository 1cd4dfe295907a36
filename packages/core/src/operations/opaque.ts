/**
 * A part of a file's network whose inner workings are not known: it is assumed to carry every unit of every input to
 * every unit of its output, without weights. It can be walked and path sums go through it, but it cannot be computed.
 * In a path sum every output element is the mean of the input's elements, summed over the inputs.
 */
import { ArgumentError } from "../errors.ts";
import {
  elementCount,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  type Shape,
} from "./definition.ts";

export interface Opaque {
  readonly kind: "opaque";
  /** What the file calls the operation, such as `InstanceNormalization`. */
  readonly operation: string;
  /** Shape of its value, as the file has it. */
  readonly shape: Shape;
}

export const opaque: OperationDefinition<Opaque> = {
  kind: "opaque",
  arity: [1, Number.POSITIVE_INFINITY],
  parameters: () => NO_PARAMETERS,
  shape(op, _inputs, node) {
    const rank = op.shape.length;
    if ((rank !== 1 && rank !== 3) || !op.shape.every((length) => Number.isInteger(length) && length >= 1)) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `an output of shape [${op.shape.join(", ")}]`,
        expected: "[channels, height, width] or [features], whole numbers of at least 1",
      });
    }
    return op.shape;
  },
  // one map a unit: each becomes any of the output's units
  units: (op, inputs) =>
    inputs.flatMap((shape, input) =>
      Array.from({ length: shape[0]! }, (_, unit) => ({
        input,
        fromStart: unit,
        count: 1,
        toStart: 0,
        spread: op.shape[0]!,
      })),
    ),
  pathForward(_op, given) {
    const mean = given.inputs.reduce(
      (sum, values) => sum + values.reduce((s, x) => s + x, 0) / values.length,
      0,
    );
    return new Float64Array(elementCount(given.outputShape)).fill(mean);
  },
  pathBackward(_op, given, _output, gradient) {
    const total = gradient.reduce((sum, g) => sum + g, 0);
    return {
      inputs: given.inputs.map((values) => new Float64Array(values.length).fill(total / values.length)),
      parameters: NO_GRADIENTS,
    };
  },
};
