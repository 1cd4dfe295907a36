/** One reader for each layer of Keras: the file's fields it uses and the nodes it becomes. */

import type { Operation } from "@phew/core";
import { counted } from "@phew/core";
import type { JsonObject } from "../strictJson.ts";
import { ACTIVATION_LAYERS, activationByName, type KerasActivation } from "./activations.ts";
import { NO_PADDING, type Padding, type TfjsGraph, type Value } from "./graph.ts";

export interface LayerCall {
  /** Of the layer, which its weights are named after. */
  readonly layer: string;
  /** Of the node: the layer's, and its own for each further call. */
  readonly name: string;
  readonly config: JsonObject;
  readonly inputs: readonly Value[];
}

export type LayerReader = (call: LayerCall, graph: TfjsGraph) => Value;

type Pair = readonly [number, number];
interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Padding;
}

/** A convolution of single pixels. */
const PIXEL: Window = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: NO_PADDING };

const identity: LayerReader = ({ name, inputs }, graph) =>
  graph.add(name, { kind: "identity" }, [one(inputs, name, graph)]);

const dropout: LayerReader = ({ name, config, inputs }, graph) => {
  const rate = config.rate;
  if (typeof rate !== "number" || !(rate >= 0 && rate < 1))
    throw graph.fault(name, `the rate ${brief(rate)}`, "0 ≤ rate < 1");
  return graph.add(name, { kind: "dropout", rate }, [one(inputs, name, graph)]);
};

