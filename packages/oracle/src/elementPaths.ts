/**
 * Sums over paths, path by path: a path runs from one element of the input (a pixel of a channel) to one element of
 * the output, through elements of values; its product is that of the parameters' magnitudes (power 1) or squares
 * (power 2) and of the constants on it: 1 / window of an average, and 1 / √(variance + ε), which is squared as the scale
 * beside it is.
 *   R = Σ_paths Π θ';   ∂R/∂θ'_e = Σ_{paths through e} Π of all others
 * Paths go through either factor of a product of values. Activations do not change a product, no path goes through biases and shifts, and of a max-pooling window only through
 * its first greatest element. The time is exponential in depth: for the smallest networks only.
 */
import { type ElementwiseOp, isElementwise, pathFactor } from "./activations.ts";
import {
  elementBehind,
  maskOf,
  meeting,
  type OracleGraph,
  type OracleOp,
  type Parameters,
  shapesOf,
  sizeOf,
  softmax,
  termsOf,
  volumeTaps,
} from "./graph.ts";

export interface ElementPathSums {
  /** R. */
  readonly sum: number;
  /** Number of paths whose product is not 0. */
  readonly pathCount: number;
  /** ∂R/∂θ' by parameter name: weights and batch-normalisation scales. */
  readonly gradients: ReadonlyMap<string, Float64Array>;
}

/** A step of a path into an element: from an element of an input value, over at most one parameter. */
interface Strand {
  readonly node: number;
  readonly element: number;
  readonly factor: number;
  readonly parameter?: { readonly name: string; readonly index: number };
}

export function elementPathSums(graph: OracleGraph, parameters: Parameters, power: 1 | 2): ElementPathSums {
  const shapes = shapesOf(graph);
  const theta = (name: string, index: number) => Math.abs(parameters.get(name)![index]!) ** power;
  const productOf = ({ factor, parameter }: Strand) =>
    factor * (parameter === undefined ? 1 : theta(parameter.name, parameter.index));
  const values: number[][] = [];
  const strands: Strand[][][] = [];
  for (const [index, node] of graph.nodes.entries()) {
    const size = sizeOf(shapes[index]!);
    strands.push(
      Array.from({ length: size }, (_, element) =>
        strandsInto(graph, { shapes, parameters, values, power }, index, element),
      ),
    );
    values.push(
      strands[index]!.map((into) =>
        node.op.kind === "input"
          ? 1
          : into.reduce((sum, strand) => sum + productOf(strand) * values[strand.node]![strand.element]!, 0),
      ),
    );
  }

  let [sum, pathCount] = [0, 0];
  const gradients = new Map<string, Float64Array>();
  const onPath: Strand[] = [];
  const follow = (node: number, element: number): void => {
    if (graph.nodes[node]!.op.kind === "input") {
      const products = onPath.map(productOf);
      const product = products.reduce((a, b) => a * b, 1);
      sum += product;
      if (product !== 0) pathCount++;
      for (const [at, { parameter, factor }] of onPath.entries()) {
        if (parameter === undefined) continue;
        const others = products.reduce((a, b, k) => (k === at ? a : a * b), factor);
        if (!gradients.has(parameter.name))
          gradients.set(parameter.name, new Float64Array(parameters.get(parameter.name)!.length));
        gradients.get(parameter.name)![parameter.index]! += others;
      }
      return;
    }
    for (const strand of strands[node]![element]!) {
      onPath.push(strand);
      follow(strand.node, strand.element);
      onPath.pop();
    }
  };
  for (let element = 0; element < sizeOf(shapes[graph.output]!); element++) follow(graph.output, element);
  return { sum, pathCount, gradients };
}

/** An element of a node's value, and what is needed to list the steps into it. */
interface Place {
  readonly inputs: readonly number[];
  /** The first input. */
  readonly input: number;
  readonly shape: readonly number[];
  /** Shapes of all nodes' values. */
  readonly shapes: readonly (readonly number[])[];
  readonly parameters: Parameters;
  readonly values: readonly (readonly number[])[];
  readonly power: 1 | 2;
  readonly element: number;
  /** Elements of a unit. */
  readonly plane: number;
  readonly unit: number;
}

function strandsInto(
  graph: OracleGraph,
  given: Pick<Place, "shapes" | "parameters" | "values" | "power">,
  index: number,
  element: number,
): Strand[] {
  const { op, inputs } = graph.nodes[index]!;
  const [input] = inputs as [number];
  if (isElementwise(op)) return [{ node: input, element, factor: pathFactor(op) }];
  const shape = given.shapes[index]!;
  const plane = sizeOf(shape) / shape[0]!;
  const unit = Math.floor(element / plane);
  const place: Place = { ...given, inputs, input, shape, element, plane, unit };
  return WAYS[op.kind](op as never, place);
}

