/**
 * Operations that keep the order of the elements (Reshape and its kin), that join and split units, and that compute
 * shapes. On values of the network a reshape costs nothing: ONNX's dims change, the core node stays.
 */
import { countUnits, laid, orderOf, unitAxisOfValue, unitsAlong } from "../arranging.ts";
import {
  computedConstant,
  foldConcat,
  foldConstantOfShape,
  foldExpand,
  foldRange,
  normalAxis,
  reshaped,
  sliceIndices,
  smallNumbers,
  storedConstant,
} from "../constants.ts";
import type { Importer } from "../importer.ts";
import { type Order, sameOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import {
  type Activation,
  ANY_BATCH,
  type Constant,
  dimsText,
  product,
  sameDims,
  type Value,
} from "../values.ts";
import { joinedPlaces } from "./joining.ts";
import type { Operator } from "./operator.ts";
import { dimsOf, outputName, viewed } from "./views.ts";

export const constant: Operator = (context, node) => {
  const attributes = context.attributes(node);
  const name = outputName(node);
  const tensor = attributes.tensor("value");
  if (tensor !== undefined) return storedConstant(name, tensor, context.external);
  if (attributes.has("value_int")) return computedConstant(name, [], "I64", [attributes.int("value_int", 0)]);
  if (attributes.has("value_float"))
    return computedConstant(name, [], "F32", [attributes.float("value_float", 0)]);
  const ints = attributes.ints("value_ints");
  if (ints !== undefined) return computedConstant(name, [ints.length], "I64", ints);
  const floats = attributes.floats("value_floats");
  if (floats !== undefined) return computedConstant(name, [floats.length], "F32", floats);
  throw new Unsupported("it holds a constant that is no tensor of numbers");
};

export const shape: Operator = (context, node, [x]) => {
  const dims = dimsOf(x);
  const attributes = context.attributes(node);
  const picked = sliceIndices(
    { start: attributes.int("start", 0), end: attributes.int("end", dims.length), step: 1 },
    dims.length,
  ).map((axis) => dims[axis]!);
  return computedConstant(outputName(node), [picked.length], "I64", picked);
};

export const size: Operator = (_context, node, [x]) =>
  computedConstant(outputName(node), [], "I64", [product(dimsOf(x))]);

export const reshape: Operator = (context, node, [x, target]) => {
  const attributes = context.attributes(node);
  const wanted =
    target === undefined
      ? attributes.ints("shape")
      : [...smallNumbers(context.constant(target, "its shape"))];
  if (wanted === undefined) throw new Unsupported("it lacks its shape");
  const dims = dimsOf(x);
  const keepsZero = attributes.int("allowzero", 0) !== 0;
  const filled = wanted.map((length, axis) => (length === 0 && !keepsZero ? (dims[axis] ?? 0) : length));
  const open = filled.filter((length) => length === -1).length;
  const known = product(filled.filter((length) => length !== -1));
  const total = product(dims);
  if (
    open > 1 ||
    filled.some((length) => length < -1) ||
    (open === 1 && (known === 0 || total % known !== 0))
  ) {
    throw new Unsupported(`${dimsText(dims)} cannot take the shape ${dimsText(wanted)}`);
  }
  const result = filled.map((length) => (length === -1 ? total / known : length));
  if (product(result) !== total) {
    throw new Unsupported(
      `${dimsText(dims)} cannot take the shape ${dimsText(wanted)}; a batch size may have been fixed by the exporter`,
    );
  }
  return viewed(context, node, x, result);
};

export const flatten: Operator = (context, node, [x]) => {
  const dims = dimsOf(x);
  const axis = context.attributes(node).int("axis", 1);
  // axis may be the rank itself
  const at = axis === dims.length ? axis : normalAxis(axis, dims.length);
  return viewed(context, node, x, [product(dims.slice(0, at)), product(dims.slice(at))]);
};

export const squeeze: Operator = (context, node, [x, axes]) => {
  const dims = dimsOf(x);
  const given = axesOf(context, node, axes);
  if (given === undefined) {
    return viewed(
      context,
      node,
      x,
      dims.filter((length) => length !== 1),
    );
  }
  const squeezed = new Set(given.map((axis) => normalAxis(axis, dims.length)));
  for (const axis of squeezed) {
    if (dims[axis] !== 1) throw new Unsupported(`axis ${axis} of ${dimsText(dims)} is not of length 1`);
  }
  return viewed(
    context,
    node,
    x,
    dims.filter((_, axis) => !squeezed.has(axis)),
  );
};

export const unsqueeze: Operator = (context, node, [x, axes]) => {
  const dims = dimsOf(x);
  const given = axesOf(context, node, axes);
  if (given === undefined) throw new Unsupported("it lacks its axes");
  const rank = dims.length + given.length;
  const added = new Set(given.map((axis) => normalAxis(axis, rank)));
  if (added.size !== given.length) throw new Unsupported(`it adds an axis twice (${given.join(", ")})`);
  const rest = [...dims];
  return viewed(
    context,
    node,
    x,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)),
  );
};

function axesOf(context: Importer, node: NodePart, axes: Value | undefined): readonly number[] | undefined {
  if (axes === undefined) return context.attributes(node).ints("axes");
  return [...smallNumbers(context.constant(axes, "its list of axes"))];
}

