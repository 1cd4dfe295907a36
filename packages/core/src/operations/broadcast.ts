/**
 * Values that meet element by element though some have length 1 along an axis: what is there stands for all places.
 * Units come first, so a value of fewer axes has length 1 along the missing last ones: `[c]` is `[c, 1, 1]`.
 */
import type { Shape } from "./shape.ts";

/** @returns the shape of what meets; undefined if two lengths of an axis differ and neither is 1 */
export function broadcastShape(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const lengths = new Set(shapes.map((shape) => shape[axis] ?? 1));
    lengths.delete(1);
    if (lengths.size > 1) return undefined;
    result.push(...(lengths.size === 1 ? lengths : [1]));
  }
  return result;
}

/**
 * Where each element of the result is read in a value of another shape, row-major.
 * @param shape one that broadcasts to `result`
 */
export function broadcastPlaces(shape: Shape, result: Shape): Uint32Array {
  let places = Uint32Array.of(0);
  for (const [axis, length] of result.entries()) {
    const own = shape[axis] ?? 1;
    const longer = new Uint32Array(places.length * length);
    for (const [k, place] of places.entries())
      for (let i = 0; i < length; i++) longer[k * length + i] = place * own + (own === 1 ? 0 : i);
    places = longer;
  }
  return places;
}

/** The sum, for every element of a value, over all elements of a result that read it. */
export function summedBack(values: Float64Array, shape: Shape, result: Shape): Float64Array {
  const places = broadcastPlaces(shape, result);
  const sums = new Float64Array(shape.reduce((product, length) => product * length, 1));
  for (const [k, place] of places.entries()) sums[place]! += values[k]!;
  return sums;
}
