/**
 * Transpose. If it permutes units (channel shuffle between two reshapes) it is a selection of units. If it moves
 * units after height and width (channels last), the value stays pending until it is transposed back, averaged over
 * all positions, or reshaped to features, which are then in the order of the file.
 */
import { counted } from "@phew/core";
import { transposed } from "../constants.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, isInOrder, movesElements, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";
import { unitAxisCount } from "./selection.ts";
import { dimsOf, outputName, permutedPlaces, viewed } from "./views.ts";

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
  if (x?.kind === "turned") {
    return turned(
      context,
      node,
      x.base,
      permutation.map((axis) => x.permutation[axis]!),
    );
  }
  return turned(context, node, context.activation(x, "a transposition"), permutation);
};

/** @param permutation axis k of the result is axis `permutation[k]` of the value */
function turned(context: Importer, node: NodePart, base: Activation, permutation: readonly number[]): Value {
  const dims = permutation.map((axis) => base.dims[axis]!);
  const turnedValue = { kind: "turned", base, permutation, dims, node } as const;
  if (permutation.every((axis, k) => axis === k)) return viewed(context, node, base, dims);
  // a single unit may be gathered along its axis, wherever that is
  if (permutation[0] !== 0 || base.shape[0] === 1) return turnedValue;
  if (!movesElements(base.dims, permutation)) return viewed(context, node, base, dims);
  const unitAxes = unitAxisCount(base);
  const isUnit = (axis: number) => unitAxes !== undefined && axis <= unitAxes;
  const moved = permutation.filter((axis) => base.dims[axis] !== 1);
  const unitsFirst = moved.every((axis, k) => isUnit(axis) || !moved.slice(k).some(isUnit));
  if (unitAxes !== undefined && unitsFirst && isInOrder(moved.filter((axis) => !isUnit(axis)))) {
    const units = permutation.filter((axis) => axis > 0 && isUnit(axis));
    const index = permutedPlaces(base.dims, units);
    return context.select(node, base, index, dims);
  }
  return turnedValue;
}
