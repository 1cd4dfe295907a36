/** Operations that take a maximum or a mean over places. */
import { definitionOf, type WindowAxis, windowCount, windowTerms } from "@phew/core";
import { countUnits, laid, orderOf, unitsAlong } from "../arranging.ts";
import { requireAxis } from "../axisLimit.ts";
import { normalAxis } from "../constants.ts";
import type { Importer } from "../importer.ts";
import { type Order, partsOf } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, type Padded, product, type Value } from "../values.ts";
import { branchesOf } from "./branches.ts";
import { summed } from "./elementwise.ts";
import type { Operator } from "./operator.ts";
import { resampled, withPlaces } from "./places.ts";
import { foldReduction } from "./reductions.ts";
import { viewed } from "./views.ts";
import { flatWindow, paddedImage, poolingWindow } from "./windows.ts";

export const maxPool: Operator = (context, node, [x]) => {
  // a zero never exceeds values of at least 0, so the padding can be left out
  const isUnseen = ({ value, base }: Padded) =>
    value === Number.NEGATIVE_INFINITY || (value === 0 && isPositive(context, base));
  const padded = paddedImage(context, x, "a pooling", isUnseen);
  const { image } = padded;
  if (context.isRead(node.output?.[1] ?? ""))
    throw new Unsupported("the places of its maxima are read by other nodes");
  const axes = poolingWindow(context, node, padded);
  const ceil = context.attributes(node).int("ceil_mode", 0) !== 0;
  if (axes.length < 3)
    return withPlaces(
      context.emit(node, { kind: "maxPool2d", ...flatWindow(axes), ceil }, [image]),
      axes.length,
    );
  const tables = axes.map((axis) => windowTerms(axis, countIn(axis, ceil), () => 1));
  return context.emit(node, { kind: "maxOver", axes: tables }, [image]);
};

export const averagePool: Operator = (context, node, [x]) => {
  const attributes = context.attributes(node);
  const ceil = attributes.int("ceil_mode", 0) !== 0;
  const countsOwn = attributes.int("count_include_pad", 0) !== 0;
  const hasOwn =
    attributes.text("auto_pad", "NOTSET").startsWith("SAME") ||
    (attributes.ints("pads") ?? []).some((n) => n > 0);
  const isCounted = ({ value }: Padded) => value === 0 && !ceil && (countsOwn || !hasOwn);
  const padded = paddedImage(context, x, "a pooling", isCounted);
  const { image } = padded;
  const axes = poolingWindow(context, node, padded);
  const countPadding = countsOwn || padded.around !== undefined;
  if (axes.length < 3 && axes.every(({ dilation }) => dilation === 1)) {
    const op = { kind: "averagePool2d", ...flatWindow(axes), countPadding, ceil } as const;
    return withPlaces(context.emit(node, op, [image]), axes.length);
  }
  // the number that a window counts is the product of those along its axes
  const tables = axes.map((axis) =>
    windowTerms(axis, countIn(axis, ceil), (inside, padded) => 1 / (countPadding ? padded : inside)),
  );
  return resampled(context, node, image, "averagePool", tables);
};

function countIn({ length, kernel, stride, dilation, before, after }: WindowAxis, ceil: boolean): number {
  const count = windowCount(length, kernel, stride, before, after, dilation, ceil);
  requireAxis(count, kernel);
  if (count >= 1) return count;
  throw new Unsupported(`a window of ${kernel} does not fit an axis of ${length}`);
}

export const globalAveragePool: Operator = (context, node, [x]) => {
  const image = context.image(context.activation(x, "a pooling"), "a pooling");
  return globalMean(context, node, image, poolDims(image));
};

export const globalMaxPool: Operator = (context, node, [x]) => {
  const image = context.image(context.activation(x, "a pooling"), "a pooling");
  return globalMax(context, node, image, poolDims(image));
};

const poolDims = ({ dims }: Activation) => dims.map((length, axis) => (axis < 2 ? length : 1));

export const reduceMean: Operator = (context, node, [x, axes]) => {
  if (x?.kind === "constant") return foldReduction(context, node, x, axes);
  const same = ofOnePlace(context, node, x, axes);
  if (same !== undefined) return same;
  const some = partReduction(context, node, x, axes);
  if (some !== undefined) return someMean(context, node, some, ({ length }) => 1 / length, "averagePool");
  const { value, dims, order } = reduction(context, node, x, axes);
  return laid(globalMean(context, node, value, dims), order, dims);
};

