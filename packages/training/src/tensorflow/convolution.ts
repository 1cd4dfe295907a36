/**
 * The three passes of a 2-d convolution, over `[batch, height, width, channels]` and filters `[kh, kw, in / groups,
 * out]`:
 *   y = x ∗ w
 *   ∂L/∂x = (∂L/∂y with stride − 1 zeros between its pixels) ∗ (w rotated by 180°, in and out exchanged)
 *   ∂L/∂w = x ∗ ∂L/∂y with batch and channels exchanged: the stride becomes the dilation and the dilation the stride
 * All use forward convolutions only: the wasm backend has no gradient of the filter, and its gradient of the input is
 * a scalar loop. No kernel is registered, so that TensorFlow.js is unchanged for other code in the process.
 */
import * as tf from "@tensorflow/tfjs-core";

type Pair = readonly [number, number];

export interface ConvolutionWindow {
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Top, left, bottom, right. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: Pair;
  readonly groups: number;
}

const isOne = (pair: Pair): boolean => pair[0] === 1 && pair[1] === 1;

/** y = x ∗ w + bias */
export function convolve(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  window: ConvolutionWindow,
  bias?: tf.Tensor1D,
): tf.Tensor4D {
  return tf.tidy(() => {
    const { groups } = window;
    if (groups === 1) return convolveGroup(x, filter, window, bias);
    let y: tf.Tensor4D;
    if (filter.shape[2] === 1) {
      y = convolveDepthwise(x, filter, window);
    } else {
      const xs = tf.split<tf.Tensor4D>(x, groups, 3);
      const filters = tf.split<tf.Tensor4D>(filter, groups, 3);
      y = tf.concat4d(
        xs.map((part, g) => convolveGroup(part, filters[g]!, window)),
        3,
      );
    }
    return bias === undefined ? y : tf.add(y, bias);
  });
}

/** ∂L/∂x for an x of `height` × `width`. */
export function inputGradient(
  gradient: tf.Tensor4D,
  filter: tf.Tensor4D,
  [height, width]: Pair,
  window: ConvolutionWindow,
): tf.Tensor4D {
  const { kernel, padding, dilation, groups } = window;
  return tf.tidy(() => {
    const spread = spreadPixels(gradient, window.stride);
    const edges = [0, 1].map((axis) => {
      const before = dilation[axis]! * (kernel[axis]! - 1) - padding[axis]!;
      const length = axis === 0 ? height : width;
      const after = length + dilation[axis]! * (kernel[axis]! - 1) - before - spread.shape[axis + 1]!;
      return { before, after };
    });
    const [vertical, horizontal] = edges as [Edge, Edge];
    const padded = cropPixels(spread, vertical, horizontal);
    const full: ConvolutionWindow = {
      kernel,
      stride: [1, 1],
      padding: [
        Math.max(0, vertical.before),
        Math.max(0, horizontal.before),
        Math.max(0, vertical.after),
        Math.max(0, horizontal.after),
      ],
      dilation,
      groups,
    };
    const turned = tf.reverse(filter, [0, 1]);
    if (groups === 1) return convolve(padded, exchangeUnits(turned), full);
    if (filter.shape[2] === 1) return depthwiseInputGradient(padded, turned, full);
    const parts = tf.split<tf.Tensor4D>(padded, groups, 3);
    return tf.concat4d(
      tf
        .split<tf.Tensor4D>(turned, groups, 3)
        .map((part, g) => convolve(parts[g]!, exchangeUnits(part), { ...full, groups: 1 })),
      3,
    );
  });
}

/** ∂L/∂w */
export function filterGradient(
  x: tf.Tensor4D,
  gradient: tf.Tensor4D,
  window: ConvolutionWindow,
): tf.Tensor4D {
  const { groups } = window;
  return tf.tidy(() => {
    if (groups === 1) return filterGradientOfGroup(x, gradient, window);
    if (x.shape[3] === groups) return depthwiseFilterGradient(x, gradient, window);
    const xs = tf.split<tf.Tensor4D>(x, groups, 3);
    const gradients = tf.split<tf.Tensor4D>(gradient, groups, 3);
    return tf.concat4d(
      xs.map((part, g) => filterGradientOfGroup(part, gradients[g]!, window)),
      3,
    );
  });
}

