/**
 * Elementwise product of two values; along an axis of length 1 a value stands for all places (operations/broadcast.ts):
 * gates of channels `[c]` or `[c, 1, 1]`, gates of places `[1, h, w]`, gated linear units.
 * In a path sum the factors are ADDED: paths pass through either factor, each straight, as through the terms of a sum.
 * Unlike a sum it has no identity shortcuts: a value that its own gate multiplies goes on as itself, and is walked.
 */
import { ArgumentError } from "../errors.ts";
import { broadcastPlaces, broadcastShape, summedBack } from "./broadcast.ts";
import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  SHRINKS_AS_IT_IS,
  type UnitMap,
} from "./definition.ts";
import { throughBroadcast } from "./repeats.ts";
import { elementCount, type Shape } from "./shape.ts";

export interface Multiply {
  readonly kind: "multiply";
}

export const multiply: OperationDefinition<Multiply> = {
  kind: "multiply",
  arity: [2, 2],
  parameters: () => NO_PARAMETERS,
  shape(_op, inputs, node) {
    const shape = broadcastShape(inputs);
    if (shape !== undefined && inputs.every((own) => standsForAll(own, shape))) return shape;
    throw new ArgumentError(`layer "${node}"`, {
      given: `factors of shapes ${inputs.map((s) => `[${s.join(", ")}]`).join(" and ")}`,
      expected: "two that are equal along every axis, or of which one has length 1 there",
      remedy: "Units come first: a number for each channel is [channels] or [channels, 1, 1].",
    });
  },
  units: (_op, inputs, output) => inputs.flatMap((shape, input) => mapsOf(shape, input, output[0]!)),
  keepsZero: () => true,
  multiplies: true,
  isNonNegative: (_op, inputs) => inputs.every(Boolean),
  couples: () => false,
  adds: false,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
  repeats: (_op, inputs, _output, shapes) => throughBroadcast(inputs, shapes),
  pathForward(_op, given) {
    const output = new Float64Array(elementCount(given.outputShape));
    for (const [k, values] of given.inputs.entries()) {
      const places = broadcastPlaces(given.inputShapes[k]!, given.outputShape);
      for (let e = 0; e < output.length; e++) output[e]! += values[places[e]!]!;
    }
    return output;
  },
  pathBackward: (_op, given, _output, gradient) => ({
    inputs: given.inputShapes.map((shape) => summedBack(gradient, shape, given.outputShape)),
    parameters: NO_GRADIENTS,
  }),
};

/** Of volumes a factor has either a number for each place, or one for all. */
function standsForAll([, ...places]: Shape, [, ...all]: Shape): boolean {
  return all.length < 3 || places.every((length, axis) => length === all[axis]) || elementCount(places) === 1;
}

/** A single unit that multiplies several is read once for each of them. */
function mapsOf([own]: Shape, input: number, units: number): UnitMap[] {
  if (own === units) return [{ input, fromStart: 0, count: units, toStart: 0, spread: 1 }];
  return Array.from({ length: units }, (_, toStart) => ({
    input,
    fromStart: 0,
    count: 1,
    toStart,
    spread: 1,
    stays: true as const,
  }));
}