export const concat: Operator = (context, node, inputs) => {
  const axis = context.attributes(node).int("axis", 1);
  const constants = inputs.filter((input): input is Constant => input?.kind === "constant");
  if (constants.length === inputs.length && inputs.length > 0)
    return foldConcat(outputName(node), constants, axis);
  const parts = inputs.map((input) =>
    input?.kind === "constant" ? input : context.laid(input, "a concatenation"),
  );
  const rank = parts[0]!.dims.length;
  const at = normalAxis(axis, rank);
  const alongPlaces = joinedPlaces(context, node, parts, at);
  if (alongPlaces !== undefined) return alongPlaces;
  const values = inputs.map((input) => context.laid(input, "a concatenation"));
  const [first] = values as [Activation];
  const stacked = stackedUnits(context, node, values, at);
  if (stacked !== undefined) return stacked;
  if (values.some(({ order }) => order !== undefined)) return joinedUnits(context, node, values, at);
  if (at !== 1) {
    throw new Unsupported(
      `it joins ${dimsText(first.dims)} along axis ${axis}, and only units can be joined`,
    );
  }
  for (const { dims } of values) {
    if (dims.length !== rank || dims.some((length, k) => k !== 1 && length !== first.dims[k])) {
      throw new Unsupported(`it joins ${values.map((value) => dimsText(value.dims)).join(" and ")}`);
    }
  }
  const dims = first.dims.map((length, k) =>
    k === 1 ? values.reduce((sum, value) => sum + value.dims[1]!, 0) : length,
  );
  const areImages = values.every(
    ({ shape, dims: own }) => shape[0] === own[1] && sameDims(shape.slice(1), first.shape.slice(1)),
  );
  // row-major, joining along the unit axis is the same for images and for their flattened features
  return context.emit(
    node,
    { kind: "concat" },
    areImages ? values : values.map((value) => context.flat(value)),
    dims,
  );
};

/**
 * Values that are put side by side along an axis of length 1 that stands before their batch, as the last states of
 * recurrent layers are: units after units.
 */
function stackedUnits(
  context: Importer,
  node: NodePart,
  values: readonly Activation[],
  axis: number,
): Activation | undefined {
  const [first] = values as [Activation];
  const units = first.order && unitAxisOfValue(first);
  const isAlike = values.every(({ dims }) => dims[axis] === 1 && sameDims(dims, first.dims));
  const isBefore = orderOf(first)
    .axes.slice(axis + 1)
    .flat()
    .some(({ stride }) => stride === undefined);
  if (units === undefined || !isAlike || !isBefore) return undefined;
  const parts = values.map((value) => unitsAlong(context, value, [units]));
  const [reference] = parts as [Activation];
  const order = orderOf(reference);
  if (!parts.every((part) => sameDims(part.shape, reference.shape) && sameOrder(orderOf(part), order)))
    return undefined;
  const joined = context.emit(node, { kind: "concat" }, parts);
  const atom = { length: values.length, stride: product(reference.shape) };
  return laid(joined, { ...order, axes: order.axes.with(axis, [atom]) });
}

/** Values that lie otherwise than row-major, along the axis of their units. */
function joinedUnits(
  context: Importer,
  node: NodePart,
  values: readonly Activation[],
  axis: number,
): Activation {
  const first = values.find(({ order }) => order !== undefined)!;
  const isAlike = values.every(({ dims }) => sameDims(dims.with(axis, 1), first.dims.with(axis, 1)));
  if (!isAlike || !countUnits(first, [axis])) {
    throw new Unsupported(
      `it joins ${values.map(({ dims }) => dimsText(dims)).join(" and ")} along axis ${axis}, and only units can be joined`,
    );
  }
  const parts = values.map((value) => unitsAlong(context, value, [axis]));
  const [reference] = parts as [Activation];
  // all positions must lie as those of the first
  const lies = ({ order, dims, shape }: Activation) =>
    sameOrder(
      withoutUnits(orderOf({ order, dims } as Activation), axis),
      withoutUnits(orderOf(reference), axis),
    ) && sameDims(shape.slice(1), reference.shape.slice(1));
  if (!parts.every(lies))
    throw new Unsupported(
      `it joins ${values.map(({ dims }) => dimsText(dims)).join(" and ")}, which lie in different orders`,
    );
  return context.emitLike(node, { kind: "concat" }, parts, axis);
}

const withoutUnits = ({ offset, axes }: Order, axis: number): Order => ({
  offset,
  axes: axes.with(axis, []),
});

export const expand: Operator = (context, node, [x, target]) => {
  const wanted = context.constant(target, "its shape");
  if (x?.kind === "constant") {
    const [batch, ...others] = smallNumbers(wanted);
    // examples of a batch of any length have it alike: what reads it sees one
    const isForAll = batch === ANY_BATCH && x.dims.length === wanted.dims[0] && x.dims[0] === 1;
    const lengths = isForAll ? computedConstant(wanted.name, wanted.dims, "I64", [1, ...others]) : wanted;
    const isSame = isForAll && others.every((length, k) => length === 1 || length === x.dims[k + 1]);
    return isSame ? reshaped(x, outputName(node), x.dims) : foldExpand(outputName(node), x, lengths);
  }
  const value = context.view(x, "an expansion");
  const lengths = smallNumbers(wanted);
  const offset = value.dims.length - lengths.length;
  const isSame =
    offset >= 0 && lengths.every((length, k) => length === 1 || length === value.dims[k + offset]);
  if (!isSame) throw new Unsupported(`it repeats ${dimsText(value.dims)} to ${dimsText([...lengths])}`);
  return value;
};

export const constantOfShape: Operator = (context, node, [dims]) => {
  const fill = context.attributes(node).tensor("value");
  return foldConstantOfShape(
    outputName(node),
    context.constant(dims, "its shape"),
    fill && storedConstant("", fill, context.external),
  );
};

export const range: Operator = (context, node, [start, limit, delta]) =>
  foldRange(
    outputName(node),
    context.constant(start, "its start"),
    context.constant(limit, "its limit"),
    context.constant(delta, "its step"),
  );
