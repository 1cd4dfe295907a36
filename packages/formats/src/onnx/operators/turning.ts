/**
 * Transpose. If it permutes units (channel shuffle between two reshapes) it is a selection of units; else the value lies
 * otherwise than before, and an operation that needs another order brings it there.
 */
import { counted } from "@phew/core";
import { laid, orderOf } from "../arranging.ts";
import { transposed } from "../constants.ts";
import type { Importer } from "../importer.ts";
import { permutedOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import type { Activation } from "../values.ts";
import type { Operator } from "./operator.ts";
import { unitAxisCount } from "./selection.ts";
import { dimsOf, outputName, permutedPlaces } from "./views.ts";

export const transpose: Operator = (context, node, [x]) => {
  const dims = dimsOf(x);
  const rank = dims.length;
  const permutation = context.attributes(node).ints("perm") ?? dims.map((_, axis) => rank - 1 - axis);
  const isWhole = permutation.length === rank && new Set(permutation).size === rank;
  if (!isWhole || permutation.some((axis) => axis < 0 || axis >= rank)) {
    throw new Unsupported(
      `its perm [${permutation.join(", ")}] is no order of ${counted(rank, "axis", "axes")}`,
    );
  }
  if (x?.kind === "constant") return transposed(x, outputName(node), permutation);
  const value = context.view(x, "a transposition");
  return (
    shuffled(context, node, value, permutation) ?? laid(value, permutedOrder(orderOf(value), permutation))
  );
};

/**
 * A permutation of units alone, as a selection of them; undefined if it moves more, or nothing.
 * @param permutation axis k of the result is axis `permutation[k]` of the value
 */
function shuffled(
  context: Importer,
  node: NodePart,
  value: Activation,
  permutation: readonly number[],
): Activation | undefined {
  const { dims } = value;
  const unitAxes = unitAxisCount(value);
  if (value.order !== undefined || permutation[0] !== 0 || unitAxes === undefined) return undefined;
  const isUnit = (axis: number) => axis <= unitAxes;
  const moved = permutation.filter((axis) => axis > 0 && dims[axis] !== 1);
  const unitsFirst = moved.every((axis, k) => isUnit(axis) || !moved.slice(k).some(isUnit));
  if (isInOrder(moved) || !unitsFirst || !isInOrder(moved.filter((axis) => !isUnit(axis)))) return undefined;
  const units = permutation.filter((axis) => axis > 0 && isUnit(axis));
  return context.select(
    node,
    value,
    permutedPlaces(dims, units),
    permutation.map((axis) => dims[axis]!),
  );
}

const isInOrder = (axes: readonly number[]): boolean =>
  axes.every((axis, k) => k === 0 || axis > axes[k - 1]!);