/** Number of pixels to add on both ends of an axis; to cut off where negative. */
interface Edge {
  readonly before: number;
  readonly after: number;
}

function convolveGroup(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  window: ConvolutionWindow,
  bias?: tf.Tensor1D,
): tf.Tensor4D {
  const { stride, dilation } = window;
  // tfjs has no convolution with both: takes every stride-th pixel of the dilated one
  const both = !isOne(stride) && !isOne(dilation);
  const y = tf.fused.conv2d({
    x,
    filter,
    strides: both ? 1 : [stride[0], stride[1]],
    pad: explicitPadding(window.padding),
    dilations: [dilation[0], dilation[1]],
    ...(bias === undefined ? {} : { bias }),
  });
  return both ? everyNthPixel(y, stride) : y;
}

/** Output channel c·m + j depends only on input channel c. */
function convolveDepthwise(x: tf.Tensor4D, filter: tf.Tensor4D, window: ConvolutionWindow): tf.Tensor4D {
  const { kernel, stride, dilation, groups } = window;
  return tf.tidy(() => {
    const perChannel = tf.reshape(filter, [kernel[0], kernel[1], groups, filter.shape[3] / groups]);
    const padded = padPixels(x, window.padding);
    const strideAtOnce = isOne(dilation) && stride[0] === stride[1];
    const y = tf.depthwiseConv2d(
      padded,
      perChannel as tf.Tensor4D,
      strideAtOnce ? stride[0] : 1,
      "valid",
      "NHWC",
      [dilation[0], dilation[1]],
    );
    return strideAtOnce ? y : everyNthPixel(y, stride);
  });
}

function depthwiseInputGradient(
  gradient: tf.Tensor4D,
  turned: tf.Tensor4D,
  window: ConvolutionWindow,
): tf.Tensor4D {
  const outChannels = turned.shape[3];
  const perOutput = convolveDepthwise(gradient, turned, { ...window, groups: outChannels });
  const multiplier = outChannels / window.groups;
  if (multiplier === 1) return perOutput;
  const [n, h, w] = perOutput.shape;
  return tf.reshape(tf.sum(tf.reshape(perOutput, [n * h * w, window.groups, multiplier]), 2), [
    n,
    h,
    w,
    window.groups,
  ]);
}

function filterGradientOfGroup(
  x: tf.Tensor4D,
  gradient: tf.Tensor4D,
  window: ConvolutionWindow,
): tf.Tensor4D {
  const { kernel, stride, dilation } = window;
  const both = !isOne(stride) && !isOne(dilation);
  const taken = both ? withoutTrailingZeros(spreadPixels(gradient, stride), stride) : gradient;
  const filter = tf.transpose(taken, [1, 2, 0, 3]);
  const all = tf.conv2d(
    tf.transpose(x, [3, 1, 2, 0]),
    filter,
    [dilation[0], dilation[1]],
    explicitPadding(window.padding),
    "NHWC",
    both ? 1 : [stride[0], stride[1]],
  );
  // rows and columns that no stride reached give taps beyond the kernel
  const [inChannels, , , outChannels] = all.shape;
  const taps = tf.slice(all, [0, 0, 0, 0], [inChannels, kernel[0], kernel[1], outChannels]);
  return tf.transpose(taps, [1, 2, 0, 3]);
}

/** One tap at a time: its shifted input times the gradient, summed over batch and pixels. */
function depthwiseFilterGradient(
  x: tf.Tensor4D,
  gradient: tf.Tensor4D,
  window: ConvolutionWindow,
): tf.Tensor4D {
  const { kernel, stride, dilation, groups } = window;
  const [n, outHeight, outWidth, outChannels] = gradient.shape;
  const multiplier = outChannels / groups;
  const padded = padPixels(x, window.padding);
  const pixelCount = n * outHeight * outWidth;
  const ones = tf.ones([1, pixelCount]);
  const g = tf.reshape(gradient, [pixelCount, groups, multiplier]);
  const taps: tf.Tensor[] = [];
  for (let r = 0; r < kernel[0]; r++) {
    for (let c = 0; c < kernel[1]; c++) {
      taps.push(
        tf.tidy(() => {
          const from: Pair = [r * dilation[0], c * dilation[1]];
          const seen = everyNthPixel(padded, stride, from, [outHeight, outWidth]);
          const products = tf.mul(tf.reshape(seen, [pixelCount, groups, 1]), g);
          return tf.matMul(ones, tf.reshape(products, [pixelCount, outChannels]));
        }),
      );
    }
  }
  return tf.reshape(tf.concat(taps, 0), [kernel[0], kernel[1], 1, outChannels]);
}

