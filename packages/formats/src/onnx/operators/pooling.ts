/** Operations that take a maximum or a mean over places. */
import { definitionOf } from "@phew/core";
import { normalAxis, smallNumbers } from "../constants.ts";
import type { Importer } from "../importer.ts";
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
  const { value, dims } = reduction(context, node, x, axes);
  return globalMean(context, node, value, dims);
};

export const reduceMax: Operator = (context, node, [x, axes]) => {
  if (x?.kind === "constant") return foldReduction(context, node, x, axes);
  const { value, dims } = reduction(context, node, x, axes);
  return context.emit(node, { kind: "maxPool2d", ...wholeWindow(value) }, [value], dims);
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
  const kernel = [image.shape[1]!, image.shape[2]!] as const;
  return { kernel, stride: kernel, padding: [0, 0, 0, 0] as const, dilation: [1, 1] as const };
}

/** A reduction over all places and nothing else. */
function reduction(context: Importer, node: NodePart, x: Value | undefined, axes: Value | undefined) {
  const isTurned = x?.kind === "turned";
  const value = isTurned ? x.base : context.activation(x, "a reduction");
  const [all, axisOf] = isTurned ? [x.dims, x.permutation] : [value.dims, value.dims.map((_, k) => k)];
  const attributes = context.attributes(node);
  const rank = value.dims.length;
  const given =
    axes === undefined
      ? attributes.ints("axes")
      : [...smallNumbers(context.constant(axes, "its list of axes"))];
  if (given === undefined || given.length === 0) {
    if (attributes.int("noop_with_empty_axes", 0) !== 0) throw new Unsupported("it reduces over no axis");
    throw new Unsupported("it reduces over the batch too");
  }
  const gone = new Set(given.map((axis) => normalAxis(axis, rank)));
  const reduced = new Set([...gone].map((axis) => axisOf[axis]!));
  const [units, ...places] = value.shape;
  // row-major, the axes of units come before those of places
  const left = value.dims.map((_, axis) => axis).filter((axis) => axis > 0 && !reduced.has(axis));
  const isOverPlaces =
    product(left.map((axis) => value.dims[axis]!)) === units &&
    left.every(
      (axis) => value.dims[axis] === 1 || ![...reduced].some((k) => k < axis && value.dims[k] !== 1),
    );
  if (reduced.has(0) || !isOverPlaces) {
    throw new Unsupported(
      `it reduces ${dimsText(all)} over axes ${[...gone].join(", ")}, not over all places of an image`,
    );
  }
  if (places.length === 0) throw new Unsupported("it reduces features that are no image");
  const keeps = attributes.int("keepdims", 1) !== 0;
  const dims = all.flatMap((length, axis) => (gone.has(axis) ? (keeps ? [1] : []) : [length]));
  return { value, dims };
}

/** True for a value that is never negative. */
function isPositive(context: Importer, value: Activation): boolean {
  const op = context.operationOf(value);
  // nothing is known of its inputs
  return definitionOf(op).isNonNegative(op, [false]);
}
