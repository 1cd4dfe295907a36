/**
 * An operation of a file that cannot be computed here. `carries` says what depends on what:
 * - `elements`: a function of each element, like an activation; with several inputs, such as a gate, of the elements
 * at
 *   the same position. Output unit u depends on unit u of each input, or on an input's only unit.
 * - `units`: unit to unit in the same way, from any position to any.
 * - absent: unknown. Every output unit is assumed to depend on every unit of every input.
 * In a path sum elements pass unchanged if inputs and output have the same positions, else as the mean over positions
 * (of the unit, or of the entire input if `carries` is absent). Inputs are added: paths pass through either factor of
 * a product as through either term of a sum.
 */

import { ArgumentError } from "../errors.ts";
import { counted } from "../quantity.ts";
import { NO_GRADIENTS, NO_PARAMETERS, type OperationDefinition } from "./definition.ts";
import { NO_REPEATS, throughMeeting } from "./repeats.ts";
import { elementCount, type Shape } from "./shape.ts";

export interface Opaque {
  readonly kind: "opaque";
  /** The operation's name in the file, such as `InstanceNormalization`. */
  readonly operation: string;
  /** Shape of its value, from the file. */
  readonly shape: Shape;
  readonly carries?: "elements" | "units";
  /** True if it maps zeros to 0, and does not depend on the number of units. */
  readonly keepsZero?: boolean;
}

export const opaque: OperationDefinition<Opaque> = {
  kind: "opaque",
  arity: [1, Number.POSITIVE_INFINITY],
  parameters: () => NO_PARAMETERS,
  shape(op, inputs, node) {
    const rank = op.shape.length;
    if ((rank !== 1 && rank !== 3) || !op.shape.every((length) => Number.isInteger(length) && length >= 1)) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `an output of shape [${op.shape.join(", ")}]`,
        expected: "[channels, height, width] or [features], whole numbers of at least 1",
      });
    }
    const [units] = op.shape;
    const other = op.carries && inputs.find(([count]) => count !== 1 && count !== units);
    if (other !== undefined) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `an input of ${counted(other[0]!, "unit")}`,
        expected: `${units}, as many as its output has, or 1`,
      });
    }
    return op.shape;
  },
  units: (op, inputs) =>
    inputs.flatMap((shape, input) => {
      const [count, spread] = [shape[0]!, op.shape[0]!];
      if (op.carries && count === spread) return [{ input, fromStart: 0, count, toStart: 0, spread: 1 }];
      // one map per unit: each becomes all output units
      return Array.from({ length: count }, (_, unit) => ({
        input,
        fromStart: unit,
        count: 1,
        toStart: 0,
        spread,
        mixes: true as const,
      }));
    }),
  keepsZero: isKnownOnZeros,
  isNonNegative: () => false,
  couples: () => false,
  adds: false,
  shrink: (op) =>
    isKnownOnZeros(op)
      ? ({ output }) => ({ ...op, shape: [output.length, ...op.shape.slice(1)] })
      : undefined,
  assumes(op, inputCount) {
    if (op.carries === undefined) return "every unit of its input is taken to reach every unit of its output";
    if (inputCount > 1) return "paths are taken to pass through each of its inputs";
    return op.carries === "units" ? "each unit is taken to pass on from all of its places to all" : undefined;
  },
  label: ({ operation }) => operation,
  repeats: (op, inputs) =>
    op.carries === "elements" && inputs.length === 1
      ? throughMeeting(inputs)
      : { inputs: inputs.map(() => NO_REPEATS), output: NO_REPEATS },
  pathForward(op, given) {
    const output = new Float64Array(elementCount(given.outputShape));
    for (const [k, values] of given.inputs.entries()) {
      for (const { from, to, isSame } of meetings(op, given.inputShapes[k]!, given.outputShape)) {
        const [part, target] = [values.subarray(...from), output.subarray(...to)];
        const mean = isSame ? 0 : sum(part) / part.length;
        for (let e = 0; e < target.length; e++) target[e]! += isSame ? part[e]! : mean;
      }
    }
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const inputs = given.inputs.map((values, k) => {
      const back = new Float64Array(values.length);
      for (const { from, to, isSame } of meetings(op, given.inputShapes[k]!, given.outputShape)) {
        const [target, part] = [back.subarray(...from), gradient.subarray(...to)];
        const share = isSame ? 0 : sum(part) / target.length;
        for (let e = 0; e < target.length; e++) target[e]! += isSame ? part[e]! : share;
      }
      return back;
    });
    return { inputs, parameters: NO_GRADIENTS };
  },
};

function isKnownOnZeros({ carries, keepsZero }: Opaque): boolean {
  return carries !== undefined && keepsZero === true;
}

const sum = (values: Float64Array) => values.reduce((total, x) => total + x, 0);

interface Meeting {
  /** Input elements (first, and one past the last) that these output elements depend on. */
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  /** True if they depend on them one by one. */
  readonly isSame: boolean;
}

function meetings({ carries }: Opaque, input: Shape, output: Shape): Meeting[] {
  const [inCount, outCount] = [elementCount(input), elementCount(output)];
  if (carries === undefined) return [{ from: [0, inCount], to: [0, outCount], isSame: false }];
  const [inPlane, outPlane] = [inCount / input[0]!, outCount / output[0]!];
  return Array.from({ length: output[0]! }, (_, u) => {
    const from = input[0] === 1 ? 0 : u * inPlane;
    return {
      from: [from, from + inPlane],
      to: [u * outPlane, (u + 1) * outPlane],
      isSame: inPlane === outPlane,
    };
  });
}