export const reduceSum: Operator = (context, node, [x, axes]) => {
  if (x?.kind === "constant") return foldReduction(context, node, x, axes);
  const same = ofOnePlace(context, node, x, axes);
  if (same !== undefined) return same;
  const some = partReduction(context, node, x, axes);
  if (some !== undefined) return someMean(context, node, some, () => 1, "sum");
  const ofBranches = sumOfBranches(context, node, x, axes);
  if (ofBranches !== undefined) return ofBranches;
  const { value, dims, order } = reduction(context, node, x, axes);
  const tables = value.shape.slice(1).map((length) => windowTerms(whole(length), 1, () => 1));
  const op = { kind: "resample", name: "sum", axes: tables, fill: 0 } as const;
  return laid(context.emit(node, op, [value], dims), order, dims);
};

export const reduceMax: Operator = (context, node, [x, axes]) => {
  if (x?.kind === "constant") return foldReduction(context, node, x, axes);
  const same = ofOnePlace(context, node, x, axes);
  if (same !== undefined) return same;
  const some = partReduction(context, node, x, axes);
  if (some !== undefined) {
    const tables = tablesOf(some, () => 1);
    return { ...context.emit(node, { kind: "maxOver", axes: tables }, [some.value], some.dims) };
  }
  const { value, dims, order } = reduction(context, node, x, axes);
  return laid(globalMax(context, node, value, dims), order, dims);
};

/** The sum over an axis that counts branches of units. @returns undefined for any other */
function sumOfBranches(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  axes: Value | undefined,
): Activation | undefined {
  const value = context.view(x, "a reduction");
  const gone = reducedAxes(context, node, axes).map((axis) => normalAxis(axis, value.dims.length));
  const branches = gone.length === 1 ? branchesOf(context, value, gone[0]!) : undefined;
  if (branches === undefined) return undefined;
  const sum = summed(context, node, branches);
  if (context.attributes(node).int("keepdims", 1) !== 0) return sum;
  const { offset, axes: own } = orderOf(sum);
  return laid(sum, { offset, axes: own.filter((_, axis) => axis !== gone[0]) });
}

/** A reduction over some axes of an image's positions, where others stay. */
interface PartReduction {
  readonly value: Activation;
  readonly gone: ReadonlySet<number>;
  readonly dims: readonly number[];
}

/** @returns undefined for any other reduction */
function partReduction(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  axes: Value | undefined,
): PartReduction | undefined {
  const view = context.view(x, "a reduction");
  const rank = view.dims.length;
  const gone = new Set(reducedAxes(context, node, axes).map((axis) => normalAxis(axis, rank)));
  const left = view.dims.filter((length, axis) => axis > 1 && !gone.has(axis) && length > 1);
  if (view.order !== undefined || view.shape.length !== Math.max(4, rank) - 1 || left.length === 0)
    return undefined;
  if (rank < 4 || [...gone].some((axis) => axis < 2) || view.dims[1] !== view.shape[0]) return undefined;
  const keeps = context.attributes(node).int("keepdims", 1) !== 0;
  const dims = view.dims.flatMap((length, axis) => (gone.has(axis) ? (keeps ? [1] : []) : [length]));
  return { value: view, gone, dims };
}

/** A window over all of an axis. */
function whole(length: number): WindowAxis {
  requireAxis(length);
  return {
    length,
    kernel: length,
    stride: 1,
    dilation: 1,
    before: 0,
    after: 0,
  };
}

/** A table for each axis of positions: all of it, or as it is. */
const tablesOf = ({ value, gone }: PartReduction, share: (axis: WindowAxis) => number) =>
  value.shape
    .slice(1)
    .map((length, k) =>
      gone.has(k + 2)
        ? windowTerms(whole(length), 1, () => share(whole(length)))
        : windowTerms({ ...whole(length), kernel: 1 }, length, () => 1),
    );

function someMean(
  context: Importer,
  node: NodePart,
  reduction: PartReduction,
  share: (axis: WindowAxis) => number,
  name: "averagePool" | "sum",
): Activation {
  const op = { kind: "resample", name, axes: tablesOf(reduction, share), fill: 0 } as const;
  return context.emit(node, op, [reduction.value], reduction.dims);
}

function globalMean(
  context: Importer,
  node: NodePart,
  image: Activation,
  dims: readonly number[],
): Activation {
  // a convolution behind it (as in squeeze-and-excitation heads) reads an image of 1 × 1
  if (!context.isReadAsImage(node.output?.[0] ?? "") || dims.length < 3)
    return context.emit(node, { kind: "globalAveragePool" }, [image], dims);
  if (image.shape.length === 3) {
    const op = { kind: "averagePool2d", ...wholeWindow(image), countPadding: true } as const;
    return context.emit(node, op, [image], dims);
  }
  const tables = image.shape.slice(1).map((length) => windowTerms(whole(length), 1, () => 1 / length));
  return context.emit(node, { kind: "resample", name: "averagePool", axes: tables, fill: 0 }, [image], dims);
}

