/**
 * Some units of its input, in any order and with repeats: unit u of the output is unit index[u] of the input, or zeros
 * where that is −1. Slices, splits, channel gathers, channel shuffles and padding of channels are select operations.
 */

import { ArgumentError } from "../errors.ts";
import { counted } from "../quantity.ts";
import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  type UnitMap,
} from "./definition.ts";
import { throughMeeting } from "./repeats.ts";
import { elementCount } from "./shape.ts";

export interface Select {
  readonly kind: "select";
  /** For each output unit, its input unit, or −1. At least one. */
  readonly index: readonly number[];
}

/** The units `start … start + count − 1`, in order. */
export function unitRun(start: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, k) => start + k);
}

export const select: OperationDefinition<Select> = {
  kind: "select",
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  shape({ index }, inputs, node) {
    const [units, ...rest] = inputs[0]!;
    const stray = index.find((unit) => !Number.isInteger(unit) || unit < -1 || unit >= units!);
    if (index.length === 0 || stray !== undefined) {
      throw new ArgumentError(`layer "${node}"`, {
        given: stray === undefined ? "no units" : `unit ${stray}`,
        expected: `at least one, each among the ${counted(units!, "unit")} of its input, or -1 for zeros`,
      });
    }
    return [index.length, ...rest];
  },
  units: ({ index }) => runs(index),
  keepsZero: () => true,
  isNonNegative: (_op, [input]) => input!,
  couples: () => false,
  adds: false,
  shrink: (op) =>
    // the zeros that a file adds are counted in the file
    op.index.includes(-1)
      ? undefined
      : (kept) => {
          const place = new Map(Array.from(kept.inputs[0]!, (unit, k) => [unit, k]));
          return { ...op, index: Array.from(kept.output, (u) => place.get(op.index[u]!)!) };
        },
  assumes: ASSUMES_NOTHING,
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward({ index }, given) {
    const plane = planeOf(given.outputShape);
    const output = new Float64Array(index.length * plane);
    for (const [u, from] of index.entries())
      if (from >= 0) output.set(given.inputs[0]!.subarray(from * plane, (from + 1) * plane), u * plane);
    return output;
  },
  pathBackward({ index }, given, _output, gradient) {
    const plane = planeOf(given.outputShape);
    const inputGradient = new Float64Array(elementCount(given.inputShapes[0]!));
    for (const [u, from] of index.entries())
      for (let k = 0; from >= 0 && k < plane; k++)
        inputGradient[from * plane + k]! += gradient[u * plane + k]!;
    return { inputs: [inputGradient], parameters: NO_GRADIENTS };
  },
};

const planeOf = ([, ...places]: readonly number[]) => elementCount(places);

/** One map for each run of units that are consecutive in both input and output. */
function runs(index: readonly number[]): UnitMap[] {
  const maps: UnitMap[] = [];
  for (let start = 0, u = 1; u <= index.length; u++) {
    const isNext = index[u - 1]! >= 0 && index[u] === index[u - 1]! + 1;
    if (u < index.length && (isNext || (index[u] === -1 && index[u - 1] === -1))) continue;
    if (index[start]! >= 0)
      maps.push({ input: 0, fromStart: index[start]!, count: u - start, toStart: start, spread: 1 });
    start = u;
  }
  return maps;
}