/** By class name; the activations and models inside models are read elsewhere. */
export const LAYER_READERS: Readonly<Record<string, LayerReader>> = {
  Conv2D: (call, graph) => {
    const x = spatial(call, graph);
    const outChannels = whole(call, "filters", graph);
    const groups = call.config.groups === undefined ? 1 : whole(call, "groups", graph);
    const window = windowOf(call, x, call.config.kernel_size, graph);
    const kernel = [...window.kernel, x.shape[0]! / groups, outChannels];
    const weight = graph.weight(call.layer, "kernel", 0, kernel);
    const value = convolve(call, call.name, x, { ...window, weight, outChannels, groups }, 1, graph);
    graph.sized(value, call.config, "filters");
    if (groups > 1) graph.sized(value, call.config, "groups");
    return activated(call, value, graph);
  },
  DepthwiseConv2D: (call, graph) => activated(call, depthwise(call, call.name, 1, graph), graph),
  SeparableConv2D: (call, graph) => {
    // the bias is that of the second step
    const first = { ...call, config: { ...call.config, use_bias: false } };
    const middle = depthwise(first, `${call.name}/depthwise`, 1, graph);
    const outChannels = whole(call, "filters", graph);
    const weight = graph.weight(call.layer, "pointwise_kernel", 1, [1, 1, middle.shape[0]!, outChannels]);
    const value = convolve(call, call.name, middle, { ...PIXEL, weight, outChannels, groups: 1 }, 2, graph);
    return activated(call, graph.sized(value, call.config, "filters"), graph);
  },
  Dense: (call, graph) => {
    const x = one(call.inputs, call.name, graph);
    const units = whole(call, "units", graph);
    const weight = graph.weight(call.layer, "kernel", 0, [x.shape[0]!, units]);
    // Keras applies a dense layer to each pixel's channels
    const value =
      x.shape.length === 3
        ? convolve(call, call.name, x, { ...PIXEL, weight, outChannels: units, groups: 1 }, 1, graph)
        : graph.add(
            call.name,
            { kind: "dense", weight, ...bias(call, units, 1, graph), outFeatures: units },
            [x],
          );
    return activated(call, graph.sized(value, call.config, "units"), graph);
  },
  BatchNormalization: (call, graph) => {
    const x = one(call.inputs, call.name, graph);
    const { config, layer } = call;
    requireLastAxis(call, x, graph);
    let index = 0;
    const vector = (kind: string, isThere: boolean, constant: number) =>
      isThere ? graph.weight(layer, kind, index++, [x.shape[0]!]) : graph.constant(layer, kind, constant);
    const op: Operation = {
      kind: "batchNorm",
      scale: vector("gamma", config.scale !== false, 1),
      shift: vector("beta", config.center !== false, 0),
      mean: vector("moving_mean", true, 0),
      variance: vector("moving_variance", true, 1),
      epsilon: real(call, "epsilon", 1e-3, graph),
      // Keras has the kept fraction, we the rate
      momentum: 1 - real(call, "momentum", 0.99, graph),
    };
    return graph.add(call.name, op, [x]);
  },
  LayerNormalization: (call, graph) => {
    const x = one(call.inputs, call.name, graph);
    const { config, layer } = call;
    requireLastAxis(call, x, graph);
    const hasScale = config.scale !== false;
    const own = {
      ...((hasScale || config.center !== false) && {
        scale: hasScale ? graph.weight(layer, "gamma", 0, [x.shape[0]!]) : graph.constant(layer, "gamma", 1),
      }),
      ...(config.center !== false && {
        shift: graph.weight(layer, "beta", hasScale ? 1 : 0, [x.shape[0]!]),
      }),
    };
    const epsilon = real(call, "epsilon", 1e-3, graph);
    const op = { kind: "layerNorm", groups: 1, eachPlace: true, centred: true, epsilon, ...own } as const;
    return graph.add(call.name, op, [x]);
  },
  PReLU: (call, graph) => {
    const x = one(call.inputs, call.name, graph);
    const { shared_axes: stated } = call.config;
    const shared = new Set(Array.isArray(stated) ? stated : []);
    const lengths = [...x.shape.slice(1), x.shape[0]!].map((length, k) => (shared.has(k + 1) ? 1 : length));
    if (lengths.slice(0, -1).some((length) => length > 1)) {
      const remedy = "Build the layer with shared_axes [1, 2].";
      throw graph.fault(call.name, "a slope for each place", "one for each channel, or for all", remedy);
    }
    const slope = graph.weight(call.layer, "alpha", 0, lengths);
    return graph.add(call.name, { kind: "prelu", slope, shared: shared.has(x.shape.length) }, [x]);
  },
  Add: ({ name, inputs }, graph) => graph.add(name, { kind: "add" }, inputs),
  Multiply: ({ name, inputs: [first, ...others] }, graph) =>
    others.reduce((product, factor, k) => {
      const step = k === others.length - 1 ? name : `${name}/${k + 1}`;
      return graph.add(step, { kind: "multiply" }, [product, factor]);
    }, first!),
  Concatenate: (call, graph) => {
    for (const x of call.inputs) requireLastAxis(call, x, graph);
    return graph.add(call.name, { kind: "concat" }, call.inputs);
  },
  MaxPooling2D: (call, graph) => {
    const x = spatial(call, graph);
    const window = poolOf(call, x, graph);
    // with values of at least 0, zeros around the image are equivalent to padding
    if (x.padding.some((p) => p > 0) && !x.nonNegative) {
      const remedy = "Put the activation before the padding, or use padding: same.";
      throw graph.fault(
        call.name,
        "zero padding around values below 0",
        "zero padding behind a relu",
        remedy,
      );
    }
    return graph.add(call.name, { kind: "maxPool2d", ...window }, [unpadded(x)]);
  },
  AveragePooling2D: (call, graph) => {
    const x = spatial(call, graph);
    const isPadded = x.padding.some((p) => p > 0);
    if (isPadded && call.config.padding === "same")
      throw graph.fault(call.name, "zero padding and padding: same in one", "one of them");
    // zeros of a padding layer count in the mean, those of padding: same do not
    const op: Operation = { kind: "averagePool2d", ...poolOf(call, x, graph), countPadding: isPadded };
    return graph.add(call.name, op, [unpadded(x)]);
  },
  GlobalAveragePooling2D: (call, graph) => {
    const x = spatial(call, graph);
    if (call.config.keepdims === true) return pooledWhole(call.name, x, graph);
    return graph.add(call.name, { kind: "globalAveragePool" }, [x], { pooledFrom: x });
  },
  GlobalMaxPooling2D: (call, graph) => {
    const x = spatial(call, graph);
    const kernel = [x.shape[1]!, x.shape[2]!] as const;
    const window = { kernel, stride: kernel, dilation: [1, 1], padding: NO_PADDING } as const;
    const pooled = graph.add(call.name, { kind: "maxPool2d", ...window }, [x]);
    return call.config.keepdims === true
      ? pooled
      : graph.add(`${call.name}/flatten`, { kind: "flatten" }, [pooled]);
  },
  Flatten: ({ name, inputs }, graph) => graph.add(name, { kind: "flatten" }, [one(inputs, name, graph)]),
  Reshape: (call, graph) => {
    const x = one(call.inputs, call.name, graph);
    const target = call.config.target_shape;
    const shape = Array.isArray(target) ? target : [];
    const count = x.shape.reduce((product, length) => product * length, 1);
    const [height, width, channels] = shape;
    const sized = (value: Value) => graph.sized(value, call.config, "target_shape");
    if (shape.length === 1 && (height === count || height === -1))
      return sized(graph.add(call.name, { kind: "flatten" }, [x]));
    if (shape.length === 3 && (channels === x.shape[0] || channels === -1)) {
      if (x.shape.length === 3 && height === x.shape[1] && width === x.shape[2])
        return sized(graph.add(call.name, { kind: "identity" }, [x]));
      if (height === 1 && width === 1 && x.pooledFrom !== undefined)
        return sized(pooledWhole(call.name, x.pooledFrom, graph));
      // a number for each channel, as a gate is: [c] meets images like [1, 1, c]
      if (height === 1 && width === 1 && x.shape.length === 1)
        return sized(graph.add(call.name, { kind: "identity" }, [x]));
    }
    throw graph.fault(
      call.name,
      `a reshape to ${brief(target)}`,
      "one to a flat list, or one of features to one place",
    );
  },
  ZeroPadding2D: (call, graph) => {
    const x = spatial(call, graph);
    const [top, left, bottom, right] = x.padding;
    const [t, l, b, r] = paddingOf(call, graph);
    return { ...x, padding: [top + t, left + l, bottom + b, right + r] };
  },
  Dropout: dropout,
  SpatialDropout2D: (call, graph) => {
    graph.notes.push(`Layer "${call.name}" drops single elements in training, not whole channels.`);
    return dropout(call, graph);
  },
  GaussianNoise: (call, graph) => {
    graph.notes.push(`Layer "${call.name}" adds no noise in training.`);
    return identity(call, graph);
  },
  ActivityRegularization: identity,
  Identity: identity,
  ...Object.fromEntries(
    Object.entries(ACTIVATION_LAYERS).map(([className, read]): [string, LayerReader] => [
      className,
      (call, graph) => {
        const found = read(call.config, graph.kerasVersion);
        return withActivation(call.name, found, one(call.inputs, call.name, graph), graph);
      },
    ]),
  ),
};

