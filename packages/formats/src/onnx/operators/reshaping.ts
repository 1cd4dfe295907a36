/**
 * Operations that keep the order of the elements (Reshape and its kin), that join and split units, and that compute
 * shapes. On values of the network a reshape costs nothing: ONNX's dims change, the core node stays.
 */
import {
  type AxisSlice,
  computedConstant,
  foldConcat,
  foldConstantOfShape,
  foldExpand,
  foldGather,
  foldRange,
  foldSlice,
  foldWhere,
  MOST_COMPUTED,
  normalAxis,
  reshaped,
  sliceIndices,
  smallNumbers,
  storedConstant,
  transposed,
} from "../constants.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { reasonFor, Unsupported } from "../unsupported.ts";
import {
  type Activation,
  type Constant,
  dimsText,
  product,
  sameDims,
  UNKNOWN,
  type Value,
} from "../values.ts";
import type { Operator } from "./operator.ts";

const outputName = (node: NodePart) => node.output?.[0] ?? "";

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

function dimsOf(x: Value | undefined): readonly number[] {
  if (x === undefined || x.kind === "unknown" || x.kind === "sequence")
    throw new Unsupported("the shape of its input is not known");
  return x.dims;
}

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

export const transpose: Operator = (context, node, [x]) => {
  const dims = dimsOf(x);
  const rank = dims.length;
  const permutation = context.attributes(node).ints("perm") ?? dims.map((_, axis) => rank - 1 - axis);
  const isWhole = permutation.length === rank && new Set(permutation).size === rank;
  if (!isWhole || permutation.some((axis) => axis < 0 || axis >= rank)) {
    throw new Unsupported(`its perm [${permutation.join(", ")}] is no order of ${rank} axes`);
  }
  if (x?.kind === "constant") return transposed(x, outputName(node), permutation);
  // axes of length 1 may move freely: no element changes its place
  const moved = permutation.filter((axis) => dims[axis] !== 1);
  if (moved.some((axis, k) => k > 0 && axis < moved[k - 1]!)) {
    throw new Unsupported(
      `it exchanges axes of ${dimsText(dims)} (perm ${permutation.join(", ")}), so that units no longer come first; export the model in the layout n, c, h, w`,
    );
  }
  return viewed(
    context,
    node,
    x,
    permutation.map((axis) => dims[axis]!),
  );
};

/** The same elements in the same order under other dims. */
function viewed(context: Importer, node: NodePart, x: Value | undefined, dims: readonly number[]): Value {
  if (x?.kind === "constant") return reshaped(x, outputName(node), dims);
  const value = context.activation(x, "a reshape");
  if (dims[0] !== value.dims[0]) {
    throw new Unsupported(
      `it makes ${dimsText(dims)} of ${dimsText(value.dims)}, which mixes the batch with the units`,
    );
  }
  return { ...value, dims, exclusive: value.exclusive && context.isReadOnce(outputName(node)) };
}

export const pad: Operator = (context, node, [x, pads, fill, axes]) => {
  const attributes = context.attributes(node);
  const mode = attributes.text("mode", "constant");
  const value = context.activation(x, "a padding");
  const given =
    pads === undefined
      ? attributes.ints("pads")
      : [...smallNumbers(context.constant(pads, "its list of pads"))];
  if (given === undefined) throw new Unsupported("it lacks its pads");
  const rank = value.dims.length;
  const along =
    axes === undefined
      ? value.dims.map((_, axis) => axis)
      : [...smallNumbers(context.constant(axes, "its list of axes"))].map((axis) => normalAxis(axis, rank));
  if (given.length !== 2 * along.length)
    throw new Unsupported(`it has ${given.length} pads for ${along.length} axes`);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [k, axis] of along.entries()) {
    before[axis] = given[k]!;
    after[axis] = given[k + along.length]!;
  }
  if ([...before, ...after].every((n) => n === 0)) return value;
  if (mode !== "constant") throw new Unsupported(`it pads by "${mode}", and padding here is a constant`);
  if ([...before, ...after].some((n) => n < 0)) throw new Unsupported("it crops (negative pads)");
  if (rank !== 4 || [before[0], before[1], after[0], after[1]].some((n) => n !== 0)) {
    throw new Unsupported(`it pads ${dimsText(value.dims)} along other axes than height and width`);
  }
  const number = fill === undefined ? attributes.float("value", 0) : context.scalar(fill);
  if (number === undefined) throw new Unsupported("it pads with a value that is no constant number");
  return {
    kind: "padded",
    base: context.image(value, "a padding"),
    padding: [before[2]!, before[3]!, after[2]!, after[3]!],
    value: number < -3.4e38 ? Number.NEGATIVE_INFINITY : number,
    dims: value.dims.map((length, axis) => length + before[axis]! + after[axis]!),
    title: node.title,
  };
};

