/**
 * TensorFlow's order of weights and ours. TensorFlow keeps convolutions as [height, width, in / groups, out] and dense
 * weights as [in, out]; images are [height, width, channels], so that behind a flatten feature (y·w + x)·c + k is what
 * is k·h·w + y·w + x here: the rows of dense weights and the numbers of batch normalisation there change places too.
 */
import { ArgumentError, type Network, type Node } from "@phew/core";
import { gather } from "./strides.ts";
import { ELEMENT_BYTES, requireWholeTensor, type Tensor } from "./tensor.ts";

/**
 * The order of a flat value's features: runs of `channels · plane` features, each an image's, which has channels first
 * here and last in TensorFlow. Kept as runs, so that nothing is as long as a shape claims before weights of that length
 * are there.
 */
type FeatureOrder = readonly { readonly channels: number; readonly plane: number }[];

interface ParameterLayout {
  /** Our shape. */
  readonly shape: readonly number[];
  readonly kind: "conv" | "dense" | "vector";
  /** Of a dense weight's inputs, or of a vector's own numbers; nothing: the same order. */
  readonly order: FeatureOrder;
  /** For convolutions of one group a channel, which TensorFlow calls depthwise. */
  readonly depthwiseChannels?: number;
}

export class TensorflowLayout {
  readonly #parameters = new Map<string, ParameterLayout>();

  /** @throws ArgumentError where flattened values of different images are added or cut */
  constructor(network: Network) {
    const orders: FeatureOrder[] = [];
    const shapes = new Map(network.parameters.map(({ name, shape }) => [name, shape]));
    for (const node of network.nodes) {
      const order = orders[node.inputs[0] ?? 0] ?? [];
      orders.push(orderOf(node, network, orders));
      const { op } = node;
      const note = (name: string, layout: Omit<ParameterLayout, "shape">) =>
        this.#parameters.set(name, { shape: shapes.get(name)!, ...layout });
      if (op.kind === "conv2d") {
        const channels = network.nodes[node.inputs[0]!]!.shape[0]!;
        const isDepthwise = op.groups > 1 && op.groups === channels;
        note(op.weight, {
          kind: "conv",
          order: [],
          ...(isDepthwise ? { depthwiseChannels: channels } : {}),
        });
      } else if (op.kind === "dense") {
        note(op.weight, { kind: "dense", order });
      } else if (op.kind === "batchNorm") {
        for (const name of [op.scale, op.shift, op.mean, op.variance]) note(name, { kind: "vector", order });
      }
      if ((op.kind === "conv2d" || op.kind === "dense") && op.bias !== undefined)
        note(op.bias, { kind: "vector", order: [] });
    }
  }

  /** A parameter's shape in TensorFlow. */
  shapeOf(name: string): readonly number[] {
    const { shape, kind, depthwiseChannels: channels } = this.#parameters.get(name)!;
    if (kind === "vector") return shape;
    const [out, inPerGroup, ...kernel] = shape as [number, number, ...number[]];
    return channels === undefined ? [...kernel, inPerGroup, out] : [...kernel, channels, out / channels];
  }

  /** A parameter, or its mask or scores, as TensorFlow has it. */
  toTensorflow(name: string, tensor: Tensor): Tensor {
    const { shape, kind, order } = this.#parameters.get(name)!;
    const { dtype } = tensor;
    const width = ELEMENT_BYTES[dtype];
    if (kind === "vector") return { dtype, shape, data: scatterRows(tensor.data, width, order) };
    const [out, inPerGroup, kh = 1, kw = 1] = shape as [number, number, number?, number?];
    const strides = [kw, 1, kh * kw, inPerGroup * kh * kw];
    const data = gather(tensor.data, width, [kh, kw, inPerGroup, out], strides);
    return {
      dtype,
      shape: this.shapeOf(name),
      data: kind === "dense" ? scatterRows(data, width * out, order) : data,
    };
  }

