/** Operations that take some of the units of a value: Split, Slice and Gather; on constants they are worked out. */
import { allPlaces, counted, placesTaken } from "@phew/core";
import { countUnits, laid, orderOf, unitAxisOfValue, unitsAlong } from "../arranging.ts";
import { requireAxis } from "../axisLimit.ts";
import {
  type AxisSlice,
  foldGather,
  foldGatherElements,
  foldScatterNd,
  foldSlice,
  MOST_COMPUTED,
  normalAxis,
  sliceIndices,
  smallNumbers,
} from "../constants.ts";
import type { Importer } from "../importer.ts";
import { naturalOrder, partsOf, permutedOrder, reshapedOrder, slicedOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { boundNumber } from "../schema.ts";
import { reasonFor, Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, product, UNKNOWN, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";
import { dimsOf, outputName, viewed } from "./views.ts";

/**
 * How many axes after the batch count units: the first ones whose lengths multiply to the number of units.
 * @returns undefined if an axis counts units and positions together
 */
export function unitAxisCount({ dims, shape }: Activation): number | undefined {
  for (let axis = 1, count = 1; axis < dims.length; axis++) {
    count *= dims[axis]!;
    if (count === shape[0]) return axis;
  }
  return undefined;
}

/** Some positions of an axis of a value, in any order. @param dims of the result */
function takenAlong(
  context: Importer,
  node: NodePart,
  value: Activation,
  axis: number,
  positions: readonly number[],
  dims: readonly number[],
): Activation {
  const order = orderOf(value);
  if (order.axes[axis]!.some(({ stride }) => stride === undefined))
    throw new Unsupported("it takes some examples out of the batch");
  if (value.order === undefined) {
    const unitAxes = unitAxisCount(value);
    // features of an image that is read flat count one by one
    const isFlat = unitAxes === undefined && value.dims.length === 2;
    if (isFlat || (unitAxes !== undefined && axis <= unitAxes))
      return takenUnits(context, node, value, axis, positions, dims);
  } else if (countUnits(value, [axis])) {
    const taken = context.emitLike(node, { kind: "select", index: positions }, [value], axis);
    context.turnedSelections.set(node, taken.spec);
    return taken;
  }
  const isRepeated = positions.length > 1 && positions[0] === positions[1];
  const part = isRepeated ? undefined : slicedOrder(order, axis, positions);
  const own = part && reshapedOrder(part, dims);
  if (own === undefined) {
    const picked = pickedPlaces(context, node, value, axis, positions);
    const back = picked && reshapedOrder(orderOf(picked), dims);
    if (back !== undefined) return laid(picked!, back, dims);
    throw new Unsupported(
      `it takes a part of axis ${axis} of ${dimsText(value.dims)} that is not evenly spaced, and only units can be`,
    );
  }
  const isOfUnits = partsOf(order.axes[axis]!, product(value.shape.slice(1)))?.some((part) => part.isOfUnits);
  if (isOfUnits !== false) context.divided.add(value.spec);
  return laid({ ...value, exclusive: false }, own, dims);
}

/** Positions in any order and number, as a resampling of them; undefined where the axis is none of positions. */
function pickedPlaces(
  context: Importer,
  node: NodePart,
  value: Activation,
  axis: number,
  positions: readonly number[],
): Activation | undefined {
  const { axes } = orderOf(value);
  const units = unitAxisOfValue(value);
  const isBatch = (k: number) => axes[k]!.some(({ stride }) => stride === undefined);
  const places = axes.map((_, k) => k).filter((k) => k !== units && !isBatch(k));
  const batch = axes.findIndex((_, k) => isBatch(k));
  if (units === undefined || units === axis || batch < 0 || places.length < 1 || places.length > 3)
    return undefined;
  const lengths = places.map((k) => value.dims[k]!);
  const image = unitsAlong(context, value, [units], places.length === 1 ? [1, ...lengths] : lengths);
  requireAxis(positions.length);
  const tables = places.map((k, at) =>
    k === axis ? placesTaken(lengths[at]!, positions) : allPlaces(lengths[at]!),
  );
  const rows = places.length === 1 ? [allPlaces(1)] : [];
  const op = { kind: "resample", name: "resize", axes: [...rows, ...tables], fill: 0 } as const;
  const taken = context.emit(node, op, [image]);
  const inCore = [batch, units, ...places];
  const back = value.dims.map((_, k) => inCore.indexOf(k));
  const whole = places.map((k, at) => (k === axis ? positions.length : lengths[at]!));
  return laid(taken, permutedOrder(naturalOrder([value.dims[batch]!, image.shape[0]!, ...whole]), back));
}

/** The same along one of the first axes, which tell units, row-major. */
function takenUnits(
  context: Importer,
  node: NodePart,
  value: Activation,
  axis: number,
  positions: readonly number[],
  dims: readonly number[],
): Activation {
  const unitAxes = unitAxisCount(value);
  const lengths = value.dims.slice(1, (unitAxes ?? 1) + 1);
  const inner = product(lengths.slice(axis));
  const outer = product(lengths.slice(0, axis - 1));
  const index: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (const position of positions) {
      const first = (o * lengths[axis - 1]! + position) * inner;
      for (let k = 0; k < inner; k++) index.push(first + k);
    }
  }
  return context.select(node, unitAxes === undefined ? context.flat(value) : value, index, dims);
}

const withAxis = (dims: readonly number[], axis: number, length: number) =>
  dims.map((own, k) => (k === axis ? length : own));

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
    throw new Unsupported(
      `it splits into ${counted(counts.length, "part")} for ${counted(outputs.length, "output")}`,
    );
  return parted(context, node, x, axis, counts, outputs);
};