/** Unsupported options of a layer's configuration, before anything is read; undefined for none. */
export function unsupportedOption(
  className: string,
  config: JsonObject,
  kerasVersion: string,
): string | undefined {
  if (config.data_format === "channels_first") return "channels_first";
  const own = ACTIVATION_LAYERS[className];
  if (own !== undefined)
    return own(config, kerasVersion) === undefined
      ? `activation ${brief(config.activation ?? className)}`
      : undefined;
  return activationByName(config.activation, kerasVersion) === undefined
    ? `activation ${brief(config.activation)}`
    : undefined;
}

/** Adds the activation that many layers carry. */
function activated(call: LayerCall, value: Value, graph: TfjsGraph): Value {
  const found = activationByName(call.config.activation, graph.kerasVersion);
  return found === "linear" ? value : withActivation(`${call.name}/activation`, found, value, graph);
}

function withActivation(name: string, found: KerasActivation, value: Value, graph: TfjsGraph): Value {
  if (found === undefined) throw graph.fault(name, "an activation that is not supported", "another");
  if (found === "linear") return graph.add(name, { kind: "identity" }, [value]);
  if (found === "softmax") return { ...value, softmax: true };
  return graph.add(name, found, [value]);
}

function depthwise(call: LayerCall, name: string, biasIndex: number, graph: TfjsGraph): Value {
  const x = spatial(call, graph);
  const multiplier = call.config.depth_multiplier === undefined ? 1 : whole(call, "depth_multiplier", graph);
  const channels = x.shape[0]!;
  const window = windowOf(call, x, call.config.kernel_size, graph);
  const weight = graph.weight(call.layer, "depthwise_kernel", 0, [...window.kernel, channels, multiplier]);
  const options = { ...window, weight, outChannels: channels * multiplier, groups: channels };
  return convolve(call, name, x, options, biasIndex, graph);
}

function convolve(
  call: LayerCall,
  name: string,
  x: Value,
  options: Window & { weight: string; outChannels: number; groups: number },
  biasIndex: number,
  graph: TfjsGraph,
): Value {
  const op: Operation = { kind: "conv2d", ...options, ...bias(call, options.outChannels, biasIndex, graph) };
  return graph.add(name, op, [unpadded(x)]);
}

function bias(call: LayerCall, count: number, index: number, graph: TfjsGraph): { bias?: string } {
  return call.config.use_bias === false ? {} : { bias: graph.weight(call.layer, "bias", index, [count]) };
}

