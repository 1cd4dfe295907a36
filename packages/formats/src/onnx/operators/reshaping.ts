/**
 * Operations that keep the order of the elements (Reshape and its kin), that join and split units, and that compute
 * shapes. On values of the network a reshape costs nothing: ONNX's dims change, the core node stays.
 */
import type { AxisTerms } from "@phew/core";
import { countUnits, laid, orderOf, unitsAlong } from "../arranging.ts";
import { requireAxis } from "../axisLimit.ts";
import {
  computedConstant,
  foldConcat,
  foldConstantOfShape,
  foldCumulative,
  foldExpand,
  foldRange,
  foldTile,
  foldTriangle,
  normalAxis,
  reshaped,
  sliceIndices,
  smallNumbers,
  storedConstant,
} from "../constants.ts";
import type { Importer } from "../importer.ts";
import { type Order, partsOf, sameOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { boundNumber } from "../schema.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, ANY_BATCH, type Constant, dimsText, product, sameDims } from "../values.ts";
import { stackedBranches } from "./branches.ts";
import { unitsRepeated } from "./heads.ts";
import { joinedPlaces } from "./joining.ts";
import type { Operator } from "./operator.ts";
import { resampled } from "./places.ts";
import { dimsOf, outputName, viewed } from "./views.ts";

export const constant: Operator = (context, node) => {
  const attributes = context.attributes(node);
  const name = outputName(node);
  const tensor = attributes.tensor("value");
  if (tensor !== undefined) return storedConstant(name, tensor, context.external);
  if (attributes.has("value_int"))
    return computedConstant(name, [], "I64", [attributes.int("value_int", 0, boundNumber)]);
  if (attributes.has("value_float"))
    return computedConstant(name, [], "F32", [attributes.float("value_float", 0)]);
  const ints = attributes.ints("value_ints", boundNumber);
  if (ints !== undefined) return computedConstant(name, [ints.length], "I64", ints);
  const floats = attributes.floats("value_floats");
  if (floats !== undefined) return computedConstant(name, [floats.length], "F32", floats);
  throw new Unsupported("it holds a constant that is no tensor of numbers");
};

export const shape: Operator = (context, node, [x]) => {
  const dims = dimsOf(x);
  const attributes = context.attributes(node);
  const picked = sliceIndices(
    {
      start: attributes.int("start", 0, boundNumber),
      end: attributes.int("end", dims.length, boundNumber),
      step: 1,
    },
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
  const given = context.axesOf(node, axes);
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
  const given = context.axesOf(node, axes);
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
  const [one] = parts as [Activation | Constant];
  const places = one.dims.filter((length, k) => k > 0 && k !== at && length > 1).length - 1;
  if (constants.length === 0 && one.dims[at] === 1 && places >= 2) {
    const branches = stackedBranches(context, node, parts as Activation[], at);
    if (branches !== undefined) return branches;
  }
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
  const isBefore = orderOf(first)
    .axes.slice(axis + 1)
    .flat()
    .some(({ stride }) => stride === undefined);
  return first.order !== undefined && isBefore ? stackedBranches(context, node, values, axis) : undefined;
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
  const ofHeads = isAlike ? joinedInHeads(context, node, values, axis) : undefined;
  if (ofHeads !== undefined) return ofHeads;
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

/**
 * Units of each head side by side, as in rotary embeddings: the joined axis counts units within heads, which other axes
 * tell. @returns undefined where the axis tells all units, or none
 */
function joinedInHeads(
  context: Importer,
  node: NodePart,
  values: readonly Activation[],
  axis: number,
): Activation | undefined {
  const kinds = values.map((value) => {
    const plane = product(value.shape.slice(1));
    return orderOf(value).axes.map((atoms) => {
      const inner = atoms.filter(({ stride }) => stride !== undefined);
      const parts = partsOf(inner, plane);
      if (parts === undefined) return undefined;
      if (inner.length === 0) return "none";
      if (inner.length < atoms.length) return undefined;
      const ofUnits = parts.filter(({ isOfUnits }) => isOfUnits).length;
      return ofUnits === 0 ? "places" : ofUnits === parts.length ? "units" : undefined;
    });
  });
  const heads = values[0]!.dims
    .map((_, k) => k)
    .filter((k) => k !== axis && kinds.some((own) => own[k] === "units"));
  const isOfUnits = kinds.every(
    (own) => !own.includes(undefined) && own[axis] !== "places" && heads.every((k) => own[k] === "units"),
  );
  if (!isOfUnits || heads.length === 0) return undefined;
  const parts = values.map((value) => unitsAlong(context, value, [axis, ...heads]));
  const [reference] = parts as [Activation];
  const beside = (value: Activation) => withoutUnits(orderOf(value), axis);
  const lie = parts.every(
    (value) =>
      sameOrder(beside(value), beside(reference)) && sameDims(value.shape.slice(1), reference.shape.slice(1)),
  );
  if (!lie) return undefined;
  const total = values.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  const dims = reference.dims.with(axis, total);
  const joinedValue = context.emit(node, { kind: "concat" }, parts, dims);
  const stride = product(heads.map((k) => dims[k]!)) * product(reference.shape.slice(1));
  const { offset, axes } = orderOf(reference);
  return laid(joinedValue, { offset, axes: axes.with(axis, [{ length: total, stride }]) });
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
  const lengths = [...smallNumbers(wanted)];
  const offset = value.dims.length - lengths.length;
  const isSame =
    offset >= 0 && lengths.every((length, k) => length === 1 || length === value.dims[k + offset]);
  if (isSame) return value;
  return repeatedHeads(context, node, value, lengths) ?? repeated(context, node, value, lengths);
};

/** The same for an expansion of one axis before that of a head's units: keys and values that several heads share. */
function repeatedHeads(
  context: Importer,
  node: NodePart,
  value: Activation,
  lengths: readonly number[],
): Activation | undefined {
  const { dims } = value;
  if (lengths.length !== dims.length) return undefined;
  const longer = dims.map((_, k) => k).filter((k) => dims[k] === 1 && lengths[k]! > 1);
  const [axis] = longer;
  if (longer.length !== 1 || axis === undefined || axis === 0) return undefined;
  return unitsRepeated(context, node, value, axis, lengths[axis]!);
}

/** Positions of length 1 that become several, all alike: a gate of channels as large as what it multiplies. */
function repeated(
  context: Importer,
  node: NodePart,
  value: Activation,
  given: readonly number[],
): Activation {
  const { dims } = value;
  const missing = Math.max(0, dims.length - given.length);
  const lengths = dims.map((own, axis) =>
    axis < missing || given[axis - missing] === 1 ? own : given[axis - missing]!,
  );
  const isOfPlaces =
    given.length <= dims.length &&
    lengths.every((length, axis) => length === dims[axis] || (axis > 1 && dims[axis] === 1 && length > 1));
  if (!isOfPlaces) throw new Unsupported(`it repeats ${dimsText(dims)} to ${dimsText([...given])}`);
  const axes = lengths.slice(2).map((length, k): AxisTerms => {
    requireAxis(length);
    const from = dims[k + 2]!;
    return { from, places: Array.from({ length }, (_, p) => [[from === 1 ? 0 : p, 1]]) };
  });
  return resampled(
    context,
    node,
    context.image(context.laid(value, "an expansion"), "an expansion"),
    "resize",
    axes,
  );
}

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

/** CumSum of constants: positions counted by summing ones. */
export const cumulative: Operator = (context, node, [x, axis]) => {
  const attributes = context.attributes(node);
  if (x?.kind !== "constant") throw new Unsupported("it sums along an axis of a value of the network");
  return foldCumulative(outputName(node), x, context.scalar(axis) ?? 0, {
    exclusive: attributes.int("exclusive", 0) !== 0,
    reverse: attributes.int("reverse", 0) !== 0,
  });
};

/** Trilu of constants: masks of tokens that see those before. */
export const triangle: Operator = (context, node, [x, diagonal]) => {
  if (x?.kind !== "constant") throw new Unsupported("it leaves out a triangle of a value of the network");
  const isUpper = context.attributes(node).int("upper", 1) !== 0;
  return foldTriangle(outputName(node), x, isUpper, context.scalar(diagonal) ?? 0);
};

export const tile: Operator = (context, node, [x, repeats]) => {
  const counts = [...smallNumbers(context.constant(repeats, "its list of repeats"))];
  if (x?.kind === "constant") return foldTile(outputName(node), x, counts);
  const value = context.view(x, "a repetition");
  if (counts.length === value.dims.length && counts.every((count) => count === 1)) return value;
  const lengths = value.dims.map((length, axis) => length * (counts[axis] ?? Number.NaN));
  return repeated(context, node, value, lengths);
};
