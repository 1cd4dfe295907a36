/**
 * The oracle's own description of a network: operations in topological order, with the shapes of their values.
 *
 * A core `Network` converts in one expression, checked by the compiler (packages/core/test/oracleNetwork.ts):
 *   { nodes: network.nodes.map(({ name, op, inputs }) => ({ name, op, inputs })), output: network.output }
 * and core `Weights` are `Parameters` as they are. The oracle works out shapes itself and shares no code with core.
 */

import { type ElementwiseOp, isElementwise } from "./activations.ts";

/** Vertical, horizontal. */
export type Pair = readonly [number, number];

export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Top, left, bottom, right. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: Pair;
}

type Triple = readonly [number, number, number];

/** By axis: which positions of the input each position of the output is made of, with their factors. */
export type PlaceTerms = readonly {
  readonly from: number;
  readonly places: readonly (readonly (readonly [at: number, factor: number])[])[];
}[];

export type OracleOp =
  | { readonly kind: "input"; readonly shape: readonly number[] }
  | ({
      readonly kind: "conv2d";
      readonly weight: string;
      readonly bias?: string;
      readonly outChannels: number;
      readonly groups: number;
    } & Window)
  | {
      readonly kind: "conv3d";
      readonly weight: string;
      readonly bias?: string;
      readonly outChannels: number;
      readonly groups: number;
      readonly kernel: Triple;
      readonly stride: Triple;
      /** Before each axis, then after each. */
      readonly padding: readonly [number, number, number, number, number, number];
      readonly dilation: Triple;
    }
  | { readonly kind: "maxOver"; readonly axes: PlaceTerms }
  | { readonly kind: "dense"; readonly weight: string; readonly bias?: string; readonly outFeatures: number }
  | {
      readonly kind: "batchNorm";
      readonly scale: string;
      readonly shift: string;
      readonly mean: string;
      readonly variance: string;
      readonly epsilon: number;
      readonly momentum: number;
    }
  | ElementwiseOp
  | ({ readonly kind: "maxPool2d"; readonly ceil?: boolean } & Window)
  | ({ readonly kind: "averagePool2d"; readonly countPadding: boolean; readonly ceil?: boolean } & Window)
  | { readonly kind: "dropout"; readonly rate: number }
  | {
      readonly kind: "opaque";
      readonly shape: readonly number[];
      readonly carries?: "elements" | "units";
    }
  | {
      readonly kind: "resample";
      readonly axes: PlaceTerms;
      readonly fill: number;
    }
  | {
      readonly kind: "rearrange";
      readonly shape: readonly number[];
      readonly offset: number;
      readonly atoms: readonly { readonly length: number; readonly stride: number }[];
    }
  | {
      readonly kind: "attention";
      readonly heads: number;
      readonly scale: number;
      readonly mask?: { readonly shape: readonly number[]; readonly values: readonly number[] } | undefined;
    }
  | {
      readonly kind: "layerNorm";
      readonly groups: number | "units";
      readonly eachPlace: boolean;
      readonly centred: boolean;
      readonly epsilon: number;
      readonly scale?: string;
      readonly shift?: string;
    }
  | { readonly kind: "learned"; readonly value: string; readonly shape: readonly number[] }
  | {
      readonly kind: "affine";
      readonly of: "units" | "elements";
      readonly scale?: string;
      readonly shift?: string;
    }
  | { readonly kind: "select"; readonly index: readonly number[] }
  | { readonly kind: "add" | "concat" | "flatten" | "globalAveragePool" | "identity" | "multiply" };

export interface OracleNode {
  readonly name: string;
  readonly op: OracleOp;
  /** Indices of the nodes it reads, all lower than its own. */
  readonly inputs: readonly number[];
}

export interface OracleGraph {
  /** Node 0 is the input. */
  readonly nodes: readonly OracleNode[];
  /** Index of the node whose value is the network's output. */
  readonly output: number;
}

/** Parameter name → values, row-major; conv weights `[out, in / groups, kh, kw]`, dense weights `[out, in]`. */
export type Parameters = ReadonlyMap<string, ArrayLike<number>>;

/** Shape of every node's value without the batch axis; axis 0 counts the units. */
export function shapesOf(graph: OracleGraph): number[][] {
  const shapes: number[][] = [];
  for (const node of graph.nodes)
    shapes.push(
      shapeOf(
        node.op,
        node.inputs.map((input) => shapes[input]!),
      ),
    );
  return shapes;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function shapeOf(op: OracleOp, inputs: number[][]): number[] {
  const [first] = inputs;
  if (isElementwise(op)) return first!;
  switch (op.kind) {
    case "input":
    case "learned":
    case "opaque":
    case "rearrange":
      return [...op.shape];
    case "conv2d":
      return [op.outChannels, ...windowCounts(op, first!, false)];
    case "conv3d":
      return [op.outChannels, ...volumeCounts(op, first!)];
    case "maxPool2d":
    case "averagePool2d":
      return [first![0]!, ...windowCounts(op, first!, op.ceil ?? false)];
    case "dense":
      return [op.outFeatures, ...first!.slice(1)];
    case "flatten":
      return [sizeOf(first!)];
    case "globalAveragePool":
      return [first![0]!];
    case "concat":
      return [inputs.reduce((sum, shape) => sum + shape[0]!, 0), ...first!.slice(1)];
    case "maxOver":
    case "resample":
      return [first![0]!, ...op.axes.map(({ places }) => places.length)];
    case "add":
    case "multiply":
      return longest(inputs);
    case "attention":
      return [inputs[2]![0]!, ...first!.slice(1)];
    case "select":
      return [op.index.length, ...first!.slice(1)];
    case "affine":
    case "batchNorm":
    case "layerNorm":
    case "dropout":
    case "identity":
      return first!;
  }
}

/** The shape of values of which some stand for all places of an axis: the greatest length along each. */
function longest(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => Math.max(...shapes.map((shape) => shape[axis] ?? 1)));
}