/** A split whose parts are read one by one, as in unoptimised graphs. */
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
  const dims = dimsOf(x);
  const length = dims[axis]!;
  if (counts.some((n) => n < 0) || counts.reduce((sum, n) => sum + n, 0) !== length) {
    throw new Unsupported(`it splits ${length} into ${counts.slice(0, 20).join(" + ")}`);
  }
  if (axis === 1 && x?.kind !== "constant") context.parted.set(node, ranges(counts));
  return ranges(counts).map(({ start, end }, k) => {
    const name = names[k]!;
    if (!context.isRead(name)) return undefined;
    if (start === end) throw new Unsupported(`it splits ${length} into parts of which "${name}" is empty`);
    if (x?.kind === "constant") return foldSlice(name, x, new Map([[axis, { start, end, step: 1 }]]));
    const positions = sliceIndices({ start, end, step: 1 }, length);
    const value = context.view(x, "a split");
    const part = takenAlong(context, node, value, axis, positions, withAxis(dims, axis, end - start));
    return { ...part, exclusive: context.isReadOnce(name) };
  });
}

function ranges(counts: readonly number[]): { start: number; end: number }[] {
  let end = 0;
  return counts.map((count) => {
    end += count;
    return { start: end - count, end };
  });
}

/** The range of a Slice, by axis. @param bounds its inputs after the data: starts, ends, axes, steps */
export function slicesOf(
  context: Importer,
  node: NodePart,
  dims: readonly number[],
  [starts, ends, axes, steps]: readonly (Value | undefined)[],
): ReadonlyMap<number, AxisSlice> {
  const attributes = context.attributes(node);
  const list = (value: Value | undefined, name: string) =>
    value === undefined
      ? attributes.ints(name, boundNumber)
      : [...smallNumbers(context.constant(value, `its ${name}`))];
  const [from, to] = [list(starts, "starts"), list(ends, "ends")];
  if (from === undefined || to === undefined || from.length !== to.length)
    throw new Unsupported("it lacks its starts or ends");
  const along = (list(axes, "axes") ?? from.map((_, k) => k)).map((axis) => normalAxis(axis, dims.length));
  const by = list(steps, "steps") ?? from.map(() => 1);
  if (along.length !== from.length || by.length !== from.length)
    throw new Unsupported("its starts, axes and steps differ in number");
  return new Map(
    along.map((axis, k): [number, AxisSlice] => [axis, { start: from[k]!, end: to[k]!, step: by[k]! }]),
  );
}

