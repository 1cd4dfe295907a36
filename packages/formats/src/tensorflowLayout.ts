/**
 * Converts between TensorFlow's layout and ours. TensorFlow stores convolutions as [height, width, in / groups, out]
 * and dense weights as [in, out]; images are [height, width, channels], so that after a flatten, feature (y·w + x)·c
 * + k is our k·h·w + y·w + x: the rows of dense weights and the parameters of batch normalisation there are permuted
 * too.
 */
import { ArgumentError, type Network, type Node, type UnitFlow, unitFlows } from "@phew/core";
import { gather } from "./strides.ts";
import { ELEMENT_BYTES, requireWholeTensor, type Tensor } from "./tensor.ts";

/**
 * The order of a flat value's features: runs of `channels · plane` features, each an image's, channels first here and
 * last in TensorFlow. Stored as runs, so that memory does not depend on a shape that a file claims before its weights
 * are read.
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

  /** @throws ArgumentError where flattened values of different images are added or cut, or for transposed convolutions */
  constructor(network: Network) {
    const orders: FeatureOrder[] = [];
    for (const [index, flow] of unitFlows(network).entries()) {
      const node = network.nodes[index]!;
      const order = orderOf(node, flow, network, orders);
      orders.push(order);
      for (const { name, shape, role, unitAxis } of node.parameters) {
        if (role !== "weight" || flow.kind !== "weights")
          this.#parameters.set(name, { shape, kind: "vector", order: unitAxis === undefined ? [] : order });
        else if (shape.length === 2)
          this.#parameters.set(name, { shape, kind: "dense", order: orders[flow.from]! });
        else {
          requireNotTransposed(node);
          const { groups, inCount } = flow;
          const isDepthwise = groups > 1 && groups === inCount;
          const own = { shape, kind: "conv", order: [] } as const;
          this.#parameters.set(name, isDepthwise ? { ...own, depthwiseChannels: inCount } : own);
        }
      }
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
   * The inverse, for the same number of elements in any shape.
   * @param subject the tensor, for messages
   * @throws ArgumentError if the number of elements is not the parameter's
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

/** The same elements with another number of axes: axes of 1 are added or removed at the front. */
export function ofRank(shape: readonly number[], rank = shape.length): readonly number[] {
  return [...new Array<number>(Math.max(0, rank - shape.length)).fill(1), ...shape.slice(-rank)];
}

/** The order of a node's features, by where its units come from; none where its value is an image. */
function orderOf(
  node: Node,
  flow: UnitFlow,
  network: Network,
  orders: readonly FeatureOrder[],
): FeatureOrder {
  const [features = 1, ...places] = node.shape;
  if (places.length > 0) return [];
  const own = [run(features, 1)];
  if (flow.kind !== "maps") return own;
  const parts = flow.maps.map((map) => {
    const isImage = network.nodes[map.from]!.shape.length > 1;
    const given = isImage ? [run(map.count, map.spread)] : orders[map.from]!;
    const isWhole = isImage || map.count === network.nodes[map.from]!.shape[0];
    // the order of a part is known if all of the value has the same order
    const order = isWhole ? given : isOurs(given) ? [run(map.count, 1)] : undefined;
    return { ...map, end: map.toStart + map.count * map.spread, order, isImage };
  });
  const isSpread = parts.some(({ spread, isImage }) => spread > 1 && !isImage);
  const isMet = parts.every(({ toStart, end }) => toStart === 0 && end === features);
  const isStacked = parts.every(({ toStart }, k) => toStart === (k === 0 ? 0 : parts[k - 1]!.end));
  // an operation over any positions has an order of its own
  if (isSpread || !(isMet || isStacked)) return own;
  const [first, ...rest] = parts.map(({ order }) => order);
  if (first !== undefined && isMet && rest.every((order) => order !== undefined && agree(order, first)))
    return first;
  if (!isMet && parts.every(({ order }) => order !== undefined))
    return joinedRuns(parts.flatMap(({ order }) => order!));
  throw new ArgumentError(`layer "${node.name}"`, {
    given: `${node.op.kind} of flattened images in different orders`,
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

/** TensorFlow has their kernels in the order of a convolution's backward pass. */
function requireNotTransposed({ name, op }: Node): void {
  if (!("transposed" in op) || op.transposed === undefined) return;
  throw new ArgumentError(`layer "${name}"`, {
    given: "a transposed convolution, whose weight has another layout in TensorFlow",
    expected: "layers that both have",
    remedy: "Export with --layout torch.",
  });
}