type Computed = Exclude<OracleOp, ElementwiseOp>;
type OpOf<K extends Computed["kind"]> = Extract<Computed, { kind: K }>;

const unchanged = (_: unknown, { input, element }: Place): Strand[] => [{ node: input, element, factor: 1 }];

/** The steps into an element, by the operation that outputs it. */
const WAYS: { readonly [K in Computed["kind"]]: (op: OpOf<K>, place: Place) => Strand[] } = {
  input: () => [],
  flatten: unchanged,
  dropout: unchanged,
  identity: unchanged,
  dense: (op, { input, shapes, element, plane, unit }) => {
    const inCount = shapes[input]![0]!;
    return Array.from({ length: inCount }, (_, i) => ({
      node: input,
      element: i * plane + (element % plane),
      factor: 1,
      parameter: { name: op.weight, index: unit * inCount + i },
    }));
  },
  learned: () => [],
  layerNorm: ({ scale }, { input, element, unit }) => [
    {
      node: input,
      element,
      factor: 1,
      ...(scale !== undefined && { parameter: { name: scale, index: unit } }),
    },
  ],
  affine: ({ of, scale }, { input, element, unit }) => {
    const index = of === "units" ? unit : element;
    return [
      { node: input, element, factor: 1, ...(scale !== undefined && { parameter: { name: scale, index } }) },
    ];
  },
  conv2d: (op, { input, shape, shapes, element, unit }) => {
    const [inCount, height, width] = shapes[input] as [number, number, number];
    const inPerGroup = inCount / op.groups;
    const firstChannel = Math.floor(unit / (op.outChannels / op.groups)) * inPerGroup;
    const taps = op.kernel[0] * op.kernel[1];
    return Array.from({ length: inPerGroup }, (_, i) =>
      windowOf(op, shapes[input]!, shape, element).map(({ tap, position }) => ({
        node: input,
        element: (firstChannel + i) * height * width + position,
        factor: 1,
        parameter: { name: op.weight, index: (unit * inPerGroup + i) * taps + tap },
      })),
    ).flat();
  },
  conv3d: (op, { input, shape, shapes, element, unit, plane }) => {
    const [inCount, ...lengths] = shapes[input] as [number, ...number[]];
    const inPerGroup = inCount / op.groups;
    const firstChannel = Math.floor(unit / (op.outChannels / op.groups)) * inPerGroup;
    return Array.from({ length: inPerGroup }, (_, i) =>
      volumeTaps(op, lengths, shape.slice(1), element % plane).map(({ tap, position }) => ({
        node: input,
        element: (firstChannel + i) * sizeOf(lengths) + position,
        factor: 1,
        parameter: { name: op.weight, index: (unit * inPerGroup + i) * sizeOf(op.kernel) + tap },
      })),
    ).flat();
  },
  maxOver: (op, { input, shape, shapes, values, element, unit, plane }) => {
    const lengths = shapes[input]!.slice(1);
    const inside = termsOf(op.axes, lengths, shape.slice(1), element % plane).map(
      ({ position }) => unit * sizeOf(lengths) + position,
    );
    const most = Math.max(...inside.map((at) => values[input]![at]!));
    return [{ node: input, element: inside.find((at) => values[input]![at] === most)!, factor: 1 }];
  },
  batchNorm: (op, { input, parameters, power, element, unit }) => {
    const factor = (1 / Math.sqrt(parameters.get(op.variance)![unit]! + op.epsilon)) ** power;
    return [{ node: input, element, factor, parameter: { name: op.scale, index: unit } }];
  },
  maxPool2d: (op, { input, shape, shapes, values, element, unit }) => {
    const [, height, width] = shapes[input] as [number, number, number];
    const inside = windowOf(op, shapes[input]!, shape, element).map(
      ({ position }) => unit * height * width + position,
    );
    const greatest = Math.max(...inside.map((at) => values[input]![at]!));
    return [{ node: input, element: inside.find((at) => values[input]![at] === greatest)!, factor: 1 }];
  },
  averagePool2d: (op, { input, shape, shapes, element, unit }) => {
    const [, height, width] = shapes[input] as [number, number, number];
    const inside = windowOf(op, shapes[input]!, shape, element);
    const unpadded = { ...op, padding: [0, 0, 0, 0] } as const;
    const padded = windowOf(unpadded, withPadding(op, shapes[input]!), shape, element);
    const factor = 1 / (op.countPadding ? padded : inside).length;
    return inside.map(({ position }) => ({
      node: input,
      element: unit * height * width + position,
      factor,
    }));
  },
  globalAveragePool: (_, { input, shape, shapes, element }) => {
    const size = sizeOf(shapes[input]!) / shape[0]!;
    return Array.from({ length: size }, (_, k) => ({
      node: input,
      element: element * size + k,
      factor: 1 / size,
    }));
  },
  add: (_, { inputs, element }) => inputs.map((node) => ({ node, element, factor: 1 })),
  multiply: (_, { inputs, shape, shapes, element }) =>
    inputs.map((node) => ({ node, element: meeting(element, shape, shapes[node]!), factor: 1 })),
  concat: (_, { inputs, shapes, element }) => {
    let slot = 0;
    let rest = element;
    while (rest >= sizeOf(shapes[inputs[slot]!]!)) rest -= sizeOf(shapes[inputs[slot++]!]!);
    return [{ node: inputs[slot]!, element: rest, factor: 1 }];
  },
  rearrange: (op, { input, element }) => [{ node: input, element: elementBehind(op, element), factor: 1 }],
  resample: (op, { input, shape, shapes, element, unit, plane }) => {
    const lengths = shapes[input]!.slice(1);
    return termsOf(op.axes, lengths, shape.slice(1), element % plane).map(({ position, factor }) => ({
      node: input,
      element: unit * sizeOf(lengths) + position,
      factor,
    }));
  },
  attention: (op, { inputs, shapes, element, plane, unit, shape }) => {
    const [queries, keys, values] = inputs as [number, number, number];
    const [tokens, keyCount] = [shape.at(-1)!, shapes[values]!.at(-1)!];
    const position = element % plane;
    const head = Math.floor(unit / (shape[0]! / op.heads));
    const window = Math.floor(position / tokens);
    const depth = shapes[queries]![0]! / op.heads;
    const own = Array.from({ length: depth }, (_, c) => head * depth + c);
    const keyPlane = sizeOf(shapes[values]!.slice(1));
    const weights = softmax(
      Array.from({ length: keyCount }, (_, key) => maskOf(op, head, window, position % tokens, key)),
    );
    const byKey = (node: number, c: number) =>
      weights.map((factor, key) => ({ node, element: c * keyPlane + window * keyCount + key, factor }));
    return [
      ...own.map((c) => ({ node: queries, element: c * plane + position, factor: 1 })),
      ...own.flatMap((c) => byKey(keys, c)),
      ...byKey(values, unit),
    ];
  },
  select: (op, { input, element, plane, unit }) =>
    op.index[unit]! < 0
      ? []
      : [{ node: input, element: op.index[unit]! * plane + (element % plane), factor: 1 }],
  opaque: (op, { inputs, shapes, element, plane, unit }) =>
    inputs.flatMap((node) => {
      const size = sizeOf(shapes[node]!);
      const all = (first: number, length: number) =>
        Array.from({ length }, (_, k) => ({ node, element: first + k, factor: 1 / length }));
      if (!op.carries) return all(0, size);
      const own = size / shapes[node]![0]!;
      const first = shapes[node]![0] === 1 ? 0 : unit * own;
      return own === plane ? [{ node, element: first + (element % plane), factor: 1 }] : all(first, own);
    }),
};

type Windowed = Exclude<Extract<OracleOp, { kernel: unknown }>, { kind: "conv3d" }>;

/** The positions (row · width + column) of one plane that an output element's window covers, with the tap of each. */
function windowOf(
  op: Windowed,
  inputShape: readonly number[],
  shape: readonly number[],
  element: number,
): { tap: number; position: number }[] {
  const [, height, width] = inputShape as [number, number, number];
  const [, outHeight, outWidth] = shape as [number, number, number];
  const p = Math.floor(element / outWidth) % outHeight;
  const q = element % outWidth;
  const covered: { tap: number; position: number }[] = [];
  for (let r = 0; r < op.kernel[0]; r++) {
    for (let s = 0; s < op.kernel[1]; s++) {
      const row = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
      const column = q * op.stride[1] - op.padding[1] + s * op.dilation[1];
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      covered.push({ tap: r * op.kernel[1] + s, position: row * width + column });
    }
  }
  return covered;
}

function withPadding(op: Windowed, shape: readonly number[]): number[] {
  return [shape[0]!, shape[1]! + op.padding[0] + op.padding[2], shape[2]! + op.padding[1] + op.padding[3]];
}
