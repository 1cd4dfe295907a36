/** Values of the network under other dims: the same elements, or those of a turned value in its own order. */
import { reshaped } from "../constants.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, movesElements, product, type Turned, type Value } from "../values.ts";

export const outputName = (node: NodePart): string => node.output?.[0] ?? "";

export function dimsOf(x: Value | undefined): readonly number[] {
  if (x === undefined || x.kind === "unknown" || x.kind === "sequence")
    throw new Unsupported("the shape of its input is not known");
  return x.dims;
}

/** The same elements in the same order under other dims. */
export function viewed(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  dims: readonly number[],
): Value {
  if (x?.kind === "constant") return reshaped(x, outputName(node), dims);
  const isMoved = x?.kind === "turned" && movesElements(x.base.dims, x.permutation);
  const value = isMoved ? featuresOf(context, node, x) : context.activation(x, "a reshape");
  if (dims[0] !== value.dims[0]) {
    throw new Unsupported(
      `it makes ${dimsText(dims)} of ${dimsText(value.dims)}, which mixes the batch with the units`,
    );
  }
  return { ...value, dims };
}

/** The elements of a value that waits turned, as features in its own order. */
function featuresOf(context: Importer, node: NodePart, turned: Turned): Activation {
  const { base, permutation, dims } = turned;
  // says what is wrong with it
  if (permutation[0] !== 0) return context.activation(turned, "a reshape");
  const index = permutedPlaces(base.dims, permutation.slice(1));
  return context.select(node, context.flat(base), index, [dims[0]!, product(dims.slice(1))]);
}

/** For every position of the axes in the given order, row-major, its position in their original order. */
export function permutedPlaces(dims: readonly number[], order: readonly number[]): number[] {
  const strides = new Map<number, number>();
  let stride = 1;
  for (const axis of [...order].sort((a, b) => b - a)) {
    strides.set(axis, stride);
    stride *= dims[axis]!;
  }
  let places = [0];
  for (const axis of order) {
    const step = strides.get(axis)!;
    places = places.flatMap((place) => Array.from({ length: dims[axis]! }, (_, k) => place + k * step));
  }
  return places;
}
