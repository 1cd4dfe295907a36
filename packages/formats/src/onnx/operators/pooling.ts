/** Operations that take a maximum or a mean over places. */
import { definitionOf } from "@phew/core";
import { countUnits, laid, orderOf, unitsAlong } from "../arranging.ts";
import { normalAxis, smallNumbers } from "../constants.ts";
import type { Importer } from "../importer.ts";
import { type Order, partsOf } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, product, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";
import { foldReduction } from "./reductions.ts";
import { paddedImage, poolingWindow } from "./windows.ts";

export const maxPool: Operator = (context, node, [x]) => {
  const padded = paddedImage(context, x, "a pooling");
  const { image, around } = padded;
  if (context.isRead(node.output?.[1] ?? ""))
    throw new Unsupported("the places of its maxima are read by other nodes");
  const { window } = poolingWindow(context, node, padded);
  const ceil = context.attributes(node).int("ceil_mode", 0) !== 0;
  // a zero never exceeds values of at least 0, so the padding can be left out
  const isSeen = around !== undefined && around.value !== Number.NEGATIVE_INFINITY;
  if (isSeen && !(around.value === 0 && isPositive(context, image))) {
    throw new Unsupported(`its input is padded with ${around.value}, which may be the greatest of a window`);
  }
  return context.emit(node, { kind: "maxPool2d", ...window, ceil }, [image]);
};

export const averagePool: Operator = (context, node, [x]) => {
  const padded = paddedImage(context, x, "a pooling");
  const { image, around } = padded;
  const attributes = context.attributes(node);
  const { own, window } = poolingWindow(context, node, padded);
  if (window.dilation.some((step) => step !== 1)) throw new Unsupported("a dilated mean has no place here");
  const ceil = attributes.int("ceil_mode", 0) !== 0;
  let countPadding = attributes.int("count_include_pad", 0) !== 0;
  if (around !== undefined) {
    const isOwnPadded = own.some((n) => n > 0);
    if (around.value !== 0 || (isOwnPadded && !countPadding) || ceil) {
      throw new Unsupported("its padding is counted in part, which a pooling here cannot do");
    }
    countPadding = true;
  }
  return context.emit(node, { kind: "averagePool2d", ...window, countPadding, ceil }, [image]);
};

export const globalAveragePool: Operator = (context, node, [x]) => {
  const image = context.image(context.activation(x, "a pooling"), "a pooling");
  return globalMean(context, node, image, [image.dims[0]!, image.shape[0]!, 1, 1]);
};

export const globalMaxPool: Operator = (context, node, [x]) => {
  const image = context.image(context.activation(x, "a pooling"), "a pooling");
  return context.emit(node, { kind: "maxPool2d", ...wholeWindow(image) }, [image]);
};

export const reduceMean: Operator = (context, node, [x, axes]) => {
  if (x?.kind === "constant") return foldReduction(context, node, x, axes);
  const { value, dims, order } = reduction(context, node, x, axes);
  return laid(globalMean(context, node, value, dims), order, dims);
};

export const reduceMax: Operator = (context, node, [x, axes]) => {
  if (x?.kind === "constant") return foldReduction(context, node, x, axes);
  const { value, dims, order } = reduction(context, node, x, axes);
  return laid(context.emit(node, { kind: "maxPool2d", ...wholeWindow(value) }, [value], dims), order, dims);
};

function globalMean(
  context: Importer,
  node: NodePart,
  image: Activation,
  dims: readonly number[],
): Activation {
  // a convolution behind it (as in squeeze-and-excitation heads) reads an image of 1 × 1
  return context.isReadAsImage(node.output?.[0] ?? "") && dims.length === 4
    ? context.emit(node, { kind: "averagePool2d", ...wholeWindow(image), countPadding: true }, [image], dims)
    : context.emit(node, { kind: "globalAveragePool" }, [image], dims);
}

function wholeWindow(image: Activation) {
  if (image.shape.length !== 3)
    throw new Unsupported("it pools three axes (3-d), and only images have a place here");
  const kernel = [image.shape[1]!, image.shape[2]!] as const;
  return { kernel, stride: kernel, padding: [0, 0, 0, 0] as const, dilation: [1, 1] as const };
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
  const attributes = context.attributes(node);
  const given =
    axes === undefined
      ? attributes.ints("axes")
      : [...smallNumbers(context.constant(axes, "its list of axes"))];
  if (given !== undefined && given.length > 0) return given;
  if (attributes.int("noop_with_empty_axes", 0) !== 0) throw new Unsupported("it reduces over no axis");
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