export const concat: Operator = (context, node, inputs) => {
  const axis = context.attributes(node).int("axis", 1);
  const constants = inputs.filter((input): input is Constant => input?.kind === "constant");
  if (constants.length === inputs.length && inputs.length > 0)
    return foldConcat(outputName(node), constants, axis);
  const values = inputs.map((input) => context.activation(input, "a concatenation"));
  const [first] = values as [Activation];
  const rank = first.dims.length;
  if (normalAxis(axis, rank) !== 1) {
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
  const areImages = values.every((value) => sameDims(value.shape, value.dims.slice(1)));
  // row-major, joining along the unit axis is the same for images and for their flattened features
  return context.emit(
    node,
    { kind: "concat" },
    areImages ? values : values.map((value) => context.flat(value)),
    dims,
  );
};

export const split: Operator = (context, node, [x, sizes]) => {
  const attributes = context.attributes(node);
  const dims = dimsOf(x);
  const axis = normalAxis(attributes.int("axis", 0), dims.length);
  const outputs = node.output ?? [];
  const given =
    sizes === undefined
      ? attributes.ints("split")
      : [...smallNumbers(context.constant(sizes, "its list of sizes"))];
  const share = Math.ceil(dims[axis]! / outputs.length);
  const counts = given ?? outputs.map((_, k) => Math.min(share, dims[axis]! - k * share));
  if (counts.length !== outputs.length)
    throw new Unsupported(`it splits into ${counts.length} parts for ${outputs.length} outputs`);
  return parted(context, node, x, axis, counts, outputs);
};

/** A split whose parts are picked one by one, as unoptimised graphs have it. */
export const splitToSequence: Operator = (context, node, [x, sizes]) => {
  const attributes = context.attributes(node);
  const dims = dimsOf(x);
  const axis = normalAxis(attributes.int("axis", 0), dims.length);
  const given = sizes === undefined ? undefined : context.constant(sizes, "its list of sizes");
  if (given === undefined && attributes.int("keepdims", 1) === 0)
    throw new Unsupported("it takes single units apart");
  const numbers = given === undefined ? [1] : [...smallNumbers(given)];
  const [size] = numbers;
  // one number is the size of each part, the last may be smaller
  const isSize = given === undefined || given.dims.length === 0;
  if (isSize && !(size! >= 1 && dims[axis]! / size! <= MOST_COMPUTED)) {
    throw new Unsupported(`it splits ${dims[axis]} into parts of ${size}`);
  }
  const counts = isSize
    ? Array.from({ length: Math.ceil(dims[axis]! / size!) }, (_, k) =>
        Math.min(size!, dims[axis]! - k * size!),
      )
    : numbers;
  const names = counts.map(() => outputName(node));
  return {
    kind: "sequence",
    parts: parted(context, node, x, axis, counts, names).map((part) => part ?? UNKNOWN),
  };
};

export const sequenceAt: Operator = (context, _node, [sequence, position]) => {
  const at = context.scalar(position);
  if (sequence?.kind !== "sequence" || at === undefined)
    throw new Unsupported("it picks out of a sequence that is not known");
  const part = sequence.parts.at(at);
  if (part === undefined) throw new Unsupported(`it picks part ${at} of ${sequence.parts.length}`);
  if (part.kind !== "activation") return part;
  return { ...part, exclusive: false };
};

function parted(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  axis: number,
  counts: readonly number[],
  names: readonly string[],
): (Value | undefined)[] {
  const length = dimsOf(x)[axis]!;
  if (counts.some((n) => n < 0) || counts.reduce((sum, n) => sum + n, 0) !== length) {
    throw new Unsupported(`it splits ${length} into ${counts.slice(0, 20).join(" + ")}`);
  }
  if (axis === 1 && x?.kind !== "constant") context.parted.set(node, ranges(counts));
  let end = 0;
  return counts.map((count, k) => {
    end += count;
    const start = end - count;
    const name = names[k]!;
    if (!context.isRead(name)) return undefined;
    if (count === 0) throw new Unsupported(`it splits ${length} into parts of which "${name}" is empty`);
    if (x?.kind === "constant")
      return foldSlice(name, x, new Map([[axis, { start, end: start + count, step: 1 }]]));
    return unitsOf(context, node, context.activation(x, "a split"), axis, start, count, name);
  });
}

function ranges(counts: readonly number[]): { start: number; end: number }[] {
  let end = 0;
  return counts.map((count) => {
    end += count;
    return { start: end - count, end };
  });
}

export const slice: Operator = (context, node, [x, starts, ends, axes, steps]) => {
  const attributes = context.attributes(node);
  const dims = dimsOf(x);
  const list = (value: Value | undefined, name: string) =>
    value === undefined ? attributes.ints(name) : [...smallNumbers(context.constant(value, `its ${name}`))];
  const [from, to] = [list(starts, "starts"), list(ends, "ends")];
  if (from === undefined || to === undefined || from.length !== to.length)
    throw new Unsupported("it lacks its starts or ends");
  const along = (list(axes, "axes") ?? from.map((_, k) => k)).map((axis) => normalAxis(axis, dims.length));
  const by = list(steps, "steps") ?? from.map(() => 1);
  if (along.length !== from.length || by.length !== from.length)
    throw new Unsupported("its starts, axes and steps differ in number");
  const slices = new Map(
    along.map((axis, k): [number, AxisSlice] => [axis, { start: from[k]!, end: to[k]!, step: by[k]! }]),
  );
  if (x?.kind === "constant") return foldSlice(outputName(node), x, slices);
  let value = context.activation(x, "a slice");
  for (const [axis, part] of slices) {
    const length = dims[axis]!;
    const isAll = part.step === 1 && (part.start === 0 || part.start <= -length) && part.end >= length;
    if (isAll) continue;
    if (axis === 0) throw new Unsupported("it takes some examples out of the batch");
    if (part.step !== 1) throw new Unsupported(`it takes every ${part.step}th place of axis ${axis}`);
    const place = (at: number) => Math.min(length, Math.max(0, at < 0 ? at + length : at));
    const [start, end] = [place(part.start), place(part.end)];
    if (start >= end) throw new Unsupported(`it takes nothing of axis ${axis}`);
    if (axis === 1) context.parted.set(node, [{ start, end }]);
    value = unitsOf(context, node, value, axis, start, end - start, outputName(node));
  }
  return { ...value, exclusive: value.exclusive && context.isReadOnce(outputName(node)) };
};

/** A run of the units of a value. */
function unitsOf(
  context: Importer,
  node: NodePart,
  value: Activation,
  axis: number,
  start: number,
  count: number,
  output: string,
): Activation {
  const dims = value.dims.map((length, k) => (k === axis ? count : length));
  if (axis !== 1)
    throw new Unsupported(
      `it takes a part of axis ${axis} of ${dimsText(value.dims)}, and only units can be parted`,
    );
  const isUnits = value.dims[1] === value.shape[0];
  const source = isUnits ? value : context.flat(value);
  const inner = isUnits ? 1 : product(value.dims.slice(2));
  const part = context.emit(
    node,
    { kind: "slice", start: start * inner, count: count * inner },
    [source],
    dims,
  );
  return { ...part, exclusive: context.isReadOnce(output) };
}

export const gather: Operator = (context, node, [data, indices]) => {
  if (data?.kind !== "constant" || indices?.kind !== "constant") throw new Unsupported(reasonFor("Gather"));
  return foldGather(outputName(node), data, indices, context.attributes(node).int("axis", 0));
};

export const expand: Operator = (context, node, [x, target]) => {
  const wanted = context.constant(target, "its shape");
  if (x?.kind === "constant") return foldExpand(outputName(node), x, wanted);
  const value = context.activation(x, "an expansion");
  const lengths = smallNumbers(wanted);
  const offset = value.dims.length - lengths.length;
  const isSame =
    offset >= 0 && lengths.every((length, k) => length === 1 || length === value.dims[k + offset]);
  if (!isSame) throw new Unsupported(`it repeats ${dimsText(value.dims)} to ${dimsText([...lengths])}`);
  return { ...value, exclusive: value.exclusive && context.isReadOnce(outputName(node)) };
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

export const where: Operator = (_context, node, [condition, a, b]) => {
  if (condition?.kind !== "constant" || a?.kind !== "constant" || b?.kind !== "constant") {
    throw new Unsupported(reasonFor("Where"));
  }
  return foldWhere(outputName(node), condition, a, b);
};

/** The product of a list of lengths. */
export const reduceProd: Operator = (context, node, [x]) => {
  const values = smallNumbers(context.constant(x, "its input"));
  const dims = context.attributes(node).int("keepdims", 1) === 0 ? [] : [1];
  return computedConstant(outputName(node), dims, (x as Constant).dtype, [product([...values])]);
};