/** A mean over height and width that keeps both, as 1. */
function pooledWhole(name: string, x: Value, graph: TfjsGraph): Value {
  const kernel = [x.shape[1]!, x.shape[2]!] as const;
  const window = { kernel, stride: kernel, dilation: [1, 1], padding: NO_PADDING } as const;
  return graph.add(name, { kind: "averagePool2d", ...window, countPadding: false }, [x]);
}

/** The padding of the value before goes into the window that reads it. */
const unpadded = (x: Value): Value => ({ ...x, padding: NO_PADDING });

function poolOf(call: LayerCall, x: Value, graph: TfjsGraph): Window {
  const { pool_size: size, strides } = call.config;
  const config = { ...call.config, strides: strides ?? size, dilation_rate: 1 };
  return windowOf({ ...call, config }, x, size, graph);
}

/** Kernel, stride, dilation and all padding; `same`: ⌈length / stride⌉ outputs, the odd zero after. */
function windowOf(call: LayerCall, x: Value, size: unknown, graph: TfjsGraph): Window {
  const { config, name } = call;
  const kernel = pair(call, size, "kernel_size", graph);
  const stride = pair(call, config.strides ?? 1, "strides", graph);
  const dilation = pair(call, config.dilation_rate ?? 1, "dilation_rate", graph);
  if (config.padding !== "valid" && config.padding !== "same" && config.padding !== undefined)
    throw graph.fault(name, `padding: ${brief(config.padding)}`, "valid or same");
  const same = [0, 1].map((axis): Pair => {
    if (config.padding !== "same") return [0, 0];
    const length = x.shape[axis + 1]! + x.padding[axis]! + x.padding[axis + 2]!;
    const reach = (kernel[axis]! - 1) * dilation[axis]! + 1;
    const total = Math.max((Math.ceil(length / stride[axis]!) - 1) * stride[axis]! + reach - length, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  const [top, left, bottom, right] = x.padding;
  const [[t, b], [l, r]] = same as [Pair, Pair];
  return { kernel, stride, dilation, padding: [top + t, left + l, bottom + b, right + r] };
}

/** One number, two for height and width, or [[top, bottom], [left, right]]. */
function paddingOf(call: LayerCall, graph: TfjsGraph): Padding {
  const given = call.config.padding ?? 1;
  const sides = (Array.isArray(given) ? given : [given, given]).map((side) =>
    Array.isArray(side) ? side : [side, side],
  );
  const [[top, bottom] = [], [left, right] = []] = sides;
  const padding = [top, left, bottom, right];
  const usable = sides.length === 2 && padding.every((p) => Number.isSafeInteger(p) && p >= 0 && p < 2 ** 20);
  if (!usable) throw graph.fault(call.name, `padding: ${brief(given)}`, "[[top, bottom], [left, right]]");
  return padding as unknown as Padding;
}

function one(inputs: readonly Value[], name: string, graph: TfjsGraph): Value {
  if (inputs.length !== 1) throw graph.fault(name, counted(inputs.length, "input"), "one");
  return inputs[0]!;
}

function spatial(call: LayerCall, graph: TfjsGraph): Value {
  const x = one(call.inputs, call.name, graph);
  if (x.shape.length !== 3)
    throw graph.fault(call.name, `an input of shape [${x.shape.join(", ")}]`, "images");
  return x;
}

/** Channels are last in Keras: axis 3 of images, 1 of vectors. */
function requireLastAxis(call: LayerCall, x: Value, graph: TfjsGraph): void {
  const { axis = -1 } = call.config;
  const plain = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
  if (plain !== -1 && plain !== x.shape.length)
    throw graph.fault(call.name, `axis ${brief(axis)}`, `the channels' axis, ${x.shape.length} or -1`);
}

function pair(call: LayerCall, value: unknown, option: string, graph: TfjsGraph): Pair {
  const both = Array.isArray(value) ? value : [value, value];
  const usable = both.length === 2 && both.every((n) => Number.isSafeInteger(n) && n >= 1 && n < 2 ** 20);
  if (!usable)
    throw graph.fault(call.name, `${option}: ${brief(value)}`, "one or two whole numbers of at least 1");
  return both as unknown as Pair;
}

function whole(call: LayerCall, option: string, graph: TfjsGraph): number {
  const value = call.config[option];
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw graph.fault(call.name, `${option}: ${brief(value)}`, "a whole number of at least 1");
}

function real(call: LayerCall, option: string, initial: number, graph: TfjsGraph): number {
  const value = call.config[option] ?? initial;
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw graph.fault(call.name, `${option}: ${brief(value)}`, "a number from 0 to 1");
}

const brief = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 60);
