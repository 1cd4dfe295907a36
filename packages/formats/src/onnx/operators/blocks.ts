/** DepthToSpace and SpaceToDepth: blocks of positions as units, and back. */
import { laid, orderOf, unitsAlong } from "../arranging.ts";
import type { Importer } from "../importer.ts";
import { type Order, permutedOrder, reshapedOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";

export const depthToSpace: Operator = (context, node, [x]) => {
  const { value, size } = blocked(context, node, x);
  const [n, channels, height, width] = value.dims as [number, number, number, number];
  const units = channels / size ** 2;
  const isUnitFirst = context.attributes(node).text("mode", "DCR") === "CRD";
  const parts = isUnitFirst ? [n, units, size, size, height, width] : [n, size, size, units, height, width];
  const axes = isUnitFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return moved(context, value, parts, axes, [n, units, height * size, width * size]);
};

export const spaceToDepth: Operator = (context, node, [x]) => {
  const { value, size } = blocked(context, node, x);
  const [n, channels, height, width] = value.dims as [number, number, number, number];
  const [rows, columns] = [height / size, width / size];
  const parts = [n, channels, rows, size, columns, size];
  return moved(context, value, parts, [0, 3, 5, 1, 2, 4], [n, channels * size ** 2, rows, columns]);
};

function blocked(context: Importer, node: NodePart, x: Value | undefined) {
  const value = context.laid(x, "a movement of blocks");
  const size = context.attributes(node).int("blocksize", 0);
  if (value.dims.length !== 4 || !(Number.isInteger(size) && size >= 1))
    throw new Unsupported(`it moves blocks of ${size} in ${dimsText(value.dims)}`);
  return { value, size };
}

/** @param parts its axes, divided @param axes of these in their new order @param dims these joined */
function moved(
  context: Importer,
  value: Activation,
  parts: readonly number[],
  axes: readonly number[],
  dims: readonly number[],
): Activation {
  const isWhole = [...parts, ...dims].every(Number.isInteger);
  const divided: Order | undefined = isWhole ? reshapedOrder(orderOf(value), parts) : undefined;
  const order = divided && reshapedOrder(permutedOrder(divided, axes), dims);
  if (order === undefined) throw new Unsupported(`its blocks do not fit ${dimsText(value.dims)}`);
  return unitsAlong(context, laid(value, order, dims), [1], dims.slice(2));
}
