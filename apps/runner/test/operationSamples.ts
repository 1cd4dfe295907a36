/**
 * Small networks with every operation of the registry, and random numbers for them: everyOperation.test.ts and
 * operationPaths.test.ts test each. An operation that is added is a type error here until it has its sample.
 */
import {
  type AxisTerms,
  elementCount,
  GATE_COUNTS,
  type Network,
  type NetworkBuilder,
  type Operation,
  paddedAxis,
  placesTaken,
  type Recurrent,
  spreadAxis,
  type Value,
  type Weights,
  windowTerms,
} from "@phew/core";
import { type OracleGraph, randomFrom } from "../../../packages/oracle/src/index.ts";

export type Kind = Operation["kind"];
export type Build = (b: NetworkBuilder, x: Value) => Value;

/** What is known not to work, or otherwise than for most operations. */
type Limit =
  /** A silent unit of its input stays: a bias behind it holds it, or a unit beside it. */
  | "keeps its input's units"
  /** Layers of TensorFlow.js cannot express it. */
  | "not in TensorFlow.js"
  /** ONNX has no operation of its own for it: several are written, which are not read as it again. */
  | "not read from ONNX";

interface Sample {
  readonly build: Build;
  readonly limits: readonly Limit[];
}

const limited = (build: Build, ...limits: Limit[]): Sample => ({ build, limits });

const window = { kernel: [2, 2], stride: [2, 1], padding: [1, 0, 0, 1], dilation: [1, 1] } as const;

/** Each position twice, the second time halfway to the next. */
const halves = (length: number): AxisTerms => ({
  from: length,
  places: Array.from({ length: 2 * length - 1 }, (_, p) =>
    p % 2 === 0
      ? [[p / 2, 1]]
      : [
          [(p - 1) / 2, 0.5],
          [(p + 1) / 2, 0.5],
        ],
  ),
});

/** A network's input of `channels` for a sample: an image, or a volume. */
export const inputFor = (kind: Kind, channels: number): readonly number[] =>
  kind === "conv3d" ? [channels, 2, 4, 3] : [channels, 4, 4];

/** The first convolution, to 4 channels, over an input of that form. @param kernel 1 or 3, which keeps the size */
export function firstConvolution(b: NetworkBuilder, kind: Kind, kernel: 1 | 3): Value {
  const padding = kernel === 3 ? 1 : 0;
  if (kind !== "conv3d") return b.conv2d("first", b.input, { outChannels: 4, kernel, padding });
  const op = {
    ...VOLUME,
    kind: "conv3d",
    weight: "first.weight",
    bias: "first.bias",
    outChannels: 4,
    groups: 1,
  } as const;
  return b.node("first", { ...op, kernel: [kernel, kernel, kernel], padding: alike(padding) }, b.input);
}

const alike = (n: number) => [n, n, n, n, n, n] as const;
const VOLUME = { stride: [1, 1, 1], dilation: [1, 1, 1] } as const;
const atoms = (...pairs: (readonly [length: number, stride: number])[]) =>
  pairs.map(([length, stride]) => ({ length, stride }));

/** For each head, 2 queries and 4 keys: some are excluded, of the first head's last query all. */
const MASK = {
  shape: [2, 1, 2, 4],
  values: [
    0.5,
    -1,
    2,
    Number.NEGATIVE_INFINITY,
    ...new Array<number>(4).fill(Number.NEGATIVE_INFINITY),
  ].concat([0, 0, 1, -0.25, 1, -3, Number.NEGATIVE_INFINITY, 0]),
} as const;

/** A recurrent layer of two hidden units over the columns of an image. */
const recurrence = (layer: Pick<Recurrent, "cell" | "isReverse" | "resetsState">): Sample =>
  limited(
    (b, x) => {
      const steps = b.averagePool2d(x, { kernel: [4, 1], stride: 1 });
      const rows = 2 * GATE_COUNTS[layer.cell];
      const op = {
        kind: "recurrent",
        ...layer,
        hiddenWeight: "op.hh.weight",
        hiddenBias: "op.hh.bias",
      } as const;
      const sums = b.dense("op.ih", steps, rows);
      const before = b.node("before", { ...op, state: "before" }, sums);
      const hidden = b.dense("op.hh", before, rows);
      return b.node("op", { ...op, state: "own" }, sums, hidden);
    },
    "not in TensorFlow.js",
    "not read from ONNX",
  );