/** `[kh, kw, in, out]` → `[kh, kw, out, in]` */
function exchangeUnits(filter: tf.Tensor4D): tf.Tensor4D {
  return tf.transpose(filter, [0, 1, 3, 2]);
}

function explicitPadding([top, left, bottom, right]: ConvolutionWindow["padding"]) {
  if (top + left + bottom + right === 0) return "valid";
  const padding: [[number, number], [number, number], [number, number], [number, number]] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  return padding;
}

/** Adds pixels of `value` around an image. */
function padPixels(
  x: tf.Tensor4D,
  [top, left, bottom, right]: ConvolutionWindow["padding"],
  value = 0,
): tf.Tensor4D {
  if (top + left + bottom + right === 0) return x;
  const paddings: [number, number][] = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  return tf.pad(x, paddings, value);
}

function cropPixels(x: tf.Tensor4D, vertical: Edge, horizontal: Edge): tf.Tensor4D {
  const top = Math.max(0, -vertical.before);
  const left = Math.max(0, -horizontal.before);
  const [n, height, width, channels] = x.shape;
  const size = [
    n,
    height - top + Math.min(0, vertical.after),
    width - left + Math.min(0, horizontal.after),
    channels,
  ];
  if (size[1] === height && size[2] === width) return x;
  return tf.slice(x, [0, top, left, 0], size as [number, number, number, number]);
}

/** The pixels (top + p · down, left + q · right) for p < outHeight, q < outWidth; default: all. */
function everyNthPixel(
  x: tf.Tensor4D,
  [down, right]: Pair,
  [top, left]: Pair = [0, 0],
  [outHeight, outWidth]: Pair = [Math.ceil(x.shape[1] / down), Math.ceil(x.shape[2] / right)],
): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const rows = outHeight * down;
  const columns = outWidth * right;
  // whole blocks of down × right pixels; the first of each is wanted
  const inside = [n, Math.min(rows, height - top), Math.min(columns, width - left), channels] as const;
  const cut = tf.slice(x, [0, top, left, 0], [...inside]);
  let picked: tf.Tensor = padPixels(cut, [0, 0, rows - inside[1], columns - inside[2]]);
  if (down > 1) {
    const rowLength = columns * channels;
    picked = tf.slice(
      tf.reshape(picked, [n * outHeight, down, rowLength]),
      [0, 0, 0],
      [n * outHeight, 1, rowLength],
    );
  }
  if (right > 1) {
    const pixelCount = n * outHeight * outWidth;
    picked = tf.slice(
      tf.reshape(picked, [pixelCount, right, channels]),
      [0, 0, 0],
      [pixelCount, 1, channels],
    );
  }
  return tf.reshape(picked, [n, outHeight, outWidth, channels]);
}

/** stride − 1 zeros after every pixel, in both directions. */
function spreadPixels(x: tf.Tensor4D, [down, right]: Pair): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  let spread: tf.Tensor = x;
  if (right > 1) {
    const pixels = tf.reshape(spread, [n * height * width, 1, channels]);
    spread = tf.pad(pixels, [
      [0, 0],
      [0, right - 1],
      [0, 0],
    ]);
  }
  if (down > 1) {
    const rows = tf.reshape(spread, [n * height, 1, width * right * channels]);
    spread = tf.pad(rows, [
      [0, 0],
      [0, down - 1],
      [0, 0],
    ]);
  }
  return tf.reshape(spread, [n, height * down, width * right, channels]);
}

/** What {@link spreadPixels} gives without the zeros after the last pixels. */
function withoutTrailingZeros(x: tf.Tensor4D, [down, right]: Pair): tf.Tensor4D {
  return cropPixels(x, { before: 0, after: 1 - down }, { before: 0, after: 1 - right });
}
