/** Values of the network under other dims. */
import { countUnits, laid, orderOf, unitAxisOfValue, unitsAlong } from "../arranging.ts";
import { reshaped } from "../constants.ts";
import type { Importer } from "../importer.ts";
import { type Atom, isWhole, reshapedOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { dimsText, product, type Value } from "../values.ts";

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
  const value = context.view(x, "a reshape");
  if (value.order === undefined && dims[0] === value.dims[0]) return { ...value, dims };
  const order = reshapedOrder(orderOf(value), dims);
  if (order === undefined) {
    throw new Unsupported(
      value.order === undefined
        ? `it makes ${dimsText(dims)} of ${dimsText(value.dims)}, which mixes the batch with the units`
        : `it makes ${dimsText(dims)} of ${dimsText(value.dims)}, whose axes lie apart`,
    );
  }
  const result = laid(value, order, dims);
  // features of several axes, in the order of the file
  const isList = dims.length === 2 && order.axes[0]!.every(({ stride }) => stride === undefined);
  const isOfUnits = isList && (result.order === undefined || countUnits(result, [1]));
  if (isList && !isOfUnits && isWhole(order, product(value.shape))) return unitsAlong(context, result, [1]);
  if (keepsLengths(context, node)) return result;
  const [before, axis] = [unitAxisOfValue(value), unitAxisOfValue(result)];
  const open = dims.filter((_, k) => countsExamples(order.axes[k]!)).length;
  if (node.opType === "Reshape" && before !== undefined && axis !== undefined && open <= 1) {
    const lengths = dims.map((length, k) => (countsExamples(order.axes[k]!) ? -1 : length));
    context.reshaped.set(node, { spec: value.spec, axis, dims: lengths });
  } else context.divided.add(value.spec);
  return result;
}

/** True for an axis whose length depends on that of the batch. */
const countsExamples = (atoms: readonly Atom[]): boolean => atoms.some(({ stride }) => stride === undefined);

/** True for a node that adds or takes away axes of length 1 that it names: it counts no units. */
function keepsLengths(context: Importer, node: NodePart): boolean {
  const isNamed = (node.input?.[1] ?? "") !== "" || context.attributes(node).has("axes");
  return node.opType === "Unsqueeze" || (node.opType === "Squeeze" && isNamed);
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