  /**
   * The way back, for as many elements in whatever shape.
   * @param subject the tensor, for messages
   * @throws ArgumentError where the elements are not as many as the parameter's
   */
  fromTensorflow(name: string, tensor: Tensor, subject = name): Tensor {
    const { shape, kind, order } = this.#parameters.get(name)!;
    requireWholeTensor(subject, { ...tensor, shape });
    const { dtype } = tensor;
    const width = ELEMENT_BYTES[dtype];
    if (kind === "vector") return { dtype, shape, data: gatherRows(tensor.data, width, order) };
    const [out, inPerGroup, kh = 1, kw = 1] = shape as [number, number, number?, number?];
    if (kind === "dense") {
      const rows = gatherRows(tensor.data, width * out, order);
      return { dtype, shape, data: gather(rows, width, [out, inPerGroup], [1, out]) };
    }
    const strides = [1, out, kw * inPerGroup * out, inPerGroup * out];
    return { dtype, shape, data: gather(tensor.data, width, [out, inPerGroup, kh, kw], strides) };
  }
}

/** The order of a node's features; none where its value is an image. */
function orderOf(node: Node, network: Network, orders: readonly FeatureOrder[]): FeatureOrder {
  const { op, shape, inputs } = node;
  const [first = [], ...rest] = inputs.map((input) => orders[input]!);
  if (shape.length === 3) return [];
  switch (op.kind) {
    case "flatten": {
      const [channels = 1, height = 1, width = 1] = network.nodes[inputs[0]!]!.shape;
      return first.length > 0 ? first : [run(channels, height * width)];
    }
    case "concat":
      return joinedRuns([first, ...rest].flat());
    case "batchNorm":
    case "activation":
    case "dropout":
    case "identity":
      return first;
    case "add":
      if (rest.every((order) => agree(order, first))) return first;
      break;
    case "select":
      if (first.every(({ plane }) => plane === 1)) return [run(shape[0]!, 1)];
      break;
    default:
      return [run(shape[0]!, 1)];
  }
  throw new ArgumentError(`layer "${node.name}"`, {
    given: `${op.kind} of flattened images in different orders`,
    expected: "features that TensorFlow keeps in one order",
    remedy: "The network cannot be laid out as TensorFlow's: write PyTorch's layout.",
  });
}

/** An image of one channel or one pixel is in the same order everywhere. */
const run = (channels: number, plane: number) =>
  channels === 1 || plane === 1 ? { channels: channels * plane, plane: 1 } : { channels, plane };

function joinedRuns(order: FeatureOrder): FeatureOrder {
  const joined: { channels: number; plane: number }[] = [];
  for (const { channels, plane } of order) {
    const last = joined.at(-1);
    if (last?.plane === 1 && plane === 1) last.channels += channels;
    else joined.push({ channels, plane });
  }
  return joined;
}

const agree = (a: FeatureOrder, b: FeatureOrder): boolean =>
  a.length === b.length &&
  a.every(({ channels, plane }, k) => channels === b[k]!.channels && plane === b[k]!.plane);

const isOurs = (order: FeatureOrder): boolean => order.every(({ plane }) => plane === 1);

/** Calls `visit` with our number of each feature and TensorFlow's. */
function forEachFeature(order: FeatureOrder, visit: (ours: number, theirs: number) => void): void {
  let start = 0;
  for (const { channels, plane } of order) {
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < plane; p++) visit(start + c * plane + p, start + p * channels + c);
    start += channels * plane;
  }
}

/** Rows brought from TensorFlow's order into ours. @param rowBytes length of a row */
function gatherRows(data: Uint8Array, rowBytes: number, order: FeatureOrder): Uint8Array {
  if (isOurs(order)) return data;
  const result = new Uint8Array(data.length);
  forEachFeature(order, (ours, theirs) => {
    result.set(data.subarray(theirs * rowBytes, (theirs + 1) * rowBytes), ours * rowBytes);
  });
  return result;
}

/** Rows brought from our order into TensorFlow's. */
function scatterRows(data: Uint8Array, rowBytes: number, order: FeatureOrder): Uint8Array {
  if (isOurs(order)) return data;
  const result = new Uint8Array(data.length);
  forEachFeature(order, (ours, theirs) => {
    result.set(data.subarray(ours * rowBytes, (ours + 1) * rowBytes), theirs * rowBytes);
  });
  return result;
}
