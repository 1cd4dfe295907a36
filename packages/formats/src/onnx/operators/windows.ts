/** The sliding window of Conv and the poolings: strides, dilations, and padding in the four ways ONNX has. */
import { counted, type WindowAxis } from "@phew/core";
import type { Attributes } from "../attributes.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import type { Activation, Padded, Value } from "../values.ts";
import { placesOf } from "./places.ts";

type Pair = readonly [number, number];

/** A window over the two axes of an image of core. */
export interface WindowOptions {
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Top, left, bottom, right. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: Pair;
}

/** An image that a window slides over, with the padding of a Pad node. */
export interface PaddedImage {
  readonly image: Activation;
  readonly around: Padded | undefined;
}

/**
 * The window of a node over one, two or three axes: by axis of positions in ONNX, with all padding.
 * @throws Unsupported where its numbers are no window over them
 */
export function windowOf(
  context: Importer,
  node: NodePart,
  { image, around }: PaddedImage,
  kernel: readonly number[],
): readonly WindowAxis[] {
  const attributes = context.attributes(node);
  const lengths = placesOf(image);
  const ones = lengths.map(() => 1);
  const size = ofEachAxis(kernel, lengths.length, "kernel");
  const stride = ofEachAxis(attributes.ints("strides") ?? ones, lengths.length, "strides");
  const dilation = ofEachAxis(attributes.ints("dilations") ?? ones, lengths.length, "dilations");
  const outside = around?.padding ?? lengths.flatMap(() => [0, 0]);
  const axes = lengths.map((length, axis) => ({
    // "same" refers to the node's input: the image with its padding
    length: length + outside[axis]! + outside[axis + lengths.length]!,
    kernel: size[axis]!,
    stride: stride[axis]!,
    dilation: dilation[axis]!,
  }));
  const padding = paddingOf(attributes, axes);
  if ([...size, ...stride, ...dilation].some((n) => n < 1) || padding.some((n) => n < 0)) {
    throw new Unsupported(
      `it has kernel ${size.join("×")}, strides ${stride.join("×")}, dilations ${dilation.join("×")} and pads ${padding.join(",")}`,
    );
  }
  return axes.map((own, axis) => ({
    ...own,
    length: lengths[axis]!,
    before: padding[axis]! + outside[axis]!,
    after: padding[axis + lengths.length]! + outside[axis + lengths.length]!,
  }));
}

/** Before each axis, then after each. */
function paddingOf(
  attributes: Attributes,
  axes: readonly Omit<WindowAxis, "before" | "after">[],
): readonly number[] {
  const automatic = attributes.text("auto_pad", "NOTSET");
  const none = axes.flatMap(() => [0, 0]);
  switch (automatic) {
    case "NOTSET": {
      const pads = attributes.ints("pads") ?? none;
      if (pads.length === none.length) return pads;
      throw new Unsupported(
        `it has ${counted(pads.length, "pad")} where ${counted(axes.length, "axis", "axes")} of positions need ${none.length}`,
      );
    }
    case "VALID":
      return none;
    case "SAME_UPPER":
    case "SAME_LOWER": {
      const totals = axes.map(samePadding);
      const [less, more] = [totals.map((n) => Math.floor(n / 2)), totals.map((n) => Math.ceil(n / 2))];
      return automatic === "SAME_UPPER" ? [...less, ...more] : [...more, ...less];
    }
    default:
      throw new Unsupported(`it has auto_pad "${automatic}"`);
  }
}

/** Padding for ⌈length / stride⌉ outputs. */
function samePadding({ length, kernel, stride, dilation }: Omit<WindowAxis, "before" | "after">): number {
  const outputs = Math.ceil(length / stride);
  return Math.max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - length);
}

function ofEachAxis(values: readonly number[], count: number, what: string): readonly number[] {
  if (values.length === count) return values;
  throw new Unsupported(
    `its ${what} count ${counted(values.length, "axis", "axes")}, and what it reads has ${counted(count, "axis", "axes")} of positions`,
  );
}

/** The window over an image of core: a sequence is a row of one. */
export function flatWindow(axes: readonly WindowAxis[]): WindowOptions {
  const [columns, rows = ROW] = [...axes].reverse() as [WindowAxis, WindowAxis?];
  return {
    kernel: [rows.kernel, columns.kernel],
    stride: [rows.stride, columns.stride],
    padding: [rows.before, columns.before, rows.after, columns.after],
    dilation: [rows.dilation, columns.dilation],
  };
}

const ROW: WindowAxis = { length: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };

/** @param joins whether a window over the value can have the padding as its own; else padding is an operation before it */
export function paddedImage(
  context: Importer,
  value: Value | undefined,
  what: string,
  joins: (padded: Padded) => boolean,
): PaddedImage {
  const around = value?.kind === "padded" && joins(value) ? value : undefined;
  return { image: context.image(around?.base ?? context.activation(value, what), what), around };
}

/**
 * As {@link windowOf} for pooling. @throws Unsupported as there, if a window could lie in the padding only, or if its
 * padding is not constant
 */
export function poolingWindow(context: Importer, node: NodePart, padded: PaddedImage): readonly WindowAxis[] {
  const kernel = context.attributes(node).ints("kernel_shape") ?? [];
  const found = windowOf(context, node, padded, kernel);
  const dilations = found.map(({ dilation }) => dilation);
  const isSame = context.attributes(node).text("auto_pad", "NOTSET").startsWith("SAME");
  if (isSame && found.some(({ dilation, kernel: own }) => dilation > 1 && own > 1)) {
    throw new Unsupported(
      `it has auto_pad SAME beside dilations ${dilations.join("×")}, of which runtimes make different paddings (some forget the dilations); export it with explicit pads`,
    );
  }
  const reach = ({ dilation, kernel: own }: WindowAxis) => dilation * (own - 1) + 1;
  if (found.some((axis) => Math.max(axis.before, axis.after) >= reach(axis))) {
    const pads = [...found.map(({ before }) => before), ...found.map(({ after }) => after)];
    throw new Unsupported(
      `a window of ${kernel.join("×")} could lie in its padding of ${pads.join(",")} alone`,
    );
  }
  return found;
}