/** Each on an image of 4 × 4 × 4 or what it makes of one. */
export const SAMPLES: { readonly [K in Kind]: readonly (Build | Sample)[] } = {
  activation: [(b, x) => b.node("op", { kind: "activation", name: "silu", alpha: 1 }, x)],
  add: [
    limited(
      (b, x) => b.add(b.conv2d("other", x, { outChannels: 4, kernel: 1 }), x),
      "keeps its input's units",
    ),
  ],
  attention: [
    // queries, keys and values of one value; rows are windows
    limited(
      (b, x) => b.node("op", { kind: "attention", heads: 2, scale: 1.5 }, x, x, x),
      "keeps its input's units",
      "not in TensorFlow.js",
    ),
    limited((b, x) => {
      const tokens = (name: string, from: Value, units: number) =>
        b.conv2d(name, from, { outChannels: units, kernel: 1 });
      const op = { kind: "attention", heads: 2, scale: 0.75, mask: MASK } as const;
      const fewer = b.averagePool2d(x, { kernel: [1, 2], stride: [1, 2] });
      return b.node("op", op, tokens("q", fewer, 4), tokens("k", x, 4), tokens("v", x, 2));
    }, "not in TensorFlow.js"),
  ],
  affine: [
    limited(
      (b, x) => b.node("op", { kind: "affine", of: "units", scale: "op.weight", shift: "op.bias" }, x),
      "not in TensorFlow.js",
    ),
    limited(
      (b, x) => b.node("op", { kind: "affine", of: "elements", scale: "op.weight", shift: "op.bias" }, x),
      "not in TensorFlow.js",
    ),
    limited(
      (b, x) => b.node("op", { kind: "affine", of: "elements", shift: "op.bias" }, b.flatten(x)),
      "not in TensorFlow.js",
    ),
    limited(
      (b, x) => b.node("op", { kind: "affine", of: "units", scale: "op.weight" }, b.flatten(x)),
      "not in TensorFlow.js",
    ),
    // constants: a unit that is 0 before them is not behind them
    limited(
      (b, x) => b.node("op", { kind: "affine", of: "units", shift: "op.shift", fixed: true }, x),
      "keeps its input's units",
      "not in TensorFlow.js",
    ),
  ],
  averagePool2d: [(b, x) => b.node("op", { kind: "averagePool2d", ...window, countPadding: true }, x)],
  batchNorm: [(b, x) => b.batchNorm("op", x), (b, x) => b.batchNorm("op", b.flatten(x))],
  concat: [(b, x) => b.concat(x, b.conv2d("other", x, { outChannels: 2, kernel: 1 }))],
  conv2d: [
    limited(
      (b, x) => b.conv2d("op", x, { outChannels: 6, kernel: 3, groups: 2, padding: 1 }),
      "keeps its input's units",
      "not in TensorFlow.js",
    ),
    limited(
      (b, x) => b.conv2d("op", x, { outChannels: 4, kernel: 3, groups: 4, stride: 2, padding: 1 }),
      "keeps its input's units",
    ),
    limited(
      (b, x) => {
        const row = b.node(
          "row",
          {
            kind: "resample",
            name: "slice",
            axes: [placesTaken(4, [1]), placesTaken(4, [0, 1, 2, 3])],
            fill: 0,
          },
          x,
        );
        const window = { kernel: [1, 3], stride: [1, 2], padding: [0, 1, 0, 2], dilation: [1, 1] } as const;
        const names = { weight: "op.weight", bias: "op.bias" };
        return b.node(
          "op",
          { kind: "conv2d", ...names, outChannels: 6, groups: 2, isSequence: true, ...window },
          row,
        );
      },
      "keeps its input's units",
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
  ],
  conv3d: [
    limited(
      (b, x) =>
        b.node(
          "op",
          {
            ...VOLUME,
            kind: "conv3d",
            weight: "op.weight",
            bias: "op.bias",
            outChannels: 6,
            groups: 2,
            kernel: [2, 3, 2],
            padding: [1, 0, 1, 0, 1, 0],
            stride: [1, 2, 1],
          },
          x,
        ),
      "keeps its input's units",
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    limited(
      (b, x) =>
        b.node(
          "op",
          {
            kind: "conv3d",
            weight: "op.weight",
            outChannels: 3,
            groups: 1,
            kernel: [2, 2, 3],
            padding: [1, 2, 1, 1, 0, 1],
            stride: [2, 1, 2],
            dilation: [2, 3, 1],
          },
          x,
        ),
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
  ],
  dense: [
    (b, x) => b.activation("tanh", b.dense("op", b.flatten(x), 6)),
    // at each place
    (b, x) => b.activation("tanh", b.dense("op", x, 3)),
  ],
  dropout: [(b, x) => b.dropout(0, x)],
  flatten: [(b, x) => b.flatten(x)],
  globalAveragePool: [(b, x) => b.globalAveragePool(x)],
  identity: [(b, x) => b.node("op", { kind: "identity" }, x)],
  input: [(_b, x) => x],
  maxOver: [
    limited(
      (b, x) => {
        const window = { length: 4, kernel: 3, stride: 2, dilation: 1, before: 1, after: 1 };
        const axes = [
          windowTerms(window, 2, () => 1),
          windowTerms({ ...window, kernel: 2, before: 0 }, 2, () => 1),
        ];
        return b.node("op", { kind: "maxOver", axes }, x);
      },
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
  ],
  layerNorm: [
    limited((b, x) => b.layerNorm("op", x), "keeps its input's units"),
    limited((b, x) => b.layerNorm("op", b.flatten(x)), "keeps its input's units"),
    limited(
      (b, x) => b.layerNorm("op", x, { centred: false }),
      "keeps its input's units",
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    limited(
      (b, x) => b.layerNorm("op", x, { groups: 2, eachPlace: false }),
      "keeps its input's units",
      "not in TensorFlow.js",
    ),
    limited((b, x) => b.layerNorm("op", x, { groups: "units", eachPlace: false }), "not in TensorFlow.js"),
    limited(
      (b, x) => b.layerNorm("op", x, { eachPlace: false, affine: false }),
      "keeps its input's units",
      "not in TensorFlow.js",
    ),
  ],
  learned: [
    limited(
      (b, x) => b.concat(x, b.node("op", { kind: "learned", value: "op.token", shape: [2, 4, 4] }, x)),
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    limited(
      (b, x) => b.concat(b.node("op", { kind: "learned", value: "op.token", shape: [3] }, x), b.flatten(x)),
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
  ],
  maxPool2d: [(b, x) => b.maxPool2d(x, { kernel: 3, stride: 2 })],
  multiply: [
    (b, x) => b.node("op", { kind: "multiply" }, b.conv2d("other", x, { outChannels: 4, kernel: 1 }), x),
    // a gate of channels, from features and from an image of one place
    (b, x) => b.node("op", { kind: "multiply" }, x, b.dense("gate", b.globalAveragePool(x), 4)),
    (b, x) => {
      const squeezed = b.averagePool2d(x, { kernel: 4 });
      return b.node("op", { kind: "multiply" }, b.conv2d("gate", squeezed, { outChannels: 4, kernel: 1 }), x);
    },
    // a gate of places, and one unit that multiplies itself
    (b, x) => b.node("op", { kind: "multiply" }, x, b.conv2d("gate", x, { outChannels: 1, kernel: 1 })),
    (b, x) => b.node("op", { kind: "multiply" }, x, x),
    // a column and a row
    (b, x) => {
      const row = b.averagePool2d(x, { kernel: [4, 1], stride: 1 });
      return b.node("op", { kind: "multiply" }, b.averagePool2d(x, { kernel: [1, 4], stride: 1 }), row);
    },
  ],
  opaque: [
    (b, x) =>
      b.node(
        "op",
        { kind: "opaque", operation: "Sin", shape: [4, 4, 4], carries: "elements", keepsZero: true },
        x,
      ),
    limited(
      (b, x) => b.node("op", { kind: "opaque", operation: "Softmax", shape: [4, 4, 4] }, x),
      "keeps its input's units",
    ),
  ],
  prelu: [
    (b, x) => b.node("op", { kind: "prelu", slope: "op.weight", shared: false }, x),
    (b, x) => b.node("op", { kind: "prelu", slope: "op.weight", shared: true }, x),
    (b, x) => b.node("op", { kind: "prelu", slope: "op.weight", shared: false }, b.flatten(x)),
  ],
  rearrange: [
    // pixel shuffle
    limited(
      (b, x) =>
        b.node(
          "op",
          { kind: "rearrange", shape: [1, 8, 8], offset: 0, atoms: atoms([4, 4], [2, 32], [4, 1], [2, 16]) },
          x,
        ),
      "keeps its input's units",
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    // patches of 2 × 2 as channels, and every second position, from the last
    limited(
      (b, x) =>
        b.node(
          "op",
          {
            kind: "rearrange",
            shape: [16, 2, 2],
            offset: 0,
            atoms: atoms([2, 1], [2, 4], [4, 16], [2, 8], [2, 2]),
          },
          x,
        ),
      "keeps its input's units",
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    limited(
      (b, x) =>
        b.node(
          "op",
          { kind: "rearrange", shape: [4, 2, 2], offset: 15, atoms: atoms([4, 16], [2, -8], [2, -2]) },
          x,
        ),
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    // each element twice, units and positions exchanged
    limited(
      (b, x) =>
        b.node(
          "op",
          { kind: "rearrange", shape: [16, 2, 4], offset: 0, atoms: atoms([16, 1], [2, 0], [4, 16]) },
          x,
        ),
      "keeps its input's units",
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
  ],
  recurrent: [
    recurrence({ cell: "lstm", isReverse: false }),
    recurrence({ cell: "gru", isReverse: true }),
    recurrence({ cell: "gru", isReverse: false, resetsState: true }),
    recurrence({ cell: "tanh", isReverse: true }),
  ],
  resample: [
    limited(
      (b, x) => b.node("op", { kind: "resample", name: "resize", axes: [halves(4), halves(4)], fill: 0 }, x),
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    limited(
      (b, x) =>
        b.node(
          "op",
          {
            kind: "resample",
            name: "spread",
            axes: [spreadAxis(4, 2, [0, 1]), spreadAxis(4, 3, [1, 0])],
            fill: 0,
          },
          x,
        ),
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
    limited(
      (b, x) =>
        b.node(
          "op",
          {
            kind: "resample",
            name: "pad",
            axes: [paddedAxis(4, 1, -1, "constant"), paddedAxis(4, 2, 1, "reflect")],
            fill: 0.75,
          },
          x,
        ),
      "keeps its input's units",
      "not in TensorFlow.js",
      "not read from ONNX",
    ),
  ],
  select: [
    limited((b, x) => b.node("op", { kind: "select", index: [2, 0, 2, 3] }, x), "not in TensorFlow.js"),
    limited(
      (b, x) => b.node("op", { kind: "select", index: [-1, -1, 0, 1, 2, 3, -1] }, x),
      "keeps its input's units",
      "not in TensorFlow.js",
    ),
  ],
};

/** A network of each sample, by the name of its operation and the number of the sample. */
export function networksWith(make: (build: Build, kind: Kind) => Network) {
  return (Object.entries(SAMPLES) as [Kind, readonly (Build | Sample)[]][]).flatMap(([kind, samples]) =>
    samples.map((sample, k) => {
      const { build, limits } = typeof sample === "function" ? limited(sample) : sample;
      const name = k === 0 ? kind : `${kind}, ${k + 1}`;
      return { name, kind, limits, network: make(build, kind) };
    }),
  );
}

export function randomWeights(network: Network, seed: number): Weights {
  const random = randomFrom(seed);
  return new Map(
    network.parameters.map(({ name, shape, least }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () =>
        least === undefined ? 1.4 * (random() - 0.5) : least + 0.5 + random(),
      ),
    ]),
  );
}

export const oracleGraph = ({ nodes, output }: Network): OracleGraph => ({
  nodes: nodes.map(({ name, op, inputs }) => ({ name, op, inputs })),
  output,
});