/** The element of a value that meets element `k` of a value of shape `whole`: place by place, or its only one. */
export function meeting(k: number, whole: readonly number[], own: readonly number[]): number {
  let [left, place, step] = [k, 0, 1];
  for (let axis = whole.length - 1; axis >= 0; axis--) {
    const at = left % whole[axis]!;
    left = (left - at) / whole[axis]!;
    const length = own[axis] ?? 1;
    if (length > 1) place += at * step;
    step *= length;
  }
  return place;
}

/** What is added to the score of a query and a key, counted over all windows. */
export function maskOf(
  { mask }: Extract<OracleOp, { kind: "attention" }>,
  head: number,
  window: number,
  query: number,
  key: number,
): number {
  if (mask === undefined) return 0;
  const [heads, windows, queries, keys] = mask.shape as [number, number, number, number];
  return mask.values[(((head % heads) * windows + (window % windows)) * queries + query) * keys + key]!;
}

/** e^x over their sum; zeros where every x is −∞. */
export function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  if (most === Number.NEGATIVE_INFINITY) return scores.map(() => 0);
  const powers = scores.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Counts the windows along height and width: shifts one until it no longer fits. */
function windowCounts(window: Window, input: readonly number[], ceil: boolean): Pair {
  const along = (axis: 0 | 1): number => {
    const before = window.padding[axis];
    const after = window.padding[axis + 2]!;
    const length = input[axis + 1]!;
    const reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    let count = 0;
    let start = -before;
    while (start + reach <= length + after) {
      count++;
      start += window.stride[axis];
    }
    // rounding up adds a window that reaches beyond the end, if it starts inside the input or the padding before it
    const hangsOver = ceil && start - window.stride[axis] + reach < length + after;
    return hangsOver && start < length ? count + 1 : count;
  };
  return [along(0), along(1)];
}

function volumeCounts(op: Extract<OracleOp, { kind: "conv3d" }>, input: readonly number[]): number[] {
  return [0, 1, 2].map((axis) => {
    const reach = op.dilation[axis]! * (op.kernel[axis]! - 1) + 1;
    let count = 0;
    for (let start = -op.padding[axis]!; start + reach <= input[axis + 1]! + op.padding[axis + 3]!; ) {
      count++;
      start += op.stride[axis]!;
    }
    return count;
  });
}

/** The operations with prunable weights. */
export type WeightedOp = Extract<OracleOp, { weight: string }>;
export const isWeightedOp = (op: OracleOp): op is WeightedOp => "weight" in op;
export const groupsOf = (op: WeightedOp): number => (op.kind === "dense" ? 1 : op.groups);
/** Weights of a kernel. */
export const tapCount = (op: WeightedOp): number => (op.kind === "dense" ? 1 : sizeOf(op.kernel));

/** The taps of a 3-d kernel that are inside the volume at an output position: their numbers, and the positions. */
export function volumeTaps(
  { kernel, stride, padding, dilation }: Extract<OracleOp, { kind: "conv3d" }>,
  lengths: readonly number[],
  outLengths: readonly number[],
  place: number,
): { tap: number; position: number }[] {
  const digits = (k: number, [, b, c]: readonly number[]) => [
    Math.floor(k / (b! * c!)),
    Math.floor(k / c!) % b!,
    k % c!,
  ];
  const out = digits(place, outLengths);
  const found: { tap: number; position: number }[] = [];
  for (let tap = 0; tap < sizeOf(kernel); tap++) {
    const at = digits(tap, kernel).map(
      (t, axis) => out[axis]! * stride[axis]! - padding[axis]! + t * dilation[axis]!,
    );
    if (at.some((own, axis) => own < 0 || own >= lengths[axis]!)) continue;
    found.push({ tap, position: (at[0]! * lengths[1]! + at[1]!) * lengths[2]! + at[2]! });
  }
  return found;
}

/** The element of the input that an element of a rearranged value is: its index along the atoms, one by one. */
export function elementBehind(
  { offset, atoms }: Extract<OracleOp, { kind: "rearrange" }>,
  element: number,
): number {
  return atoms.reduce((sum, { length, stride }, k) => {
    const inner = sizeOf(atoms.slice(k + 1).map((atom) => atom.length));
    return sum + (Math.floor(element / inner) % length) * stride;
  }, offset);
}

/** The positions that a resampled position is made of, row-major, with their factors. */
export function termsOf(
  axes: PlaceTerms,
  lengths: readonly number[],
  outLengths: readonly number[],
  place: number,
): { position: number; factor: number }[] {
  let terms = [{ position: 0, factor: 1 }];
  for (const [axis, { places }] of axes.entries()) {
    const own = Math.floor(place / sizeOf(outLengths.slice(axis + 1))) % outLengths[axis]!;
    const step = sizeOf(lengths.slice(axis + 1));
    terms = terms.flatMap(({ position, factor }) =>
      places[own]!.map(([at, share]) => ({ position: position + at * step, factor: factor * share })),
    );
  }
  return terms;
}