export const slice: Operator = (context, node, [x, ...bounds]) => {
  const dims = dimsOf(x);
  const slices = slicesOf(context, node, dims, bounds);
  if (x?.kind === "constant") return foldSlice(outputName(node), x, slices);
  let value = context.view(x, "a slice");
  for (const [axis, part] of slices) {
    const length = dims[axis]!;
    // a batch of any length is not listed place by place
    if (part.step === 1 && (part.start === 0 || part.start <= -length) && part.end >= length) continue;
    const positions = sliceIndices(part, length);
    if (positions.length === 0) throw new Unsupported(`it takes nothing of axis ${axis}`);
    value = takenAlong(context, node, value, axis, positions, withAxis(value.dims, axis, positions.length));
  }
  return value;
};

export const gather: Operator = (context, node, [data, indices]) => {
  const axis = context.attributes(node).int("axis", 0);
  if (data?.kind === "constant" && indices?.kind === "constant")
    return foldGather(outputName(node), data, indices, axis);
  if (indices?.kind !== "constant" || data === undefined) throw new Unsupported(reasonFor("Gather"));
  const value = context.view(data, "a gather");
  const at = normalAxis(axis, value.dims.length);
  const positions = positionsOf(indices, value.dims[at]!);
  const dims = [...value.dims.slice(0, at), ...indices.dims, ...value.dims.slice(at + 1)];
  // all of a list, in another form: how PyTorch's newer exporter writes a global mean
  const isAll = positions.length === value.dims[at] && positions.every((place, k) => place === k);
  if (isAll && value.dims.length === 1) return viewed(context, node, value, dims);
  return takenAlong(context, node, value, at, positions, dims);
};

/** By the first axis, which a Transpose has put there: how PyTorch's newer exporter writes x[:, [0, 2, …]]. */
export const gatherNd: Operator = (context, node, [data, indices]) => {
  const isAlongFirst = indices?.kind === "constant" && indices.dims.length === 2 && indices.dims[1] === 1;
  if (data?.kind === "constant" || !isAlongFirst || context.attributes(node).int("batch_dims", 0) !== 0)
    throw new Unsupported(reasonFor("GatherND"));
  const value = context.view(data, "a gather");
  const positions = positionsOf(indices, value.dims[0]!);
  return takenAlong(context, node, value, 0, positions, withAxis(value.dims, 0, positions.length));
};

/** Negative ones count from behind. */
function positionsOf(indices: Constant, length: number): number[] {
  const positions = [...smallNumbers(indices)].map((place) => (place < 0 ? place + length : place));
  const stray = positions.find((place) => !(place >= 0 && place < length));
  if (stray !== undefined) throw new Unsupported(`index ${stray} is beyond an axis of ${length}`);
  if (positions.length === 0) throw new Unsupported(`it takes nothing of an axis of ${length}`);
  return positions;
}

/** GatherElements of constants, as for the token types of positions. */
export const gatherElements: Operator = (context, node, [data, indices]) => {
  if (data?.kind !== "constant" || indices?.kind !== "constant")
    throw new Unsupported(reasonFor("GatherElements"));
  return foldGatherElements(outputName(node), data, indices, context.attributes(node).int("axis", 0));
};

/** ScatterND of constants, as for the masks of shifted windows. */
export const scatterNd: Operator = (context, node, [data, indices, updates]) => {
  const constants = [data, indices, updates];
  const isReduced = context.attributes(node).text("reduction", "none") !== "none";
  if (!constants.every((input) => input?.kind === "constant") || isReduced)
    throw new Unsupported(reasonFor("ScatterND"));
  const [into, at, values] = constants as [Constant, Constant, Constant];
  return foldScatterNd(outputName(node), into, at, values);
};
