/** The sliding window of Conv and the poolings: strides, dilations, and padding in the four ways ONNX has. */
import { counted } from "@phew/core";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import type { Activation, Padded, Value } from "../values.ts";

type Pair = readonly [number, number];
type Sides = readonly [number, number, number, number];

export interface WindowOptions {
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Top, left, bottom, right. */
  readonly padding: Sides;
  readonly dilation: Pair;
}

/** An image that a window slides over, with the padding of a Pad node. */
export interface PaddedImage {
  readonly image: Activation;
  readonly around: Padded | undefined;
}

/**
 * The window of a node over an image.
 * @returns its own padding, without that of the Pad node, and both together
 * @throws Unsupported where its numbers are no window over two axes
 */
export function windowOf(
  context: Importer,
  node: NodePart,
  { image, around }: PaddedImage,
  kernel: readonly number[],
): { own: Sides; window: WindowOptions } {
  const attributes = context.attributes(node);
  const size = pair(kernel, "kernel");
  const stride = pair(attributes.ints("strides") ?? [1, 1], "strides");
  const dilation = pair(attributes.ints("dilations") ?? [1, 1], "dilations");
  const pads = attributes.ints("pads") ?? [0, 0, 0, 0];
  const outside = around?.padding ?? [0, 0, 0, 0];
  const automatic = attributes.text("auto_pad", "NOTSET");
  let padding: Sides;
  switch (automatic) {
    case "NOTSET":
      if (pads.length !== 4)
        throw new Unsupported(`it has ${counted(pads.length, "pad")} where an image needs 4`);
      padding = [pads[0]!, pads[1]!, pads[2]!, pads[3]!];
      break;
    case "VALID":
      padding = [0, 0, 0, 0];
      break;
    case "SAME_UPPER":
    case "SAME_LOWER": {
      const [height, width] = [0, 1].map((axis) => {
        // "same" refers to the node's input: the image with its padding
        const length = image.shape[axis + 1]! + outside[axis]! + outside[axis + 2]!;
        return samePadding(length, size[axis]!, stride[axis]!, dilation[axis]!);
      }) as [number, number];
      const less = (total: number) => Math.floor(total / 2);
      const more = (total: number) => Math.ceil(total / 2);
      padding =
        automatic === "SAME_UPPER"
          ? [less(height), less(width), more(height), more(width)]
          : [more(height), more(width), less(height), less(width)];
      break;
    }
    default:
      throw new Unsupported(`it has auto_pad "${automatic}"`);
  }
  const wrong = [...size, ...stride, ...dilation].some((n) => n < 1) || padding.some((n) => n < 0);
  if (wrong) {
    throw new Unsupported(
      `it has kernel ${size.join("×")}, strides ${stride.join("×")}, dilations ${dilation.join("×")} and pads ${padding.join(",")}`,
    );
  }
  const whole = [0, 1, 2, 3].map((side) => padding[side]! + outside[side]!) as unknown as Sides;
  return { own: padding, window: { kernel: size, stride, padding: whole, dilation } };
}

/** Padding for ⌈length / stride⌉ outputs. */
function samePadding(length: number, kernel: number, stride: number, dilation: number): number {
  const outputs = Math.ceil(length / stride);
  return Math.max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - length);
}

function pair(values: readonly number[], what: string): Pair {
  if (values.length !== 2) {
    throw new Unsupported(
      `its ${what} count ${counted(values.length, "axis", "axes")}; only images with height and width have a place here`,
    );
  }
  return [values[0]!, values[1]!];
}

export function paddedImage(context: Importer, value: Value | undefined, what: string): PaddedImage {
  const around = value?.kind === "padded" ? value : undefined;
  return { image: context.image(around?.base ?? context.activation(value, what), what), around };
}

/**
 * As {@link windowOf} for pooling. @throws Unsupported as there, if a window could lie in the padding only, or if its
 * padding is not constant
 */
export function poolingWindow(context: Importer, node: NodePart, padded: PaddedImage) {
  const kernel = context.attributes(node).ints("kernel_shape") ?? [];
  const found = windowOf(context, node, padded, kernel);
  const { padding, dilation } = found.window;
  const isSame = context.attributes(node).text("auto_pad", "NOTSET").startsWith("SAME");
  if (isSame && dilation.some((step, axis) => step > 1 && kernel[axis]! > 1)) {
    throw new Unsupported(
      `it has auto_pad SAME beside dilations ${dilation.join("×")}, of which runtimes make different paddings (some forget the dilations); export it with explicit pads`,
    );
  }
  const reach = [0, 1].map((axis) => dilation[axis]! * (kernel[axis]! - 1) + 1);
  if (padding.some((n, side) => n >= reach[side % 2]!)) {
    throw new Unsupported(
      `a window of ${kernel.join("×")} could lie in its padding of ${padding.join(",")} alone`,
    );
  }
  return found;
}