function globalMax(
  context: Importer,
  node: NodePart,
  image: Activation,
  dims: readonly number[],
): Activation {
  if (image.shape.length === 3)
    return context.emit(node, { kind: "maxPool2d", ...wholeWindow(image) }, [image], dims);
  const tables = image.shape.slice(1).map((length) => windowTerms(whole(length), 1, () => 1));
  return context.emit(node, { kind: "maxOver", axes: tables }, [image], dims);
}

function wholeWindow(image: Activation) {
  const kernel = [image.shape[1]!, image.shape[2]!] as const;
  return { kernel, stride: kernel, padding: [0, 0, 0, 0] as const, dilation: [1, 1] as const };
}

/** Features without positions, reduced over axes of length 1: themselves. */
function ofOnePlace(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  axes: Value | undefined,
): Value | undefined {
  const view = context.view(x, "a reduction");
  const { dims } = view;
  if (view.shape.length !== 1) return undefined;
  const gone = new Set(reducedAxes(context, node, axes).map((axis) => normalAxis(axis, dims.length)));
  if ([...gone].some((axis) => axis === 0 || dims[axis] !== 1)) return undefined;
  const keeps = context.attributes(node).int("keepdims", 1) !== 0;
  return viewed(
    context,
    node,
    view,
    dims.filter((_, axis) => keeps || !gone.has(axis)),
  );
}

/** A reduction over all places and nothing else. */
function reduction(context: Importer, node: NodePart, x: Value | undefined, axes: Value | undefined) {
  const attributes = context.attributes(node);
  const given = reducedAxes(context, node, axes);
  const view = context.laid(x, "a reduction");
  const all = view.dims;
  const gone = new Set(given.map((axis) => normalAxis(axis, all.length)));
  const value = withUnitsLeft(context, view, gone);
  if (value === undefined) {
    throw new Unsupported(
      `it reduces ${dimsText(all)} over axes ${[...gone].join(", ")}, not over all places of an image`,
    );
  }
  if (value.shape.length === 1) throw new Unsupported("it reduces features that are no image");
  const keeps = attributes.int("keepdims", 1) !== 0;
  const dims = all.flatMap((length, axis) => (gone.has(axis) ? (keeps ? [1] : []) : [length]));
  return { value, dims, order: reducedOrder(value, gone, keeps) };
}

function reducedAxes(context: Importer, node: NodePart, axes: Value | undefined): readonly number[] {
  const given = context.axesOf(node, axes);
  if (given !== undefined && given.length > 0) return given;
  if (context.attributes(node).int("noop_with_empty_axes", 0) !== 0)
    throw new Unsupported("it reduces over no axis");
  throw new Unsupported("it reduces over the batch too");
}

/** The value such that the axes that stay tell its units, as they do where others are positions; undefined if they cannot. */
function withUnitsLeft(
  context: Importer,
  value: Activation,
  gone: ReadonlySet<number>,
): Activation | undefined {
  const { axes } = orderOf(value);
  const plane = product(value.shape.slice(1));
  const isBatch = (axis: number) => axes[axis]!.some(({ stride }) => stride === undefined);
  const left = axes.map((_, axis) => axis).filter((axis) => !gone.has(axis) && !isBatch(axis));
  if ([...gone].some(isBatch) || axes.some((atoms, axis) => isBatch(axis) && atoms.length > 1))
    return undefined;
  if (countUnits(value, left)) return value;
  const parts = partsOf(
    left.flatMap((axis) => axes[axis]!),
    plane,
  );
  return parts?.every(({ isOfUnits }) => isOfUnits) ? unitsAlong(context, value, left) : undefined;
}

/** Units alone, as they lay among positions. */
function reducedOrder(value: Activation, gone: ReadonlySet<number>, keeps: boolean): Order {
  const plane = product(value.shape.slice(1));
  const axes = orderOf(value).axes.flatMap((atoms, axis) => {
    if (gone.has(axis)) return keeps ? [[]] : [];
    return [
      atoms.map(({ length, stride }) => ({ length, stride: stride === undefined ? stride : stride / plane })),
    ];
  });
  return { offset: 0, axes };
}

/** True for a value that is never negative. */
function isPositive(context: Importer, value: Activation): boolean {
  const op = context.operationOf(value);
  // nothing is known of its inputs
  return definitionOf(op).isNonNegative(op, [false]);
}
