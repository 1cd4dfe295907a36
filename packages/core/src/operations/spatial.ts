/** Sliding windows over `[channels, height, width]`: shared by convolution and pooling. */
import { ArgumentError } from "../errors.ts";
import type { Shape } from "./shape.ts";

/** Vertical, horizontal. */
export type Pair = readonly [number, number];
/** Top, left, bottom, right. */
export type Padding = readonly [number, number, number, number];

export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly dilation: Pair;
}

/** The output length along one axis: ⌊(length + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, or ⌈…⌉. */
export function windowCount(
  length: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  dilation: number,
  ceil: boolean,
): number {
  const steps = (length + before + after - dilation * (kernel - 1) - 1) / stride;
  if (!ceil) return Math.floor(steps) + 1;
  const count = Math.ceil(steps) + 1;
  // as PyTorch: a window that starts beyond the input and its padding is dropped
  return (count - 1) * stride >= length + before ? count - 1 : count;
}

/** @throws ArgumentError if the input is not spatial, an option is out of range or no window fits */
export function slide(window: Window, input: Shape, node: string, ceil = false): Pair {
  if (input.length !== 3) {
    throw new ArgumentError(`layer "${node}"`, {
      given: `an input of shape [${input.join(", ")}]`,
      expected: "channels × height × width",
      remedy: "A sliding window needs a spatial input; check what comes before it.",
    });
  }
  const whole = (value: number, least: number) => Number.isInteger(value) && value >= least;
  if (
    ![...window.kernel, ...window.stride, ...window.dilation].every((v) => whole(v, 1)) ||
    !window.padding.every((v) => whole(v, 0))
  ) {
    throw new ArgumentError(`layer "${node}"`, {
      given: `kernel ${window.kernel.join("×")}, stride ${window.stride.join("×")}, padding ${window.padding.join(",")}, dilation ${window.dilation.join("×")}`,
      expected: "whole numbers, at least 1 for kernel, stride and dilation and at least 0 for padding",
    });
  }
  const size = [0, 1].map((axis) =>
    windowCount(
      input[axis + 1]!,
      window.kernel[axis]!,
      window.stride[axis]!,
      window.padding[axis]!,
      window.padding[axis + 2]!,
      window.dilation[axis]!,
      ceil,
    ),
  );
  if (!size.every((length) => length >= 1)) {
    throw new ArgumentError(`layer "${node}"`, {
      given: `an input of ${input[1]}×${input[2]} with ${window.padding.join(",")} of padding`,
      expected: `room for a ${window.kernel.join("×")} window${window.dilation.some((d) => d > 1) ? ` dilated by ${window.dilation.join("×")}` : ""}`,
      remedy: "Give the network larger images or fewer strides.",
    });
  }
  return [size[0]!, size[1]!];
}

/**
 * As {@link slide} for pooling, whose windows must all overlap the input.
 * @throws ArgumentError as slide, and if a window could lie in the padding only
 */
export function slidePool(window: Window, input: Shape, node: string, ceil = false): Pair {
  const size = slide(window, input, node, ceil);
  const reach = [0, 1].map((axis) => window.dilation[axis]! * (window.kernel[axis]! - 1) + 1);
  if (window.padding.some((padding, side) => padding >= reach[side % 2]!)) {
    throw new ArgumentError(`layer "${node}"`, {
      given: `padding ${window.padding.join(",")} around a ${window.kernel.join("×")} window`,
      expected: "less padding than the window is wide",
    });
  }
  return size;
}

/** The outputs along one axis whose window has `tap` inside the input: first, and one past the last. */
export function validRange(
  inputLength: number,
  outputLength: number,
  tap: number,
  stride: number,
  before: number,
  dilation: number,
): Pair {
  const offset = tap * dilation - before;
  const first = Math.max(0, Math.ceil(-offset / stride));
  const end = Math.min(outputLength, Math.floor((inputLength - 1 - offset) / stride) + 1);
  return [first, Math.max(first, end)];
}
