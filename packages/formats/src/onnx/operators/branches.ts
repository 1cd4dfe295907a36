/**
 * Axes that count branches beside the units of each: values stacked along one, sums over one, and softmax over two, which
 * selective kernels and split attention weigh their branches by:
 *   softmax(a, b) = (σ(a − b), σ(b − a))
 */
import { laid, orderOf, unitAxisOfValue, unitsAlong } from "../arranging.ts";
import type { Importer } from "../importer.ts";
import { lengthOf, partsOf, sameOrder, slicedOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { type Activation, product, sameDims, type Value } from "../values.ts";

/** Real networks have two to four. */
const MOST_BRANCHES = 16;

/** The value of each branch, with an axis of length 1 in place of theirs; undefined where the axis counts no branches. */
export function branchesOf(context: Importer, value: Activation, axis: number): Activation[] | undefined {
  const order = orderOf(value);
  const atoms = order.axes[axis]!;
  const count = lengthOf(atoms);
  const plane = product(value.shape.slice(1));
  const areOfUnits =
    atoms.every(({ stride }) => stride !== undefined) &&
    partsOf(atoms, plane)?.every((part) => part.isOfUnits);
  if (!areOfUnits || count < 2 || count > MOST_BRANCHES || count >= value.shape[0]!) return undefined;
  // no file keeps fewer units of a branch
  context.divided.add(value.spec);
  const slices = Array.from({ length: count }, (_, k) => slicedOrder(order, axis, [k]));
  if (slices.some((slice) => slice === undefined)) return undefined;
  return slices.map((slice) => context.laid({ ...laid(value, slice!), exclusive: false }, "a branch"));
}

/** Values with an axis of length 1, one after the other along it: units after units. Undefined where they lie otherwise. */
export function stackedBranches(
  context: Importer,
  node: NodePart,
  values: readonly Activation[],
  axis: number,
): Activation | undefined {
  const [first] = values as [Activation];
  const units = unitAxisOfValue(first);
  const isAlike = values.every(({ dims }) => dims[axis] === 1 && sameDims(dims, first.dims));
  if (units === undefined || !isAlike) return undefined;
  const parts = values.map((value) => unitsAlong(context, value, [units]));
  const [reference] = parts as [Activation];
  const order = orderOf(reference);
  if (!parts.every((part) => sameDims(part.shape, reference.shape) && sameOrder(orderOf(part), order)))
    return undefined;
  const joined = context.emit(node, { kind: "concat" }, parts);
  const atom = { length: values.length, stride: product(reference.shape) };
  return laid(joined, { ...order, axes: order.axes.with(axis, [atom]) });
}

/** Softmax over two branches. @param difference, sigmoid of values of the network */
export function softmaxOfTwo(
  context: Importer,
  node: NodePart,
  value: Activation,
  axis: number,
  compute: {
    readonly difference: (node: NodePart, a: Activation, b: Activation) => Value;
    readonly sigmoid: (node: NodePart, x: Value) => Value;
  },
): Activation | undefined {
  const branches = branchesOf(context, value, axis);
  if (branches?.length !== 2) return undefined;
  const [a, b] = branches as [Activation, Activation];
  const gates = [
    [a, b],
    [b, a],
  ].map(([own, other], k) => {
    const step = (name: string) => ({ ...node, title: `${node.title}/${name}${k + 1}` });
    const difference = compute.difference(step("difference"), own!, other!);
    return context.laid(compute.sigmoid(step("sigmoid"), difference), "a softmax");
  });
  return stackedBranches(context, node, gates, axis);
}
