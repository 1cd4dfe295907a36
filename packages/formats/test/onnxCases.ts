/** Small models, one for each thing exporters write, and what they must become. */
import type { Operation } from "@phew/core";
import { type File, type FileNode, type Tensor, tensor } from "./onnxFile.ts";

export interface OnnxCase {
  readonly name: string;
  readonly file: File;
  /** Kinds of the network's nodes (an activation's own name) behind the input and the first layer. */
  readonly becomes: readonly string[];
  /** False where onnxruntime is no judge (it lacks the operation or the opset). */
  readonly runs?: boolean;
}

/** `conv` on x (3×8×8, 6 channels, biased) → body from "c" to "b" → global mean → dense to y. */
function wrapped(body: readonly FileNode[], options: Partial<File> = {}, channels = 6): File {
  const { tensors, nodes, ...rest } = options;
  return {
    ...rest,
    nodes: [
      ...(nodes ?? []),
      { op: "Conv", in: ["x", "conv.weight", "conv.bias"], out: ["c"], attributes: { pads: [1, 1, 1, 1] } },
      ...body,
      { op: "GlobalAveragePool", in: ["b"], out: ["g"] },
      { op: "Flatten", in: ["g"], out: ["f"] },
      { op: "Gemm", in: ["f", "fc.weight", "fc.bias"], out: ["y"], attributes: { transB: 1 } },
    ],
    tensors: {
      "conv.weight": tensor([6, 3, 3, 3], 1),
      "conv.bias": tensor([6], 2),
      "fc.weight": tensor([2, channels], 3),
      "fc.bias": tensor([2], 4),
      ...tensors,
    },
  };
}

export const numbers = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  dims,
  values,
});
export const ints = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor => ({
  dims,
  values,
  type: "int64",
});
const scalar = (value: number) => numbers([value], []);
const constant = (name: string, value: Tensor): FileNode => ({
  op: "Constant",
  in: [],
  out: [name],
  attributes: { value: { tensor: value } },
});

/** A recurrent layer of one direction: weights of the input, the state before a step, weights of it, the state. */
const DIRECTION = ["dense", "recurrent", "dense", "recurrent"];

const body = (
  name: string,
  becomes: readonly string[],
  nodes: readonly FileNode[],
  options: Partial<File> = {},
  channels = 6,
): OnnxCase => ({
  name,
  becomes: [...becomes, "globalAveragePool", "dense"],
  file: wrapped(nodes, options, channels),
});

const one = (
  op: string,
  attributes: FileNode["attributes"] = {},
  more: readonly string[] = [],
): FileNode => ({
  op,
  in: ["c", ...more],
  out: ["b"],
  attributes,
});

const activations: OnnxCase[] = [
  body("Relu", ["relu"], [one("Relu")]),
  body("LeakyRelu", ["leakyRelu"], [one("LeakyRelu", { alpha: { float: 0.2 } })]),
  body("Sigmoid", ["sigmoid"], [one("Sigmoid")]),
  body("Tanh", ["tanh"], [one("Tanh")]),
  body("Elu", ["elu"], [one("Elu", { alpha: { float: 0.7 } })]),
  body("Celu of alpha 1", ["elu"], [one("Celu")]),
  body("Softplus", ["softplus"], [one("Softplus")]),
  body(
    "HardSigmoid of PyTorch",
    ["hardSigmoid"],
    [one("HardSigmoid", { alpha: { float: 1 / 6 }, beta: { float: 0.5 } })],
  ),
  body("HardSwish, the operation", ["hardSwish"], [one("HardSwish")], { opset: 14 }),
  body("Gelu, the operation", ["gelu"], [one("Gelu")], { opset: 20 }),
  body("Selu", ["selu"], [one("Selu")]),
  body("Softsign", ["softsign"], [one("Softsign")]),
  body("Mish", ["mish"], [one("Mish")], { opset: 18 }),
  body("ThresholdedRelu", ["thresholdedRelu"], [one("ThresholdedRelu", { alpha: { float: 0.3 } })]),
  body("Celu of another alpha", ["celu"], [one("Celu", { alpha: { float: 0.6 } })]),
  body("Gelu by tanh, the operation", ["geluTanh"], [one("Gelu", { approximate: "tanh" })], { opset: 20 }),
  body("HardSigmoid of ONNX's own slope", ["hardSigmoid"], [one("HardSigmoid")]),
  body("Clip as hard tanh", ["clip"], [one("Clip", {}, ["lo", "hi"])], {
    tensors: { lo: scalar(-1), hi: scalar(0.5) },
  }),
  body("Clip from below 0 on", ["clip"], [one("Clip", {}, ["lo"])], { tensors: { lo: scalar(-0.25) } }),
  body(
    "x · tanh(softplus(x)), as mish is exported",
    ["mish"],
    [
      { op: "Softplus", in: ["c"], out: ["s"] },
      { op: "Tanh", in: ["s"], out: ["t"] },
      { op: "Mul", in: ["c", "t"], out: ["b"] },
    ],
  ),
  body(
    "softplus above a threshold, as PyTorch's newer exporter writes it",
    ["softplus"],
    [
      { op: "Softplus", in: ["c"], out: ["s"] },
      { op: "Greater", in: ["c", "twenty"], out: ["far"] },
      { op: "Where", in: ["far", "c", "s"], out: ["b"] },
    ],
    { tensors: { twenty: scalar(20) } },
  ),
  body(
    "softplus of another slope, and its threshold",
    ["softplus"],
    [
      { op: "Mul", in: ["c", "two"], out: ["d"] },
      { op: "Softplus", in: ["d"], out: ["s"] },
      { op: "Div", in: ["s", "two"], out: ["e"] },
      { op: "Greater", in: ["d", "twenty"], out: ["far"] },
      { op: "Where", in: ["far", "c", "e"], out: ["b"] },
    ],
    { tensors: { twenty: scalar(20), two: scalar(2) } },
  ),
  body(
    "softplus of one slope, one type and a threshold, as PyTorch's newer exporter writes it where it leaves all as it is",
    ["softplus"],
    [
      { op: "CastLike", in: ["one", "c"], out: ["slope"] },
      { op: "Mul", in: ["c", "slope"], out: ["d"] },
      { op: "Softplus", in: ["d"], out: ["s"] },
      { op: "CastLike", in: ["one", "s"], out: ["slope2"] },
      { op: "Div", in: ["s", "slope2"], out: ["e"] },
      { op: "CastLike", in: ["twenty", "d"], out: ["limit"] },
      { op: "Greater", in: ["d", "limit"], out: ["far"] },
      { op: "Where", in: ["far", "c", "e"], out: ["b"] },
    ],
    { tensors: { twenty: scalar(20), one: scalar(1) }, opset: 18 },
  ),
  body(
    "mish of a softplus whose type is read, too",
    ["mish"],
    [
      { op: "Softplus", in: ["c"], out: ["s"] },
      { op: "CastLike", in: ["one", "s"], out: ["factor"] },
      { op: "Mul", in: ["s", "factor"], out: ["t"] },
      { op: "Tanh", in: ["t"], out: ["u"] },
      { op: "Mul", in: ["c", "u"], out: ["b"] },
    ],
    { tensors: { one: scalar(1) }, opset: 18 },
  ),
  body(
    "a choice between a value and its own Elu",
    ["elu"],
    [
      { op: "Elu", in: ["c"], out: ["s"] },
      { op: "Greater", in: ["c", "zero"], out: ["far"] },
      { op: "Where", in: ["far", "c", "s"], out: ["b"] },
    ],
    { tensors: { zero: scalar(0) } },
  ),
  body(
    "gelu by tanh, written out",
    ["geluTanh"],
    [
      { op: "Pow", in: ["c", "three"], out: ["p"] },
      { op: "Mul", in: ["p", "small"], out: ["q"] },
      { op: "Add", in: ["c", "q"], out: ["r"] },
      { op: "Mul", in: ["r", "root"], out: ["s"] },
      { op: "Tanh", in: ["s"], out: ["t"] },
      { op: "Add", in: ["t", "one"], out: ["u"] },
      { op: "Mul", in: ["c", "u"], out: ["v"] },
      { op: "Mul", in: ["v", "half"], out: ["b"] },
    ],
    {
      tensors: {
        three: scalar(3),
        small: scalar(0.044715),
        root: scalar(Math.sqrt(2 / Math.PI)),
        one: scalar(1),
        half: scalar(0.5),
      },
    },
  ),
  body(
    "x · sigmoid(1.702 · x), the quick gelu",
    ["silu"],
    [
      { op: "Mul", in: ["c", "rate"], out: ["d"] },
      { op: "Sigmoid", in: ["d"], out: ["s"] },
      { op: "Mul", in: ["c", "s"], out: ["b"] },
    ],
    { tensors: { rate: scalar(1.702) } },
  ),
  body("selu written out", ["selu"], selu(), {
    tensors: { zero: scalar(0), alpha: scalar(1.6732632), gamma: scalar(1.050701), one: scalar(1) },
  }),
  body(
    "one activation behind the other",
    ["sigmoid", "tanh"],
    [
      { op: "Sigmoid", in: ["c"], out: ["s"] },
      { op: "Tanh", in: ["s"], out: ["b"] },
    ],
  ),
  body(
    "a scaled value that two nodes read, folded once",
    ["relu", "sigmoid", "add"],
    [
      { op: "Mul", in: ["c", "two"], out: ["d"] },
      { op: "Relu", in: ["d"], out: ["r"] },
      { op: "Sigmoid", in: ["d"], out: ["s"] },
      { op: "Add", in: ["r", "s"], out: ["b"] },
    ],
    { tensors: { two: scalar(2) } },
  ),
  body(
    "a number times a value, and one added, where no layer can take them up",
    ["relu", "linear", "tanh"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Mul", in: ["r", "minus"], out: ["m"] },
      { op: "Add", in: ["m", "half"], out: ["n"] },
      { op: "Tanh", in: ["n"], out: ["b"] },
    ],
    { tensors: { minus: scalar(-1.5), half: scalar(0.5) } },
  ),
  body("PRelu with a slope for each unit", ["prelu"], [one("PRelu", {}, ["slope"])], {
    tensors: { slope: numbers([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [6, 1, 1]) },
  }),
  body(
    "functions of each element that are not computed",
    ["opaque", "maxPool2d", "tanh", "affine"],
    [
      ...[
        "Sin",
        "Cos",
        "Tan",
        "Asin",
        "Acos",
        "Atan",
        "Sinh",
        "Cosh",
        "Asinh",
        "Acosh",
        "Sign",
        "Shrink",
      ].map((op, k) => ({ op, in: [k === 0 ? "c" : `e${k - 1}`], out: [`e${k}`] })),
      { op: "Atanh", in: ["e11"], out: ["f0"] },
      { op: "Round", in: ["f0"], out: ["f1"] },
      { op: "MaxPool", in: ["f1"], out: ["f2"], attributes: { kernel_shape: [1, 1] } },
      { op: "Tanh", in: ["f2"], out: ["f3"] },
      { op: "Add", in: ["f3", "shift"], out: ["b"] },
    ],
    { tensors: { shift: numbers([1, 2, 3, 4, 5, 6], [6, 1, 1]) } },
  ),
  body("PRelu with one slope for all", ["prelu"], [one("PRelu", {}, ["slope"])], {
    tensors: { slope: numbers([0.25], [1, 1, 1]) },
  }),
  body("PRelu with equal slopes", ["prelu"], [one("PRelu", {}, ["slope"])], {
    tensors: { slope: numbers(new Array(6).fill(0.25), [6, 1, 1]) },
  }),
  body("PRelu with a slope for every place", ["opaque"], [one("PRelu", {}, ["slope"])], {
    tensors: {
      slope: numbers(
        Array.from({ length: 384 }, (_, k) => k / 384),
        [6, 8, 8],
      ),
    },
  }),
  body("PRelu with equal slopes for every place", ["leakyRelu"], [one("PRelu", {}, ["slope"])], {
    tensors: { slope: numbers(new Array(384).fill(0.25), [6, 8, 8]) },
  }),
  body(
    "Clip without a lower bound, as minimum of a ReLU",
    ["relu6"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Clip", in: ["r", "", "six"], out: ["b"] },
    ],
    { tensors: { six: scalar(6) } },
  ),
  body(
    "Clip as ReLU6, bounds as attributes",
    ["relu6"],
    [one("Clip", { min: { float: 0 }, max: { float: 6 } })],
    { opset: 9 },
  ),
  body("Clip as ReLU6, bounds as initializers", ["relu6"], [one("Clip", {}, ["lo", "hi"])], {
    tensors: { lo: scalar(0), hi: scalar(6) },
  }),
  body(
    "Clip as ReLU6, bounds as constant nodes",
    ["relu6"],
    [constant("lo", scalar(0)), constant("hi", scalar(6)), one("Clip", {}, ["lo", "hi"])],
  ),
  body("Clip as ReLU, upper bound left out", ["relu"], [one("Clip", {}, ["lo"])], {
    tensors: { lo: scalar(0) },
  }),
  body(
    "Clip as ReLU, the largest float as bound",
    ["relu"],
    [one("Clip", { min: { float: 0 }, max: { float: 3.4028234663852886e38 } })],
    { opset: 9 },
  ),
  body("Max with 0 as ReLU", ["relu"], [one("Max", {}, ["zero"])], { tensors: { zero: scalar(0) } }),
  body(
    "Min and Max as ReLU6, constants first",
    ["relu6"],
    [
      { op: "Min", in: ["six", "c"], out: ["m"] },
      { op: "Max", in: ["zero", "m"], out: ["b"] },
    ],
    { tensors: { zero: scalar(0), six: scalar(6) } },
  ),
  body(
    "Relu and Min as ReLU6",
    ["relu6"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Min", in: ["r", "six"], out: ["b"] },
    ],
    { tensors: { six: scalar(6) } },
  ),
  body(
    "softplus as log(1 + exp(x))",
    ["softplus"],
    [
      { op: "Exp", in: ["c"], out: ["e"] },
      { op: "Add", in: ["e", "one"], out: ["p"] },
      { op: "Log", in: ["p"], out: ["b"] },
    ],
    { tensors: { one: scalar(1) } },
  ),
  ...hardSwishes(),
  body(
    "SiLU as x · sigmoid(x)",
    ["silu"],
    [
      { op: "Sigmoid", in: ["c"], out: ["s"] },
      { op: "Mul", in: ["c", "s"], out: ["b"] },
    ],
  ),
  body(
    "SiLU, factors exchanged",
    ["silu"],
    [
      { op: "Sigmoid", in: ["c"], out: ["s"] },
      { op: "Mul", in: ["s", "c"], out: ["b"] },
    ],
  ),
  ...gelus(),
];

/** γ · (max(0, x) + min(0, α · (e^x − 1))) */
function selu(): FileNode[] {
  return [
    { op: "Max", in: ["c", "zero"], out: ["m"] },
    { op: "Exp", in: ["c"], out: ["e"] },
    { op: "Sub", in: ["e", "one"], out: ["less"] },
    { op: "Mul", in: ["less", "alpha"], out: ["below"] },
    { op: "Min", in: ["zero", "below"], out: ["n"] },
    { op: "Add", in: ["m", "n"], out: ["s"] },
    { op: "Mul", in: ["s", "gamma"], out: ["b"] },
  ];
}

function hardSwishes(): OnnxCase[] {
  const tensors = { three: scalar(3), six: scalar(6), zero: scalar(0), sixth: scalar(1 / 6) };
  const gate: FileNode[] = [
    { op: "Add", in: ["c", "three"], out: ["a"] },
    { op: "Clip", in: ["a", "zero", "six"], out: ["k"] },
  ];
  return [
    body(
      "HardSwish as x · clip(x + 3, 0, 6) / 6",
      ["hardSwish"],
      [...gate, { op: "Mul", in: ["c", "k"], out: ["m"] }, { op: "Div", in: ["m", "six"], out: ["b"] }],
      { tensors },
    ),
    body(
      "HardSwish as x · (clip(3 + x, 0, 6) / 6)",
      ["hardSwish"],
      [
        { op: "Add", in: ["three", "c"], out: ["a"] },
        { op: "Clip", in: ["a", "zero", "six"], out: ["k"] },
        { op: "Div", in: ["k", "six"], out: ["d"] },
        { op: "Mul", in: ["d", "c"], out: ["b"] },
      ],
      { tensors },
    ),
    body(
      "HardSwish as (x / 6) · clip(x + 3, 0, 6)",
      ["hardSwish"],
      [...gate, { op: "Mul", in: ["c", "sixth"], out: ["m"] }, { op: "Mul", in: ["m", "k"], out: ["b"] }],
      { tensors },
    ),
    body(
      "HardSwish as x · HardSigmoid(x)",
      ["hardSwish"],
      [
        {
          op: "HardSigmoid",
          in: ["c"],
          out: ["h"],
          attributes: { alpha: { float: 1 / 6 }, beta: { float: 0.5 } },
        },
        { op: "Mul", in: ["c", "h"], out: ["b"] },
      ],
    ),
    body(
      "HardSigmoid as clip(x + 3, 0, 6) / 6",
      ["hardSigmoid"],
      [...gate, { op: "Div", in: ["k", "six"], out: ["b"] }],
      { tensors },
    ),
    body(
      "HardSwish with Relu and Min for the clip",
      ["hardSwish"],
      [
        { op: "Add", in: ["c", "three"], out: ["a"] },
        { op: "Relu", in: ["a"], out: ["r"] },
        { op: "Min", in: ["r", "six"], out: ["k"] },
        { op: "Mul", in: ["c", "k"], out: ["m"] },
        { op: "Mul", in: ["m", "sixth"], out: ["b"] },
      ],
      { tensors },
    ),
  ];
}

function gelus(): OnnxCase[] {
  const tensors = { root: scalar(Math.SQRT2), one: scalar(1), half: scalar(0.5) };
  const erf: FileNode[] = [
    { op: "Div", in: ["c", "root"], out: ["d"] },
    { op: "Erf", in: ["d"], out: ["e"] },
    { op: "Add", in: ["e", "one"], out: ["p"] },
  ];
  return [
    body(
      "GELU as (x · (1 + erf(x / √2))) · ½",
      ["gelu"],
      [...erf, { op: "Mul", in: ["c", "p"], out: ["m"] }, { op: "Mul", in: ["m", "half"], out: ["b"] }],
      { tensors },
    ),
    body(
      "GELU as (½ · x) · (1 + erf(x / √2))",
      ["gelu"],
      [...erf, { op: "Mul", in: ["half", "c"], out: ["m"] }, { op: "Mul", in: ["m", "p"], out: ["b"] }],
      { tensors },
    ),
    body(
      "GELU as x · (½ · (1 + erf(x / √2)))",
      ["gelu"],
      [...erf, { op: "Mul", in: ["p", "half"], out: ["m"] }, { op: "Mul", in: ["m", "c"], out: ["b"] }],
      { tensors },
    ),
  ];
}

const bn = (seed: number, channels = 6): Record<string, Tensor> => ({
  [`bn${seed}.weight`]: tensor([channels], seed, {
    values: Float32Array.from({ length: channels }, (_, k) => 0.5 + k / 8),
  }),
  [`bn${seed}.bias`]: tensor([channels], seed + 1),
  [`bn${seed}.mean`]: tensor([channels], seed + 2),
  [`bn${seed}.var`]: tensor([channels], seed, {
    values: Float32Array.from({ length: channels }, (_, k) => 0.75 + k / 4),
  }),
});
const bnNames = (seed: number) => [`bn${seed}.weight`, `bn${seed}.bias`, `bn${seed}.mean`, `bn${seed}.var`];

const layers: OnnxCase[] = [
  body(
    "BatchNormalization",
    ["batchNorm"],
    [one("BatchNormalization", { epsilon: { float: 1e-3 } }, bnNames(10))],
    { tensors: bn(10) },
  ),
  body(
    "a constant per channel times batch normalisation, folded",
    ["batchNorm"],
    [
      { op: "BatchNormalization", in: ["c", ...bnNames(10)], out: ["n"] },
      { op: "Mul", in: ["n", "factor"], out: ["m"] },
      { op: "Add", in: ["shift", "m"], out: ["b"] },
    ],
    { tensors: { ...bn(10), factor: tensor([6, 1, 1], 20), shift: tensor([1, 6, 1, 1], 21) } },
  ),
  body(
    "a number times batch normalisation, and one less, folded",
    ["batchNorm"],
    [
      { op: "BatchNormalization", in: ["c", ...bnNames(10)], out: ["n"] },
      { op: "Mul", in: ["two", "n"], out: ["m"] },
      { op: "Sub", in: ["m", "half"], out: ["b"] },
    ],
    { tensors: { ...bn(10), two: scalar(2), half: scalar(0.5) } },
  ),
  body(
    "a bias added behind a convolution without one",
    ["conv2d"],
    [
      { op: "Conv", in: ["c", "w2"], out: ["d"] },
      { op: "Add", in: ["d", "b2"], out: ["b"] },
    ],
    { tensors: { w2: tensor([6, 6, 1, 1], 20), b2: tensor([1, 6, 1, 1], 21) } },
  ),
  body(
    "grouped, strided, dilated convolution with asymmetric pads",
    ["conv2d"],
    [
      one(
        "Conv",
        { group: 2, strides: [1, 2], dilations: [2, 1], pads: [1, 0, 2, 1], kernel_shape: [3, 2] },
        ["w2"],
      ),
    ],
    { tensors: { w2: tensor([6, 3, 3, 2], 20) } },
  ),
  body("depthwise convolution", ["conv2d"], [one("Conv", { group: 6, pads: [1, 1, 1, 1] }, ["w2"])], {
    tensors: { w2: tensor([6, 1, 3, 3], 20) },
  }),
  ...["SAME_UPPER", "SAME_LOWER", "VALID"].map((mode) =>
    body(
      `auto_pad ${mode}`,
      ["conv2d", "maxPool2d"],
      [
        { op: "Conv", in: ["c", "w2"], out: ["d"], attributes: { auto_pad: mode, strides: [2, 2] } },
        {
          op: "MaxPool",
          in: ["d"],
          out: ["b"],
          attributes: { auto_pad: mode, kernel_shape: [2, 2], strides: [1, 1] },
        },
      ],
      { tensors: { w2: tensor([6, 6, 4, 3], 20) } },
    ),
  ),
  // what is passed on as it is and then read twice is nobody's own: a factor behind one reader is not the other's
  ...(
    [
      ["a Pad of nothing", "Pad", ["zeros"], {}],
      ["an Identity", "Identity", [], {}],
      ["a Cast to its own type", "Cast", [], { to: 1 }],
      ["a Reshape to its own shape", "Reshape", ["same"], {}],
      ["an Expand of nothing", "Expand", ["ones"], {}],
      ["a Slice of all", "Slice", ["first", "last", "units"], {}],
      ["a Sum of one", "Sum", [], {}],
    ] as const
  ).map(([name, op, more, attributes]) =>
    body(
      `${name}, read twice`,
      ["relu", "linear", "add"],
      [
        { op, in: ["c", ...more], out: ["p"], attributes },
        { op: "Relu", in: ["p"], out: ["r"] },
        { op: "Div", in: ["p", "factor"], out: ["d"] },
        { op: "Add", in: ["r", "d"], out: ["b"] },
      ],
      {
        tensors: {
          factor: numbers([-0.5]),
          zeros: ints([0, 0, 0, 0, 0, 0, 0, 0]),
          same: ints([0, 0, 0, 0]),
          ones: ints([1, 1, 1, 1]),
          first: ints([0]),
          last: ints([1000]),
          units: ints([1]),
        },
      },
    ),
  ),
  body(
    "ConvTranspose with strides, dilations and pads",
    ["spread", "conv2d"],
    [
      {
        op: "ConvTranspose",
        in: ["c", "w2", "b2"],
        out: ["b"],
        attributes: { strides: [2, 3], dilations: [2, 1], pads: [1, 0, 0, 1], output_padding: [1, 2] },
      },
    ],
    { tensors: { w2: tensor([6, 6, 3, 2], 20), b2: tensor([6], 21) } },
  ),
  body(
    "ConvTranspose in groups, with more padding than its kernel reaches",
    ["spread", "conv2d"],
    [one("ConvTranspose", { group: 3, strides: [2, 2], pads: [2, 1, 1, 0] }, ["w2"])],
    { tensors: { w2: tensor([6, 2, 2, 1], 20) } },
  ),
  body("ConvTranspose without strides", ["conv2d"], [one("ConvTranspose", { pads: [1, 1, 1, 1] }, ["w2"])], {
    tensors: { w2: tensor([6, 6, 3, 3], 20) },
  }),
  body(
    "Resize to the nearest, as PyTorch's upsampling",
    ["resize"],
    [one("Resize", { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }, ["", "scales"])],
    { opset: 13, tensors: { scales: numbers([1, 1, 2, 1.5]) } },
  ),
  body("Resize by lines between pixels", ["resize"], [one("Resize", { mode: "linear" }, ["", "scales"])], {
    opset: 13,
    tensors: { scales: numbers([1, 1, 2, 0.5]) },
  }),
  body("Upsample", ["resize"], [one("Upsample", { mode: "nearest" }, ["scales"])], {
    opset: 9,
    tensors: { scales: numbers([1, 1, 2, 3]) },
  }),
  body(
    "Pad by reflection, by the edge, and by cropping",
    ["pad", "pad", "pad"],
    [
      { op: "Pad", in: ["c", "around"], out: ["d"], attributes: { mode: "reflect" } },
      { op: "Pad", in: ["d", "around"], out: ["e"], attributes: { mode: "edge" } },
      { op: "Pad", in: ["e", "crop"], out: ["b"] },
    ],
    { tensors: { around: ints([0, 0, 1, 3, 0, 0, 2, 0]), crop: ints([0, 0, -1, 0, 0, 0, 1, -2]) } },
  ),
  body(
    "Pad of an image that others than windows read",
    ["pad", "tanh", "sigmoid", "add"],
    [
      { op: "Pad", in: ["c", "pads", "half"], out: ["p"] },
      { op: "Tanh", in: ["p"], out: ["t"] },
      { op: "Sigmoid", in: ["p"], out: ["s"] },
      { op: "Add", in: ["t", "s"], out: ["b"] },
    ],
    { tensors: { pads: ints([0, 0, 1, 1, 0, 0, 0, 2]), half: scalar(0.5) } },
  ),
  body(
    "Pad by channels of zeros",
    ["select"],
    [{ op: "Pad", in: ["c", "pads"], out: ["b"] }],
    { tensors: { pads: ints([0, 1, 0, 0, 0, 2, 0, 0]) } },
    9,
  ),
  body(
    "Pad before a convolution, pads as attributes",
    ["conv2d"],
    [
      { op: "Pad", in: ["c"], out: ["p"], attributes: { pads: [0, 0, 1, 0, 0, 0, 2, 1] } },
      { op: "Conv", in: ["p", "w2"], out: ["b"], attributes: { pads: [0, 1, 0, 1] } },
    ],
    { opset: 9, tensors: { w2: tensor([6, 6, 3, 3], 20) } },
  ),
  body(
    "Pad before a convolution, pads as input",
    ["conv2d"],
    [
      { op: "Pad", in: ["c", "pads"], out: ["p"] },
      { op: "Conv", in: ["p", "w2"], out: ["b"] },
    ],
    { tensors: { w2: tensor([6, 6, 3, 3], 20), pads: ints([0, 0, 1, 1, 0, 0, 1, 0]) } },
  ),
  body(
    "Pad along named axes",
    ["conv2d"],
    [
      { op: "Pad", in: ["c", "pads", "zero", "axes"], out: ["p"] },
      { op: "Conv", in: ["p", "w2"], out: ["b"] },
    ],
    {
      opset: 18,
      tensors: {
        w2: tensor([6, 6, 3, 3], 20),
        pads: ints([1, 2, 0, 1]),
        zero: scalar(0),
        axes: ints([-2, 3]),
      },
    },
  ),
  body(
    "zeros around a rectified image before max pooling",
    ["relu", "maxPool2d"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Pad", in: ["r", "pads"], out: ["p"] },
      { op: "MaxPool", in: ["p"], out: ["b"], attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
    ],
    { tensors: { pads: ints([0, 0, 1, 1, 0, 0, 1, 1]) } },
  ),
  body(
    "zeros around an image before average pooling",
    ["averagePool2d"],
    [
      { op: "Pad", in: ["c", "pads"], out: ["p"] },
      { op: "AveragePool", in: ["p"], out: ["b"], attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
    ],
    { tensors: { pads: ints([0, 0, 1, 1, 0, 0, 1, 1]) } },
  ),
  body(
    "zeros around an image before max pooling, which may see them",
    ["pad", "maxPool2d"],
    [
      { op: "Pad", in: ["c", "pads"], out: ["p"] },
      { op: "MaxPool", in: ["p"], out: ["b"], attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
    ],
    { tensors: { pads: ints([0, 0, 1, 1, 0, 0, 1, 1]) } },
  ),
  body(
    "a constant around an image before a convolution and an average pooling",
    ["pad", "averagePool2d", "conv2d", "add"],
    [
      { op: "Pad", in: ["c", "pads", "half"], out: ["p"] },
      { op: "AveragePool", in: ["p"], out: ["m"], attributes: { kernel_shape: [2, 2], pads: [1, 0, 0, 1] } },
      { op: "Conv", in: ["p", "w2"], out: ["d"], attributes: { pads: [1, 0, 0, 1] } },
      { op: "Add", in: ["m", "d"], out: ["b"] },
    ],
    {
      tensors: {
        w2: tensor([6, 6, 2, 2], 20),
        pads: ints([0, 0, 1, 0, 0, 0, 0, 2]),
        half: scalar(0.5),
      },
    },
  ),
  body(
    "max pooling, dilated and rounded up",
    ["maxPool2d"],
    [
      one("MaxPool", {
        kernel_shape: [2, 3],
        strides: [3, 2],
        dilations: [2, 1],
        pads: [1, 1, 0, 1],
        ceil_mode: 1,
      }),
    ],
  ),
  body(
    "average pooling that counts its padding",
    ["averagePool2d"],
    [one("AveragePool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 })],
  ),
  body(
    "average pooling that does not",
    ["averagePool2d"],
    [one("AveragePool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })],
  ),
  body(
    "average pooling rounded up",
    ["averagePool2d"],
    [one("AveragePool", { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 })],
    { opset: 19 },
  ),
  body("GlobalMaxPool", ["maxPool2d"], [one("GlobalMaxPool")]),
  body(
    "convolutions on a globally pooled image",
    ["averagePool2d", "conv2d", "hardSwish"],
    [
      { op: "GlobalAveragePool", in: ["c"], out: ["q"] },
      { op: "Conv", in: ["q", "w2"], out: ["d"] },
      { op: "HardSwish", in: ["d"], out: ["b"] },
    ],
    { opset: 14, tensors: { w2: tensor([6, 6, 1, 1], 20) } },
  ),
  body(
    "dropout in evaluation, ratio as attribute",
    ["dropout"],
    [one("Dropout", { ratio: { float: 0.25 } })],
    { opset: 9 },
  ),
  body("dropout in evaluation, ratio as input", ["dropout"], [one("Dropout", {}, ["rate"])], {
    tensors: { rate: scalar(0.25) },
  }),
  body(
    "identities and casts",
    ["relu"],
    [
      { op: "Identity", in: ["c"], out: ["i"] },
      { op: "Cast", in: ["i"], out: ["j"], attributes: { to: 1 } },
      { op: "Relu", in: ["j"], out: ["b"] },
    ],
  ),
  body(
    "Sum of three",
    ["relu", "tanh", "add"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Tanh", in: ["c"], out: ["t"] },
      { op: "Sum", in: ["r", "c", "t"], out: ["b"] },
    ],
  ),
  body(
    "concat of both halves in the other order, Split by attribute",
    ["select", "select", "concat"],
    [
      { op: "Split", in: ["c"], out: ["p", "q"], attributes: { axis: 1, split: [2, 4] } },
      { op: "Concat", in: ["q", "p"], out: ["b"], attributes: { axis: 1 } },
    ],
    { opset: 11 },
  ),
  body(
    "Split by input, along a negative axis",
    ["select", "select", "concat"],
    [
      { op: "Split", in: ["c", "sizes"], out: ["p", "q"], attributes: { axis: -3 } },
      { op: "Concat", in: ["q", "p"], out: ["b"], attributes: { axis: -3 } },
    ],
    { tensors: { sizes: ints([1, 5]) } },
  ),
  body(
    "Split into equal parts, one of them unread",
    ["select", "select", "add"],
    [
      { op: "Split", in: ["c"], out: ["p", "unread", "q"], attributes: { axis: 1, num_outputs: 3 } },
      { op: "Add", in: ["q", "p"], out: ["b"] },
    ],
    { opset: 18 },
    2,
  ),
  body(
    "Slice over channels, and over all of the height",
    ["select"],
    [{ op: "Slice", in: ["c", "starts", "ends", "axes"], out: ["b"] }],
    { tensors: { starts: ints([-4, 0]), ends: ints([5, Number.MAX_SAFE_INTEGER]), axes: ints([1, 2]) } },
    3,
  ),
  body(
    "Slice of every second channel, from behind",
    ["select"],
    [{ op: "Slice", in: ["c", "starts", "ends", "axes", "steps"], out: ["b"] }],
    { tensors: { starts: ints([-1]), ends: ints([-7]), axes: ints([1]), steps: ints([-2]) } },
    3,
  ),
  body(
    "Gather of channels, one of them twice, one from behind",
    ["select"],
    [{ op: "Gather", in: ["c", "places"], out: ["b"], attributes: { axis: 1 } }],
    { tensors: { places: ints([4, 0, -2, 1]) } },
    4,
  ),
  body(
    "GatherND of channels that come first, as PyTorch's newer exporter writes x[:, [0, 3, 3]]",
    ["select", "relu"],
    [
      { op: "Transpose", in: ["c"], out: ["t"], attributes: { perm: [1, 0, 2, 3] } },
      { op: "GatherND", in: ["t", "places"], out: ["u"] },
      { op: "Transpose", in: ["u"], out: ["v"], attributes: { perm: [1, 0, 2, 3] } },
      { op: "Relu", in: ["v"], out: ["b"] },
    ],
    { tensors: { places: ints([0, 3, 3, 5], [4, 1]) } },
    4,
  ),
  body(
    "Gather of channels that come last",
    ["select", "relu"],
    [
      { op: "Transpose", in: ["c"], out: ["t"], attributes: { perm: [0, 2, 3, 1] } },
      { op: "Gather", in: ["t", "places"], out: ["u"], attributes: { axis: -1 } },
      { op: "Transpose", in: ["u"], out: ["v"], attributes: { perm: [0, 3, 1, 2] } },
      { op: "Relu", in: ["v"], out: ["b"] },
    ],
    { tensors: { places: ints([5, 0, 1]) } },
    3,
  ),
  body(
    "a choice by two comparisons cast to and fro, as hard shrink is exported",
    ["opaque"],
    [
      { op: "Greater", in: ["c", "high"], out: ["m"] },
      { op: "Less", in: ["c", "low"], out: ["l"] },
      { op: "Cast", in: ["m"], out: ["m2"], attributes: { to: 9 } },
      { op: "Cast", in: ["l"], out: ["l2"], attributes: { to: 9 } },
      { op: "Or", in: ["m2", "l2"], out: ["o"] },
      { op: "Where", in: ["o", "c", "zero"], out: ["b"] },
    ],
    { tensors: { high: scalar(0.5), low: scalar(-0.5), zero: scalar(0) } },
  ),
  body(
    "Gather of one channel, and the axis back",
    ["select"],
    [
      { op: "Gather", in: ["c", "place"], out: ["p"], attributes: { axis: 1 } },
      { op: "Unsqueeze", in: ["p", "axes"], out: ["b"] },
    ],
    { tensors: { place: ints([3], []), axes: ints([1]) } },
    1,
  ),
  ...["DCR", "CRD"].map((mode) =>
    body(
      `DepthToSpace, ${mode}`,
      ["conv2d", "rearrange", "conv2d"],
      [
        { op: "Conv", in: ["c", "eight"], out: ["e"] },
        { op: "DepthToSpace", in: ["e"], out: ["d"], attributes: { blocksize: 2, mode } },
        { op: "Conv", in: ["d", "w"], out: ["b"], attributes: { strides: [2, 2] } },
      ],
      { opset: 13, tensors: { eight: tensor([8, 6, 1, 1], 11), w: tensor([6, 2, 3, 3], 12) } },
    ),
  ),
  body(
    "SpaceToDepth",
    ["rearrange", "conv2d"],
    [
      { op: "SpaceToDepth", in: ["c"], out: ["d"], attributes: { blocksize: 2 } },
      { op: "Conv", in: ["d", "w"], out: ["b"] },
    ],
    { tensors: { w: tensor([6, 24, 3, 3], 12) } },
  ),
  body(
    "pixel shuffle by reshapes",
    ["conv2d", "rearrange", "conv2d"],
    [
      { op: "Conv", in: ["c", "eight"], out: ["e"] },
      { op: "Reshape", in: ["e", "parts"], out: ["p"] },
      { op: "Transpose", in: ["p"], out: ["t"], attributes: { perm: [0, 1, 4, 2, 5, 3] } },
      { op: "Reshape", in: ["t", "whole"], out: ["d"] },
      { op: "Conv", in: ["d", "w"], out: ["b"], attributes: { strides: [2, 2] } },
    ],
    {
      tensors: {
        eight: tensor([8, 6, 1, 1], 11),
        parts: ints([-1, 2, 2, 2, 8, 8]),
        whole: ints([-1, 2, 16, 16]),
        w: tensor([6, 2, 3, 3], 12),
      },
    },
  ),
  body(
    "every second position, rows from the last",
    ["rearrange", "conv2d"],
    [
      { op: "Slice", in: ["c", "starts", "ends", "axes", "steps"], out: ["d"] },
      { op: "Conv", in: ["d", "w"], out: ["b"] },
    ],
    {
      tensors: {
        starts: ints([-1, 1]),
        ends: ints([-9, 8]),
        axes: ints([2, 3]),
        steps: ints([-2, 2]),
        w: tensor([6, 6, 3, 3], 12),
      },
    },
  ),
  body(
    "height and width exchanged",
    ["rearrange", "conv2d"],
    [
      { op: "Transpose", in: ["c"], out: ["d"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "Conv", in: ["d", "w"], out: ["b"] },
    ],
    { tensors: { w: tensor([6, 6, 3, 3], 12) } },
  ),
  body(
    "channels shuffled between two reshapes",
    ["select", "relu", "conv2d"],
    [
      { op: "Reshape", in: ["c", "groups"], out: ["v"] },
      { op: "Transpose", in: ["v"], out: ["t"], attributes: { perm: [0, 2, 1, 3, 4] } },
      { op: "Reshape", in: ["t", "whole"], out: ["s"] },
      { op: "Relu", in: ["s"], out: ["r"] },
      { op: "Conv", in: ["r", "d"], out: ["b"], attributes: { group: 2 } },
    ],
    {
      tensors: { groups: ints([-1, 3, 2, 8, 8]), whole: ints([0, 6, 8, 8]), d: tensor([4, 3, 2, 2], 21) },
    },
    4,
  ),
  body(
    "one group of channels, taken by its number",
    ["select"],
    [
      { op: "Reshape", in: ["c", "groups"], out: ["v"] },
      { op: "Gather", in: ["v", "place"], out: ["p"], attributes: { axis: 1 } },
      { op: "Reshape", in: ["p", "whole"], out: ["b"] },
    ],
    {
      tensors: { groups: ints([-1, 3, 2, 8, 8]), whole: ints([-1, 2, 8, 8]), place: ints([1], []) },
    },
    2,
  ),
  body(
    "channels last and back again",
    ["relu"],
    [
      { op: "Transpose", in: ["c"], out: ["t"], attributes: { perm: [0, 2, 3, 1] } },
      { op: "Identity", in: ["t"], out: ["i"] },
      { op: "Transpose", in: ["i"], out: ["s"], attributes: { perm: [0, 3, 1, 2] } },
      { op: "Relu", in: ["s"], out: ["b"] },
    ],
  ),
  {
    name: "a mean over all places of channels that come last",
    becomes: ["globalAveragePool", "dense"],
    file: {
      nodes: [
        { op: "Conv", in: ["x", "w"], out: ["c"] },
        { op: "Transpose", in: ["c"], out: ["t"], attributes: { perm: [0, 2, 3, 1] } },
        { op: "ReduceMean", in: ["t"], out: ["m"], attributes: { axes: [1, 2], keepdims: 0 } },
        { op: "Gemm", in: ["m", "v"], out: ["y"] },
      ],
      tensors: { w: tensor([4, 3, 3, 3], 1), v: tensor([4, 2], 2) },
    },
  },
  {
    name: "features of channels that come last, as TensorFlow flattens",
    becomes: ["flatten", "select", "dense"],
    file: {
      nodes: [
        { op: "Conv", in: ["x", "w"], out: ["c"] },
        { op: "Transpose", in: ["c"], out: ["t"], attributes: { perm: [0, 2, 3, 1] } },
        { op: "Reshape", in: ["t", "flat"], out: ["f"] },
        { op: "Gemm", in: ["f", "v"], out: ["y"] },
      ],
      tensors: { w: tensor([4, 3, 5, 5], 1), v: tensor([64, 2], 2), flat: ints([-1, 64]) },
    },
  },
  body(
    "Slice by attributes",
    ["select"],
    [one("Slice", { starts: [2], ends: [6], axes: [1] })],
    { opset: 9 },
    4,
  ),
  body(
    "Gather of all channels, in their order",
    [],
    [{ op: "Gather", in: ["c", "all"], out: ["b"], attributes: { axis: 1 } }],
    { tensors: { all: ints([0, 1, 2, 3, 4, 5]) } },
    6,
  ),
  // 2^63 is written as the greatest int64, which exporters write for "to the end"
  body(
    "Slice by attributes, to the end",
    ["select"],
    [one("Slice", { starts: [2], ends: [2 ** 63], axes: [1] })],
    { opset: 9 },
    4,
  ),
  body(
    "Slice to an end among Constant's attributes",
    ["select"],
    [
      { op: "Constant", in: [], out: ["end"], attributes: { value_ints: [2 ** 63] } },
      { op: "Slice", in: ["c", "starts", "end", "axes"], out: ["b"] },
    ],
    { tensors: { starts: ints([2]), axes: ints([1]) } },
    4,
  ),
  body(
    "transposes that move nothing",
    [],
    [{ op: "Transpose", in: ["c"], out: ["b"], attributes: { perm: [0, 1, 2, 3] } }],
  ),
];

/** `x` (3×8×8) → conv to 6×4×4 as "c" → reshapes from "c" to "f" ([n, 96]) → dense to y. */
function head(
  name: string,
  nodes: readonly FileNode[],
  options: Partial<File> = {},
  becomes: readonly string[] = ["flatten"],
  features = 96,
): OnnxCase {
  const { tensors, ...rest } = options;
  return {
    name,
    becomes: [...becomes, "dense"],
    file: {
      ...rest,
      nodes: [
        {
          op: "Conv",
          in: ["x", "conv.weight"],
          out: ["c"],
          attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
        },
        ...nodes,
        {
          op: "Gemm",
          in: ["f", "fc.weight", "fc.bias"],
          out: ["y"],
          attributes: { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
        },
      ],
      tensors: {
        "conv.weight": tensor([6, 3, 3, 3], 1),
        "fc.weight": tensor([2, features], 3),
        "fc.bias": tensor([2], 4),
        ...tensors,
      },
    },
  };
}

const gap = ["globalAveragePool"];
const flattens: OnnxCase[] = [
  head("Flatten", [{ op: "Flatten", in: ["c"], out: ["f"] }]),
  head("Reshape to (−1, 96)", [{ op: "Reshape", in: ["c", "to"], out: ["f"] }], {
    tensors: { to: ints([-1, 96]) },
  }),
  head("Reshape to (0, −1)", [{ op: "Reshape", in: ["c", "to"], out: ["f"] }], {
    tensors: { to: ints([0, -1]) },
  }),
  head(
    "a shape computed from Shape, Gather, Unsqueeze and Concat",
    [
      { op: "Shape", in: ["c"], out: ["s"] },
      { op: "Gather", in: ["s", "zero"], out: ["n"], attributes: { axis: 0 } },
      { op: "Unsqueeze", in: ["n"], out: ["n1"], attributes: { axes: [0] } },
      { op: "Concat", in: ["n1", "rest"], out: ["to"], attributes: { axis: 0 } },
      { op: "Reshape", in: ["c", "to"], out: ["f"] },
    ],
    { opset: 11, tensors: { zero: ints([0], []), rest: ints([-1]) } },
  ),
  head(
    "a shape computed from Slice, ReduceProd, Cast and Mul",
    [
      { op: "Shape", in: ["c"], out: ["s"] },
      { op: "Slice", in: ["s", "zero1", "one1"], out: ["n"] },
      { op: "Slice", in: ["s", "one1", "end"], out: ["rest"] },
      { op: "Cast", in: ["rest"], out: ["restf"], attributes: { to: 1 } },
      { op: "ReduceProd", in: ["restf"], out: ["p"], attributes: { keepdims: 1 } },
      { op: "Cast", in: ["p"], out: ["pi"], attributes: { to: 7 } },
      { op: "Mul", in: ["n", "one1"], out: ["n2"] },
      { op: "Concat", in: ["n2", "pi"], out: ["to"], attributes: { axis: 0 } },
      { op: "Reshape", in: ["c", "to"], out: ["f"] },
    ],
    { tensors: { zero1: ints([0]), one1: ints([1]), end: ints([Number.MAX_SAFE_INTEGER]) } },
  ),
  head(
    "a factor computed by reductions of constants",
    [
      { op: "ReduceL2", in: ["k"], out: ["r1"], attributes: { axes: [2] } },
      { op: "ReduceL1", in: ["r1"], out: ["r2"], attributes: { axes: [1] } },
      { op: "ReduceSumSquare", in: ["k"], out: ["r3"], attributes: { axes: [1, 2] } },
      { op: "Div", in: ["r2", "r3"], out: ["r4"] },
      { op: "ReduceMin", in: ["r4"], out: ["r5"], attributes: { axes: [0], keepdims: 0 } },
      { op: "ReduceSum", in: ["r5", "axis"], out: ["r6"], attributes: { keepdims: 0 } },
      { op: "Mul", in: ["c", "r6"], out: ["m"] },
      { op: "Flatten", in: ["m"], out: ["f"] },
    ],
    {
      opset: 13,
      tensors: {
        k: numbers(
          Array.from({ length: 24 }, (_, i) => ((i * 7) % 11) - 4),
          [2, 3, 4],
        ),
        axis: ints([1]),
      },
    },
  ),
  head(
    "Shape of some axes",
    [
      { op: "Shape", in: ["c"], out: ["n"], attributes: { start: 0, end: 1 } },
      { op: "Concat", in: ["n", "rest"], out: ["to"], attributes: { axis: 0 } },
      { op: "Reshape", in: ["c", "to"], out: ["f"] },
    ],
    { opset: 15, tensors: { rest: ints([96]) } },
  ),
  head(
    "a reshape through another shape",
    [
      { op: "Reshape", in: ["c", "first"], out: ["r"] },
      { op: "Reshape", in: ["r", "second"], out: ["f"] },
    ],
    { tensors: { first: ints([-1, 6, 16]), second: ints([0, 96]) } },
  ),
  head(
    "GlobalAveragePool and Squeeze by attribute",
    [
      { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
      { op: "Squeeze", in: ["g"], out: ["f"], attributes: { axes: [2, 3] } },
    ],
    { opset: 11 },
    gap,
    6,
  ),
  head(
    "GlobalAveragePool and Squeeze by input",
    [
      { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
      { op: "Squeeze", in: ["g", "axes"], out: ["f"] },
    ],
    { tensors: { axes: ints([-1, -2]) } },
    gap,
    6,
  ),
  head(
    "Squeeze, Unsqueeze and Squeeze again",
    [
      { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
      { op: "Squeeze", in: ["g"], out: ["s"], attributes: { axes: [3] } },
      { op: "Unsqueeze", in: ["s"], out: ["u"], attributes: { axes: [2] } },
      { op: "Reshape", in: ["u", "to"], out: ["f"] },
    ],
    { opset: 11, tensors: { to: ints([-1, 6]) } },
    gap,
    6,
  ),
  head(
    "a transpose of axes of length 1",
    [
      { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
      { op: "Transpose", in: ["g"], out: ["t"], attributes: { perm: [0, 2, 3, 1] } },
      { op: "Reshape", in: ["t", "to"], out: ["f"] },
    ],
    { tensors: { to: ints([-1, 6]) } },
    gap,
    6,
  ),
  ...[0, 1].flatMap((keepdims) => {
    const tail: FileNode[] =
      keepdims === 1
        ? [{ op: "Flatten", in: ["m"], out: ["f"] }]
        : [{ op: "Identity", in: ["m"], out: ["f"] }];
    return [
      head(
        `ReduceMean over space, axes as attribute, keepdims ${keepdims}`,
        [{ op: "ReduceMean", in: ["c"], out: ["m"], attributes: { axes: [2, 3], keepdims } }, ...tail],
        { opset: 13 },
        gap,
        6,
      ),
      head(
        `ReduceMean over space, axes as input, keepdims ${keepdims}`,
        [{ op: "ReduceMean", in: ["c", "axes"], out: ["m"], attributes: { keepdims } }, ...tail],
        { opset: 18, tensors: { axes: ints([-1, -2]) } },
        gap,
        6,
      ),
    ];
  }),
  head(
    "ReduceMean over flattened places",
    [
      { op: "Reshape", in: ["c", "to"], out: ["r"] },
      { op: "ReduceMean", in: ["r"], out: ["f"], attributes: { axes: [2], keepdims: 0 } },
    ],
    { tensors: { to: ints([0, 6, 16]) } },
    gap,
    6,
  ),
  head(
    "ReduceMax over space",
    [{ op: "ReduceMax", in: ["c"], out: ["f"], attributes: { axes: [2, 3], keepdims: 0 } }],
    {},
    ["maxPool2d", "flatten"],
    6,
  ),
  head(
    "an average over the whole image",
    [
      { op: "AveragePool", in: ["c"], out: ["g"], attributes: { kernel_shape: [4, 4] } },
      { op: "Flatten", in: ["g"], out: ["f"] },
    ],
    {},
    ["averagePool2d", "flatten"],
    6,
  ),
  head(
    "concat of flattened features and pooled ones",
    [
      { op: "Flatten", in: ["c"], out: ["p"] },
      { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
      { op: "Flatten", in: ["g"], out: ["q"] },
      { op: "Concat", in: ["p", "q"], out: ["f"], attributes: { axis: 1 } },
    ],
    {},
    ["flatten", "globalAveragePool", "concat"],
    102,
  ),
  head(
    "an average with a shape kept and a sum of both",
    [
      { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
      { op: "GlobalMaxPool", in: ["c"], out: ["h"] },
      { op: "Add", in: ["g", "h"], out: ["a"] },
      { op: "Flatten", in: ["a"], out: ["f"] },
    ],
    {},
    ["globalAveragePool", "maxPool2d", "flatten", "add"],
    6,
  ),
];

const features: Partial<File> = { inputs: { x: ["n", 5] } };
const dense: OnnxCase[] = [
  {
    name: "MatMul and Add, weight [in, out]",
    becomes: ["relu", "dense"],
    file: {
      ...features,
      nodes: [
        { op: "MatMul", in: ["x", "w1"], out: ["m1"] },
        { op: "Add", in: ["m1", "b1"], out: ["a1"] },
        { op: "Relu", in: ["a1"], out: ["r"] },
        { op: "MatMul", in: ["r", "w2"], out: ["m2"] },
        { op: "Add", in: ["b2", "m2"], out: ["y"] },
      ],
      tensors: { w1: tensor([5, 4], 1), b1: tensor([4], 2), w2: tensor([4, 2], 3), b2: tensor([1, 2], 4) },
    },
  },
  {
    name: "MatMul with a weight transposed by a node",
    becomes: ["relu", "dense"],
    file: {
      ...features,
      nodes: [
        { op: "Transpose", in: ["w1"], out: ["t1"], attributes: { perm: [1, 0] } },
        { op: "MatMul", in: ["x", "t1"], out: ["m1"] },
        { op: "Relu", in: ["m1"], out: ["r"] },
        { op: "Transpose", in: ["w2"], out: ["t2"] },
        { op: "MatMul", in: ["r", "t2"], out: ["y"] },
      ],
      tensors: { w1: tensor([4, 5], 1), w2: tensor([2, 4], 3) },
    },
  },
  {
    name: "Gemm with alpha and beta, both layouts, bias left out",
    becomes: ["relu", "dense"],
    file: {
      ...features,
      nodes: [
        {
          op: "Gemm",
          in: ["x", "w1", "b1"],
          out: ["g"],
          attributes: { alpha: { float: 0.5 }, beta: { float: 3 } },
        },
        { op: "Relu", in: ["g"], out: ["r"] },
        { op: "Gemm", in: ["r", "w2"], out: ["y"], attributes: { transB: 1, alpha: { float: 2 } } },
      ],
      tensors: { w1: tensor([5, 4], 1), b1: tensor([1, 4], 2), w2: tensor([2, 4], 3) },
      opset: 11,
    },
  },
  {
    name: "Gemm with beta 0, whose third input is not read",
    becomes: ["relu", "dense", "relu", "dense"],
    file: {
      inputs: { x: ["n", 4] },
      nodes: [
        { op: "Gemm", in: ["x", "w1", "b1"], out: ["a"], attributes: { transB: 1, beta: { float: 0 } } },
        { op: "Relu", in: ["a"], out: ["r"] },
        { op: "Gemm", in: ["r", "w2", "b1"], out: ["c"], attributes: { transB: 1 } },
        { op: "Relu", in: ["c"], out: ["s"] },
        { op: "Gemm", in: ["s", "w3", "b3"], out: ["y"], attributes: { transB: 1, beta: { float: 0 } } },
      ],
      outputs: { y: ["n", 2] },
      tensors: {
        w1: tensor([8, 4], 21),
        b1: tensor([8], 22),
        w2: tensor([8, 8], 23),
        w3: tensor([2, 8], 24),
        b3: tensor([2], 25),
      },
    },
  },
  {
    name: "optional inputs left out by an empty name",
    becomes: ["relu", "conv2d", "relu6", "dropout", "globalAveragePool", "dense"],
    file: {
      nodes: [
        { op: "Conv", in: ["x", "w1", ""], out: ["a"] },
        { op: "Relu", in: ["a"], out: ["r"] },
        { op: "Conv", in: ["r", "w2", "b2"], out: ["c"] },
        { op: "Clip", in: ["c", "zero", "six"], out: ["d"] },
        { op: "Dropout", in: ["d", "", ""], out: ["e", ""] },
        { op: "GlobalAveragePool", in: ["e"], out: ["g"] },
        { op: "Flatten", in: ["g"], out: ["f"] },
        { op: "Gemm", in: ["f", "w3", ""], out: ["y"], attributes: { transB: 1 } },
      ],
      tensors: {
        w1: tensor([6, 3, 3, 3], 31),
        w2: tensor([7, 6, 3, 3], 32),
        b2: tensor([7], 33),
        w3: tensor([2, 7], 34),
        zero: scalar(0),
        six: scalar(6),
      },
    },
  },
  {
    name: "one output: a bias of one number is a bias",
    becomes: [],
    file: {
      ...features,
      nodes: [
        { op: "MatMul", in: ["x", "w1"], out: ["m"] },
        { op: "Add", in: ["m", "b1"], out: ["y"] },
      ],
      outputs: { y: ["n", 1] },
      tensors: { w1: tensor([5, 1], 1), b1: tensor([1], 2) },
    },
  },
  ...[[], [1], [1, 1], [1, 24], [24]].flatMap((dims): OnnxCase[] => {
    const bias = tensor(dims, 3);
    return [
      {
        name: `Gemm: a bias of shape [${dims}] is one for every unit`,
        becomes: ["relu", "dense"],
        file: {
          ...features,
          nodes: [
            { op: "Gemm", in: ["x", "w1", "b1"], out: ["m"], attributes: { beta: { float: 0.5 } } },
            { op: "Relu", in: ["m"], out: ["r"] },
            { op: "Gemm", in: ["r", "w2", "b2"], out: ["y"] },
          ],
          tensors: { w1: tensor([5, 24], 1), b1: bias, w2: tensor([24, 2], 2), b2: tensor([2], 4) },
        },
      },
      {
        name: `MatMul: what is added in shape [${dims}] is so to every unit`,
        becomes: dims.includes(24) ? ["relu", "dense"] : ["linear", "relu", "dense"],
        file: {
          ...features,
          nodes: [
            { op: "MatMul", in: ["x", "w1"], out: ["m"] },
            { op: "Add", in: ["m", "b1"], out: ["a"] },
            { op: "Relu", in: ["a"], out: ["r"] },
            { op: "Gemm", in: ["r", "w2"], out: ["y"] },
          ],
          tensors: { w1: tensor([5, 24], 1), b1: bias, w2: tensor([24, 2], 2) },
        },
      },
    ];
  }),
  {
    name: "Gemm: two layers read one bias of one number",
    becomes: ["relu", "dense"],
    file: {
      ...features,
      nodes: [
        { op: "Gemm", in: ["x", "w1", "b1"], out: ["m"] },
        { op: "Relu", in: ["m"], out: ["r"] },
        { op: "Gemm", in: ["r", "w2", "b1"], out: ["y"] },
      ],
      tensors: { w1: tensor([5, 4], 1), b1: tensor([1], 3), w2: tensor([4, 2], 2) },
    },
  },
  ...["Softmax", "LogSoftmax"].map(
    (op): OnnxCase => ({
      name: `${op} at the end`,
      becomes: [],
      runs: false,
      file: {
        ...features,
        nodes: [
          { op: "Gemm", in: ["x", "w1"], out: ["l"] },
          { op, in: ["l"], out: ["y"], attributes: { axis: 1 } },
        ],
        tensors: { w1: tensor([5, 2], 1) },
      },
    }),
  ),
  {
    name: "batch normalisation of features",
    becomes: ["batchNorm", "dense"],
    file: {
      ...features,
      nodes: [
        { op: "Gemm", in: ["x", "w1", "b1"], out: ["g"] },
        { op: "BatchNormalization", in: ["g", ...bnNames(10)], out: ["n"] },
        { op: "Gemm", in: ["n", "w2"], out: ["y"] },
      ],
      tensors: { w1: tensor([5, 4], 1), b1: tensor([4], 2), w2: tensor([4, 2], 3), ...bn(10, 4) },
      opset: 11,
    },
  },
  ...(["float_data", "double", "float16", "bfloat16"] as const).map((how): OnnxCase => {
    const options: Partial<Tensor> = how === "float_data" ? { as: "plain" } : {};
    return {
      name: `weights as ${how}`,
      becomes: ["relu", "dense"],
      file: {
        ...features,
        nodes: [
          ...(how === "float_data"
            ? []
            : ["w1", "w2"].map(
                (w): FileNode => ({ op: "Cast", in: [w], out: [`${w}f`], attributes: { to: 1 } }),
              )),
          { op: "Gemm", in: ["x", how === "float_data" ? "w1" : "w1f"], out: ["g"] },
          { op: "Relu", in: ["g"], out: ["r"] },
          { op: "Gemm", in: ["r", how === "float_data" ? "w2" : "w2f"], out: ["y"] },
        ],
        tensors: {
          w1: tensor(
            [5, 4],
            1,
            how === "float_data" ? options : { type: how, ...(how === "float16" ? { as: "plain" } : {}) },
          ),
          w2: tensor([4, 2], 3, how === "float_data" ? options : { type: how }),
        },
      },
    };
  }),
  {
    name: "initializers that are listed as inputs too",
    becomes: ["relu", "dense"],
    file: {
      opset: 9,
      irVersion: 3,
      inputs: { x: ["n", 5], w1: [4, 5], b1: [4], w2: [4, 2], b2: [2] },
      nodes: [
        { op: "Gemm", in: ["x", "w1", "b1"], out: ["g"], attributes: { transB: 1 } },
        { op: "Relu", in: ["g"], out: ["r"] },
        { op: "Gemm", in: ["r", "w2", "b2"], out: ["y"] },
      ],
      tensors: { w1: tensor([4, 5], 1), b1: tensor([4], 2), w2: tensor([4, 2], 3), b2: tensor([2], 4) },
    },
  },
  {
    name: "weights as Constant nodes",
    becomes: ["relu", "dense"],
    file: {
      ...features,
      nodes: [
        constant("w1", tensor([5, 4], 1)),
        constant("w2", tensor([4, 2], 2)),
        { op: "MatMul", in: ["x", "w1"], out: ["g"] },
        { op: "Relu", in: ["g"], out: ["r"] },
        { op: "MatMul", in: ["r", "w2"], out: ["y"] },
      ],
    },
  },
  {
    name: "a function of the file's own",
    becomes: ["relu", "dense", "relu", "dense"],
    runs: false,
    file: {
      ...features,
      functions: [
        {
          name: "Layer",
          domain: "own",
          in: ["a", "w"],
          out: ["b"],
          nodes: [
            { op: "MatMul", in: ["a", "w"], out: ["m"], name: "m" },
            { op: "Relu", in: ["m"], out: ["b"], name: "r" },
          ],
        },
      ],
      nodes: [
        { op: "Layer", domain: "own", in: ["x", "w1"], out: ["h"], name: "l1" },
        { op: "Layer", domain: "own", in: ["h", "w2"], out: ["i"], name: "l2" },
        { op: "MatMul", in: ["i", "w3"], out: ["y"] },
      ],
      tensors: { w1: tensor([5, 4], 1), w2: tensor([4, 4], 2), w3: tensor([4, 2], 3) },
    },
  },
];

/** A bias of 6 numbers, "k", computed from constants and added behind a convolution that has none. */
function folding(name: string, nodes: readonly FileNode[], options: Partial<File> = {}): OnnxCase {
  const { tensors, ...rest } = options;
  const computed: FileNode[] = [
    ...nodes,
    { op: "Reshape", in: ["k", "column"], out: ["kc"] },
    { op: "Conv", in: ["c", "w2"], out: ["d"] },
    { op: "Add", in: ["d", "kc"], out: ["b"] },
  ];
  const six = [0.5, -1.25, 2, 0.75, -3, 1.5];
  return body(`a bias computed by ${name}`, ["conv2d"], computed, {
    ...rest,
    tensors: {
      w2: tensor([6, 6, 1, 1], 20),
      column: ints([6, 1, 1]),
      p: numbers(six),
      q: numbers([0.5, 1, 2, -0.75, -3, 2.5]),
      absolute: numbers(six.map(Math.abs)),
      two: numbers([2], []),
      ...tensors,
    },
  });
}

const chosen = (op: string): FileNode[] => [
  { op, in: ["p", "q"], out: ["is"] },
  { op: "Where", in: ["is", "p", "two"], out: ["k"] },
];
const both = (op: string): FileNode[] => [
  { op: "Greater", in: ["p", "two"], out: ["gt"] },
  { op: "Less", in: ["q", "p"], out: ["lt"] },
  { op, in: ["gt", "lt"], out: ["o"] },
  { op: "Not", in: ["o"], out: ["is"] },
  { op: "Where", in: ["is", "q", "p"], out: ["k"] },
];

const foldings: OnnxCase[] = [
  ...["Abs", "Ceil", "Floor", "Neg", "Reciprocal", "Exp"].map((op) =>
    folding(op, [{ op, in: ["p"], out: ["k"] }]),
  ),
  ...["Sin", "Cos"].map((op) => folding(`${op} of a constant`, [{ op, in: ["p"], out: ["k"] }])),
  folding(
    "CumSum from behind, without the own place",
    [{ op: "CumSum", in: ["p", "zero"], out: ["k"], attributes: { exclusive: 1, reverse: 1 } }],
    { tensors: { zero: ints([0], []) } },
  ),
  folding("GatherElements", [{ op: "GatherElements", in: ["p", "places"], out: ["k"] }], {
    tensors: { places: ints([5, 0, -1, 2, 2, 1]) },
  }),
  folding("ScatterND", [{ op: "ScatterND", in: ["p", "places", "pair"], out: ["k"] }], {
    opset: 16,
    tensors: { places: ints([1, -2], [2, 1]), pair: numbers([9, -2]) },
  }),
  folding("Tile", [{ op: "Tile", in: ["pair", "three"], out: ["k"] }], {
    tensors: { pair: numbers([0.5, -2]), three: ints([3]) },
  }),
  ...[0, 1].map((upper) =>
    folding(
      `Trilu, the ${upper === 1 ? "upper" : "lower"} triangle`,
      [
        { op: "Reshape", in: ["p", "square"], out: ["a"] },
        { op: "Trilu", in: ["a", "one"], out: ["t"], attributes: { upper } },
        { op: "Reshape", in: ["t", "six"], out: ["k"] },
      ],
      { opset: 14, tensors: { square: ints([2, 3]), one: ints([upper], []), six: ints([6]) } },
    ),
  ),
  ...["Sqrt", "Log"].map((op) => folding(op, [{ op, in: ["absolute"], out: ["k"] }])),
  ...["Add", "Sub", "Mul", "Div", "Min", "Max"].map((op) =>
    folding(op, [{ op, in: ["p", "q"], out: ["k"] }]),
  ),
  folding("Pow", [{ op: "Pow", in: ["absolute", "q"], out: ["k"] }]),
  ...["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"].map((op) => folding(op, chosen(op))),
  ...["And", "Or"].map((op) => folding(op, both(op))),
  folding(
    "Mod and whole division",
    [
      { op: "Mod", in: ["i", "j"], out: ["m"] },
      { op: "Div", in: ["i", "j"], out: ["v"] },
      { op: "Add", in: ["m", "v"], out: ["a"] },
      { op: "CastLike", in: ["a", "p"], out: ["k"] },
    ],
    { opset: 15, tensors: { i: ints([7, -7, 7, -7, 5, 0]), j: ints([3, 3, -3, -3, 2, 4]) } },
  ),
  folding(
    "Range and Size",
    [
      { op: "Size", in: ["p"], out: ["n"] },
      { op: "Range", in: ["zero", "n", "one"], out: ["r"] },
      { op: "Cast", in: ["r"], out: ["k"], attributes: { to: 1 } },
    ],
    { tensors: { zero: ints([0], []), one: ints([1], []) } },
  ),
  folding("Expand", [{ op: "Expand", in: ["two", "six"], out: ["k"] }], { tensors: { six: ints([6]) } }),
  folding(
    "ConstantOfShape",
    [{ op: "ConstantOfShape", in: ["six"], out: ["k"], attributes: { value: { tensor: numbers([0.75]) } } }],
    { tensors: { six: ints([6]) } },
  ),
  folding(
    "Gather, Slice backwards, Concat and Split",
    [
      { op: "Gather", in: ["p", "places"], out: ["a"] },
      { op: "Slice", in: ["q", "start", "end", "axis", "step"], out: ["r"] },
      { op: "Split", in: ["r", "sizes"], out: ["s", "t"], attributes: { axis: 0 } },
      { op: "Concat", in: ["a", "t"], out: ["k"], attributes: { axis: 0 } },
    ],
    {
      tensors: {
        places: ints([5, 0, -1, 2]),
        start: ints([-1]),
        end: ints([-Number.MAX_SAFE_INTEGER]),
        axis: ints([0]),
        step: ints([-2]),
        sizes: ints([1, 2]),
      },
    },
  ),
];

const rare: OnnxCase[] = [
  body(
    "a negated convolution, folded",
    ["conv2d"],
    [
      { op: "Conv", in: ["c", "w2", "b2"], out: ["d"] },
      { op: "Neg", in: ["d"], out: ["b"] },
    ],
    { tensors: { w2: tensor([6, 6, 1, 1], 20), b2: tensor([6], 21) } },
  ),
  body(
    "a number less a convolution, folded",
    ["conv2d"],
    [
      { op: "Conv", in: ["c", "w2", "b2"], out: ["d"] },
      { op: "Sub", in: ["half", "d"], out: ["b"] },
    ],
    { tensors: { w2: tensor([6, 6, 1, 1], 20), b2: tensor([6], 21), half: scalar(0.5) } },
  ),
  body(
    "a weight that batch normalisation standardises in the graph",
    ["conv2d"],
    [
      {
        op: "BatchNormalization",
        in: ["w3", "gain", "zeros", "m3", "v3"],
        out: ["standard", "m3.next", "v3.next"],
        attributes: { training_mode: 1, epsilon: { float: 1e-4 } },
      },
      { op: "Reshape", in: ["standard", "kernels"], out: ["w2"] },
      { op: "Conv", in: ["c", "w2", "b2"], out: ["b"] },
    ],
    {
      opset: 15,
      tensors: {
        ...{
          w3: tensor([1, 5, 6], 20),
          gain: tensor([5], 22),
          b2: tensor([5], 21),
          kernels: ints([5, 6, 1, 1]),
        },
        ...{ zeros: numbers([0, 0, 0, 0, 0]), m3: tensor([5], 23), v3: numbers([1, 2, 3, 4, 5]) },
      },
    },
    5,
  ),
  body(
    "positions that a cubic function resizes",
    ["affine"],
    [
      {
        op: "Resize",
        in: ["table", "", "", "size"],
        out: ["p"],
        attributes: {
          mode: "cubic",
          cubic_coeff_a: { float: -0.75 },
          coordinate_transformation_mode: "pytorch_half_pixel",
        },
      },
      { op: "Add", in: ["c", "p"], out: ["b"] },
    ],
    { tensors: { table: tensor([1, 6, 5, 3], 20), size: ints([1, 6, 8, 8]) } },
  ),
  body("Swish, the operation", ["silu"], [one("Swish")], { opset: 24 }),
  body(
    "a sequence of parts",
    ["select", "select", "concat"],
    [
      { op: "SplitToSequence", in: ["c", "sizes"], out: ["s"], attributes: { axis: 1 } },
      { op: "SequenceAt", in: ["s", "last"], out: ["p"] },
      { op: "SequenceAt", in: ["s", "first"], out: ["q"] },
      { op: "Concat", in: ["p", "q"], out: ["b"], attributes: { axis: 1 } },
    ],
    { tensors: { sizes: ints([4, 2]), first: ints([0], []), last: ints([-1], []) } },
  ),
  body(
    "an expansion that repeats nothing",
    ["relu"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Expand", in: ["r", "to"], out: ["b"] },
    ],
    { tensors: { to: ints([1, 6, 8, 1]) } },
  ),
  body(
    "CastLike of a value",
    ["relu"],
    [
      { op: "CastLike", in: ["c", "x"], out: ["d"] },
      { op: "Relu", in: ["d"], out: ["b"] },
    ],
    { opset: 15 },
  ),
];

/**
 * One structure as the exporters of each opset write it: strided convolution, batch normalisation, a residual block
 * with projection, depthwise convolution, split and concat, mean over space, dense.
 */
function inStyleOf(opset: number): OnnxCase {
  const clip: FileNode =
    opset < 11
      ? { op: "Clip", in: ["n1"], out: ["r1"], attributes: { min: { float: 0 }, max: { float: 6 } } }
      : { op: "Clip", in: ["n1", "zero", "six"], out: ["r1"] };
  const split: FileNode =
    opset < 13
      ? { op: "Split", in: ["a1"], out: ["p", "q"], attributes: { axis: 1, split: [4, 4] } }
      : { op: "Split", in: ["a1", "halves"], out: ["p", "q"], attributes: { axis: 1 } };
  const mean: FileNode =
    opset < 18
      ? { op: "ReduceMean", in: ["k"], out: ["g"], attributes: { axes: [2, 3], keepdims: 0 } }
      : { op: "ReduceMean", in: ["k", "space"], out: ["g"], attributes: { keepdims: 0 } };
  return {
    name: `one structure in the style of opset ${opset}`,
    becomes: [
      "batchNorm",
      "relu6",
      "conv2d",
      "relu",
      "conv2d",
      "conv2d",
      "add",
      "select",
      "conv2d",
      "select",
      "concat",
      "globalAveragePool",
      "dense",
    ],
    file: {
      opset,
      irVersion: opset < 11 ? 4 : 8,
      nodes: [
        {
          op: "Conv",
          in: ["x", "stem.weight"],
          out: ["c1"],
          attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
        },
        { op: "BatchNormalization", in: ["c1", ...bnNames(10)], out: ["n1"] },
        clip,
        {
          op: "Conv",
          in: ["r1", "block.conv1.weight", "block.conv1.bias"],
          out: ["c2"],
          attributes: { pads: [1, 1, 1, 1] },
        },
        { op: "Relu", in: ["c2"], out: ["r2"] },
        { op: "Conv", in: ["r2", "block.conv2.weight"], out: ["c3"], attributes: { pads: [1, 1, 1, 1] } },
        { op: "Conv", in: ["r1", "block.shortcut.weight"], out: ["s"] },
        { op: "Add", in: ["c3", "s"], out: ["a1"] },
        split,
        {
          op: "Conv",
          in: ["p", "depthwise.weight"],
          out: ["d"],
          attributes: { group: 4, pads: [1, 1, 1, 1] },
        },
        { op: "Concat", in: ["d", "q"], out: ["k"], attributes: { axis: 1 } },
        mean,
        { op: "Gemm", in: ["g", "fc.weight", "fc.bias"], out: ["y"], attributes: { transB: 1 } },
      ],
      tensors: {
        "stem.weight": tensor([6, 3, 3, 3], 1),
        ...bn(10),
        "block.conv1.weight": tensor([8, 6, 3, 3], 2),
        "block.conv1.bias": tensor([8], 3),
        "block.conv2.weight": tensor([8, 8, 3, 3], 4),
        "block.shortcut.weight": tensor([8, 6, 1, 1], 5),
        "depthwise.weight": tensor([4, 1, 3, 3], 6),
        "fc.weight": tensor([2, 8], 7),
        "fc.bias": tensor([2], 8),
        ...(opset < 11 ? {} : { zero: scalar(0), six: scalar(6) }),
        ...(opset < 13 ? {} : { halves: ints([4, 4]) }),
        ...(opset < 18 ? {} : { space: ints([2, 3]) }),
      },
    },
  };
}

const toLast = (of: string): FileNode => ({
  op: "Transpose",
  in: [of],
  out: ["t"],
  attributes: { perm: [0, 2, 3, 1] },
});
const toFirst = (of: string): FileNode => ({
  op: "Transpose",
  in: [of],
  out: ["b"],
  attributes: { perm: [0, 3, 1, 2] },
});
const scaleAndShift = { "n.weight": tensor([6], 5), "n.bias": tensor([6], 6) };
const overLast = { axes: [-1] };

/** x / √(mean of squares of d + ε) step by step, d itself or x less its mean. */
const steps = (d: string, square: FileNode): FileNode[] => [
  square,
  { op: "ReduceMean", in: ["d2"], out: ["v"], attributes: overLast },
  { op: "Add", in: ["v", "epsilon"], out: ["ve"] },
  { op: "Sqrt", in: ["ve"], out: ["s"] },
  { op: "Div", in: [d, "s"], out: ["n"] },
];

const normalisations: OnnxCase[] = [
  body(
    "LayerNormalization of channels",
    ["layerNorm"],
    [toLast("c"), { op: "LayerNormalization", in: ["t", "n.weight", "n.bias"], out: ["l"] }, toFirst("l")],
    { opset: 17, tensors: scaleAndShift },
  ),
  body(
    "LayerNormalization of channels, height and width",
    ["layerNorm", "affine"],
    [one("LayerNormalization", { axis: 1 }, ["n.weight", "n.bias"])],
    { opset: 17, tensors: { "n.weight": tensor([6, 8, 8], 5), "n.bias": tensor([6, 8, 8], 6) } },
  ),
  body(
    "layer normalisation step by step",
    ["layerNorm"],
    [
      toLast("c"),
      { op: "ReduceMean", in: ["t"], out: ["m"], attributes: overLast },
      { op: "Sub", in: ["t", "m"], out: ["d"] },
      ...steps("d", { op: "Pow", in: ["d", "two"], out: ["d2"] }),
      { op: "Mul", in: ["n", "n.weight"], out: ["w"] },
      { op: "Add", in: ["w", "n.bias"], out: ["l"] },
      toFirst("l"),
    ],
    { tensors: { ...scaleAndShift, two: scalar(2), epsilon: scalar(1e-5) } },
  ),
  body(
    "RMS normalisation step by step",
    ["layerNorm"],
    [
      toLast("c"),
      ...steps("t", { op: "Mul", in: ["t", "t"], out: ["d2"] }),
      { op: "Mul", in: ["n.weight", "n"], out: ["l"] },
      toFirst("l"),
    ],
    { tensors: { ...scaleAndShift, epsilon: scalar(1e-5) } },
  ),
  body("InstanceNormalization", ["layerNorm"], [one("InstanceNormalization", {}, ["n.weight", "n.bias"])], {
    tensors: scaleAndShift,
  }),
  body(
    "group normalisation as PyTorch writes it",
    ["layerNorm"],
    [
      { op: "Reshape", in: ["c", "to"], out: ["r"] },
      { op: "InstanceNormalization", in: ["r", "ones", "zeros"], out: ["i"] },
      { op: "Reshape", in: ["i", "back"], out: ["n"] },
      { op: "Mul", in: ["n", "n.weight"], out: ["w"] },
      { op: "Add", in: ["w", "n.bias"], out: ["b"] },
    ],
    {
      tensors: {
        to: ints([0, 3, -1]),
        back: ints([-1, 6, 8, 8]),
        ones: numbers([1, 1, 1]),
        zeros: numbers([0, 0, 0]),
        "n.weight": tensor([6, 1, 1], 5),
        "n.bias": tensor([6, 1, 1], 6),
      },
    },
  ),
  body(
    "GroupNormalization with a scale for each channel",
    ["layerNorm"],
    [one("GroupNormalization", { num_groups: 2 }, ["n.weight", "n.bias"])],
    { opset: 21, tensors: scaleAndShift },
  ),
  {
    ...body(
      "GroupNormalization with a scale for each group",
      ["layerNorm"],
      [one("GroupNormalization", { num_groups: 2 }, ["n.weight", "n.bias"])],
      { opset: 18, tensors: { "n.weight": tensor([2], 5), "n.bias": tensor([2], 6) } },
    ),
    // deprecated, and onnxruntime refuses it
    runs: false,
  },
  body("LpNormalization", ["layerNorm", "linear"], [one("LpNormalization", { axis: 1 })]),
  {
    ...body(
      "RMSNormalization",
      ["layerNorm"],
      [toLast("c"), { op: "RMSNormalization", in: ["t", "n.weight"], out: ["l"] }, toFirst("l")],
      { opset: 23, tensors: { "n.weight": tensor([6], 5) } },
    ),
    runs: false,
  },
];

const products: OnnxCase[] = [
  body(
    "a gate of channels",
    ["averagePool2d", "conv2d", "sigmoid", "multiply"],
    [
      { op: "GlobalAveragePool", in: ["c"], out: ["p"] },
      { op: "Conv", in: ["p", "gate.weight"], out: ["q"] },
      { op: "Sigmoid", in: ["q"], out: ["s"] },
      { op: "Mul", in: ["s", "c"], out: ["b"] },
    ],
    { tensors: { "gate.weight": tensor([6, 6, 1, 1], 5) } },
  ),
  body(
    "a gate of places",
    ["conv2d", "multiply"],
    [
      { op: "Conv", in: ["c", "gate.weight"], out: ["q"] },
      { op: "Mul", in: ["c", "q"], out: ["b"] },
    ],
    { tensors: { "gate.weight": tensor([1, 6, 1, 1], 5) } },
  ),
  body(
    "gated units, last",
    ["dense", "dense", "sigmoid", "multiply"],
    [
      toLast("c"),
      { op: "MatMul", in: ["t", "a.weight"], out: ["a"] },
      { op: "MatMul", in: ["t", "g.weight"], out: ["h"] },
      { op: "Add", in: ["h", "g.bias"], out: ["gb"] },
      { op: "Sigmoid", in: ["gb"], out: ["s"] },
      { op: "Mul", in: ["a", "s"], out: ["l"] },
      toFirst("l"),
    ],
    { tensors: { "a.weight": tensor([6, 6], 5), "g.weight": tensor([6, 6], 7), "g.bias": tensor([6], 6) } },
  ),
  body(
    "a cube of itself",
    ["multiply", "multiply"],
    [
      { op: "Mul", in: ["c", "c"], out: ["s"] },
      { op: "Mul", in: ["s", "c"], out: ["b"] },
    ],
  ),
  body("a number added to each element", ["affine"], [one("Add", {}, ["positions"])], {
    tensors: { positions: tensor([1, 6, 8, 8], 5) },
  }),
  body(
    "a number added to each element, channels last",
    ["affine"],
    [toLast("c"), { op: "Add", in: ["t", "positions"], out: ["l"] }, toFirst("l")],
    { tensors: { positions: tensor([8, 8, 6], 5) } },
  ),
  body(
    "a class token before others",
    ["learned", "pad", "rearrange", "pad", "add"],
    [
      { op: "Reshape", in: ["c", "to"], out: ["r"] },
      { op: "Transpose", in: ["r"], out: ["t"], attributes: { perm: [0, 2, 1] } },
      { op: "Concat", in: ["token", "t"], out: ["j"], attributes: { axis: 1 } },
      { op: "Transpose", in: ["j"], out: ["b"], attributes: { perm: [0, 2, 1] } },
    ],
    { tensors: { to: ints([0, 6, 64]), token: numbers([3, 1, 4, 1, 5, 9, 3, 1, 4, 1, 5, 9], [2, 1, 6]) } },
  ),
  body(
    "a class token that is repeated for the batch",
    ["learned", "pad", "rearrange", "pad", "add"],
    [
      { op: "Reshape", in: ["c", "to"], out: ["r"] },
      { op: "Transpose", in: ["r"], out: ["t"], attributes: { perm: [0, 2, 1] } },
      { op: "Shape", in: ["x"], out: ["dims"] },
      { op: "Gather", in: ["dims", "first"], out: ["n"], attributes: { axis: 0 } },
      { op: "Concat", in: ["n", "rest"], out: ["wanted"], attributes: { axis: 0 } },
      { op: "Expand", in: ["token", "wanted"], out: ["tokens"] },
      { op: "Concat", in: ["tokens", "t"], out: ["j"], attributes: { axis: 1 } },
      { op: "Transpose", in: ["j"], out: ["b"], attributes: { perm: [0, 2, 1] } },
    ],
    {
      tensors: { to: ints([0, 6, 64]), first: ints([0]), rest: ints([1, 6]), token: tensor([1, 1, 6], 5) },
    },
  ),
  body(
    "an image above its like",
    ["pad", "relu", "pad", "add"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Concat", in: ["c", "r"], out: ["b"], attributes: { axis: 2 } },
    ],
  ),
  body(
    "constants that bring values to one range",
    ["relu", "affine", "affine"],
    [
      { op: "Relu", in: ["c"], out: ["r"] },
      { op: "Sub", in: ["r", "mean"], out: ["m"] },
      { op: "Div", in: ["m", "deviation"], out: ["b"] },
    ],
    { tensors: { mean: tensor([6, 1, 1], 5), deviation: numbers([1, 2, 3, 4, 5, 6], [1, 6, 1, 1]) } },
  ),
];

const moved: readonly OnnxCase[] = [
  body(
    "a gate that Expand makes as large as what it multiplies",
    ["averagePool2d", "sigmoid", "resize", "multiply"],
    [
      { op: "ReduceMean", in: ["c"], out: ["m"], attributes: { axes: [2, 3], keepdims: 1 } },
      { op: "Sigmoid", in: ["m"], out: ["s"] },
      { op: "Shape", in: ["c"], out: ["dims"] },
      { op: "Expand", in: ["s", "dims"], out: ["e"] },
      { op: "Mul", in: ["c", "e"], out: ["b"] },
    ],
  ),
  body(
    "a gate that Tile makes as large",
    ["averagePool2d", "resize", "multiply"],
    [
      { op: "ReduceMean", in: ["c"], out: ["m"], attributes: { axes: [2, 3], keepdims: 1 } },
      { op: "Tile", in: ["m", "times"], out: ["e"] },
      { op: "Mul", in: ["c", "e"], out: ["b"] },
    ],
    { tensors: { times: ints([1, 1, 8, 8]) } },
  ),
  body(
    "a value less another",
    ["averagePool2d", "linear", "add"],
    [
      {
        op: "AveragePool",
        in: ["c"],
        out: ["a"],
        attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 0 },
      },
      { op: "Sub", in: ["a", "c"], out: ["b"] },
    ],
  ),
  body(
    "rows in another order, some of them twice",
    ["resize"],
    [{ op: "Gather", in: ["c", "rows"], out: ["b"], attributes: { axis: 2 } }],
    { tensors: { rows: ints([0, 3, 1, 1, -1]) } },
  ),
  body(
    "batch normalisation of tokens beside the examples",
    ["batchNorm"],
    [
      { op: "Reshape", in: ["c", "flat"], out: ["r"] },
      { op: "Transpose", in: ["r"], out: ["t"], attributes: { perm: [0, 2, 1] } },
      { op: "Reshape", in: ["t", "list"], out: ["l"] },
      { op: "BatchNormalization", in: ["l", "own", "own", "own", "positive"], out: ["n"] },
      { op: "Reshape", in: ["n", "tokens"], out: ["u"] },
      { op: "Transpose", in: ["u"], out: ["w"], attributes: { perm: [0, 2, 1] } },
      { op: "Reshape", in: ["w", "image"], out: ["b"] },
    ],
    {
      tensors: {
        flat: ints([0, 6, 64]),
        list: ints([-1, 6]),
        tokens: ints([-1, 64, 6]),
        image: ints([0, 6, 8, 8]),
        own: tensor([6], 5),
        positive: numbers([1, 2, 3, 4, 5, 6]),
      },
    },
  ),
  body(
    "rotary embeddings: units of each head side by side, angles alike for all heads",
    ["affine", "select", "linear", "select", "select", "concat", "affine", "select", "add"],
    [
      { op: "Reshape", in: ["c", "by head"], out: ["k"] },
      { op: "Transpose", in: ["k"], out: ["q"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "Slice", in: ["q", "zero", "one", "axis"], out: ["first"] },
      { op: "Slice", in: ["q", "one", "three", "axis"], out: ["rest"] },
      { op: "Neg", in: ["rest"], out: ["minus"] },
      { op: "Concat", in: ["minus", "first"], out: ["turned"], attributes: { axis: 3 } },
      { op: "Mul", in: ["q", "cosines"], out: ["qc"] },
      { op: "Mul", in: ["turned", "sines"], out: ["qs"] },
      { op: "Add", in: ["qc", "qs"], out: ["a"] },
      { op: "Transpose", in: ["a"], out: ["back"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "Reshape", in: ["back", "image"], out: ["b"] },
    ],
    {
      tensors: {
        "by head": ints([0, 2, 3, 64]),
        image: ints([0, 6, 8, 8]),
        zero: ints([0]),
        one: ints([1]),
        three: ints([3]),
        axis: ints([3]),
        cosines: tensor([1, 64, 3], 5),
        sines: tensor([1, 1, 64, 3], 6),
      },
    },
  ),
];

const attentions: readonly OnnxCase[] = [
  body(
    "attention by Einsum",
    ["attention"],
    [
      { op: "Transpose", in: ["c"], out: ["q"], attributes: { perm: [0, 2, 3, 1] } },
      {
        op: "Einsum",
        in: ["q", "q"],
        out: ["products"],
        attributes: { equation: "B G I D, B G J D -> B G I J" },
      },
      { op: "Softmax", in: ["products"], out: ["weights"], attributes: { axis: -1 } },
      { op: "Einsum", in: ["weights", "q"], out: ["means"], attributes: { equation: "...ij,...jd->...id" } },
      { op: "Transpose", in: ["means"], out: ["b"], attributes: { perm: [0, 3, 1, 2] } },
    ],
  ),
  body(
    "attention whose values come before their weights, transposed",
    ["attention"],
    [
      { op: "Transpose", in: ["c"], out: ["q"], attributes: { perm: [0, 2, 3, 1] } },
      { op: "Transpose", in: ["c"], out: ["k"], attributes: { perm: [0, 2, 1, 3] } },
      { op: "MatMul", in: ["q", "k"], out: ["products"] },
      { op: "Softmax", in: ["products"], out: ["weights"], attributes: { axis: -1 } },
      { op: "Transpose", in: ["weights"], out: ["turned"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "MatMul", in: ["k", "turned"], out: ["means"] },
      { op: "Transpose", in: ["means"], out: ["b"], attributes: { perm: [0, 2, 1, 3] } },
    ],
  ),
  {
    ...body(
      "attention in windows that a mask tells from examples, as of shifted windows",
      ["attention"],
      [
        { op: "Transpose", in: ["c"], out: ["q"], attributes: { perm: [0, 2, 3, 1] } },
        { op: "Transpose", in: ["c"], out: ["k"], attributes: { perm: [0, 2, 1, 3] } },
        { op: "Reshape", in: ["q", "windows of q"], out: ["qw"] },
        { op: "Reshape", in: ["k", "windows of k"], out: ["kw"] },
        { op: "MatMul", in: ["qw", "kw"], out: ["products"] },
        { op: "Add", in: ["products", "position"], out: ["positioned"] },
        { op: "Reshape", in: ["positioned", "apart"], out: ["divided"] },
        { op: "Add", in: ["divided", "shift"], out: ["masked"] },
        { op: "Reshape", in: ["masked", "together"], out: ["scores"] },
        { op: "Softmax", in: ["scores"], out: ["weights"], attributes: { axis: -1 } },
        { op: "MatMul", in: ["weights", "qw"], out: ["means"] },
        { op: "Reshape", in: ["means", "rows"], out: ["image"] },
        { op: "Transpose", in: ["image"], out: ["b"], attributes: { perm: [0, 3, 1, 2] } },
      ],
      {
        inputs: { x: [1, 3, 8, 8] },
        tensors: {
          "windows of q": ints([-1, 1, 8, 6]),
          "windows of k": ints([-1, 1, 6, 8]),
          apart: ints([-1, 8, 1, 8, 8]),
          together: ints([-1, 1, 8, 8]),
          rows: ints([-1, 8, 8, 6]),
          position: tensor([1, 1, 8, 8], 5),
          shift: tensor([1, 8, 1, 8, 8], 6),
        },
      },
    ),
    // its examples are one: elsewhere they are two
    runs: false,
  },
  body(
    "attention of two heads: a scale on the queries and on the scores, a mask, a query without keys",
    ["rearrange", "rearrange", "rearrange", "attention", "rearrange"],
    [
      { op: "Reshape", in: ["c", "by head"], out: ["k"] },
      { op: "Transpose", in: ["k"], out: ["q"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "Mul", in: ["q", "half"], out: ["qs"] },
      { op: "MatMul", in: ["qs", "k"], out: ["products"] },
      { op: "Div", in: ["products", "half"], out: ["scores"] },
      { op: "Add", in: ["scores", "mask"], out: ["masked"] },
      { op: "Softmax", in: ["masked"], out: ["p"], attributes: { axis: -1 } },
      { op: "IsNaN", in: ["p"], out: ["none"] },
      { op: "Where", in: ["none", "zero", "p"], out: ["weights"] },
      { op: "MatMul", in: ["weights", "q"], out: ["means"] },
      { op: "Transpose", in: ["means"], out: ["turned"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "Reshape", in: ["turned", "image"], out: ["b"] },
    ],
    {
      tensors: {
        "by head": ints([0, 2, 3, 64]),
        image: ints([0, 6, 8, 8]),
        half: scalar(0.5),
        zero: scalar(0),
        mask: numbers(
          Array.from({ length: 64 * 64 }, (_, k) =>
            k < 64 || k % 5 === 1 ? Number.NEGATIVE_INFINITY : (k % 7) / 4,
          ),
          [1, 64, 64],
        ),
      },
    },
  ),
  ...[0, 1].map((isCausal) =>
    body(
      `attention as one node, ${isCausal ? "causal" : "with a mask of what is kept"}`,
      ["rearrange", "rearrange", "rearrange", "attention", "rearrange"],
      [
        { op: "Reshape", in: ["c", "flat"], out: ["units"] },
        { op: "Transpose", in: ["units"], out: ["tokens"], attributes: { perm: [0, 2, 1] } },
        {
          op: "Attention",
          in: ["tokens", "tokens", "tokens", ...(isCausal ? [] : ["kept"])],
          out: ["means"],
          attributes: { q_num_heads: 3, kv_num_heads: 3, is_causal: isCausal },
        },
        { op: "Transpose", in: ["means"], out: ["turned"], attributes: { perm: [0, 2, 1] } },
        { op: "Reshape", in: ["turned", "image"], out: ["b"] },
      ],
      {
        opset: 23,
        tensors: {
          flat: ints([0, 6, 64]),
          image: ints([0, 6, 8, 8]),
          kept: {
            dims: [64, 64],
            values: Array.from({ length: 64 * 64 }, (_, k) => Number(k % 3 !== 1)),
            type: "bool",
          },
        },
      },
    ),
  ),
  body(
    "attention as one node, all heads with the keys and values of one",
    ["rearrange", "select", "select", "rearrange", "select", "rearrange", "attention", "rearrange"],
    [
      { op: "Reshape", in: ["c", "flat"], out: ["units"] },
      { op: "Transpose", in: ["units"], out: ["tokens"], attributes: { perm: [0, 2, 1] } },
      { op: "Slice", in: ["tokens", "zero", "two", "two"], out: ["shared"] },
      {
        op: "Attention",
        in: ["tokens", "shared", "shared"],
        out: ["means"],
        attributes: { q_num_heads: 3, kv_num_heads: 1 },
      },
      { op: "Transpose", in: ["means"], out: ["turned"], attributes: { perm: [0, 2, 1] } },
      { op: "Reshape", in: ["turned", "image"], out: ["b"] },
    ],
    {
      opset: 23,
      tensors: { flat: ints([0, 6, 64]), image: ints([0, 6, 8, 8]), zero: ints([0]), two: ints([2]) },
    },
  ),
  body(
    "keys that two heads share, by Reshape, Expand and Reshape",
    ["rearrange", "select", "select", "rearrange", "rearrange", "attention", "rearrange"],
    [
      { op: "Reshape", in: ["c", "by head"], out: ["q turned"] },
      { op: "Transpose", in: ["q turned"], out: ["q"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "Slice", in: ["c", "zero", "three", "one"], out: ["three units"] },
      { op: "Reshape", in: ["three units", "as one"], out: ["one head"] },
      { op: "Expand", in: ["one head", "for each"], out: ["copies"] },
      { op: "Reshape", in: ["copies", "by head"], out: ["k"] },
      { op: "MatMul", in: ["q", "k"], out: ["scores"] },
      { op: "Softmax", in: ["scores"], out: ["weights"], attributes: { axis: -1 } },
      { op: "MatMul", in: ["weights", "q"], out: ["means"] },
      { op: "Transpose", in: ["means"], out: ["turned"], attributes: { perm: [0, 1, 3, 2] } },
      { op: "Reshape", in: ["turned", "image"], out: ["b"] },
    ],
    {
      tensors: {
        zero: ints([0]),
        three: ints([3]),
        one: ints([1]),
        "by head": ints([0, 2, 3, 64]),
        "as one": ints([0, 1, 1, 3, 64]),
        "for each": ints([1, 1, 2, 3, 64]),
        image: ints([0, 6, 8, 8]),
      },
    },
  ),
  ...(
    [
      ["LSTM", 4, "bidirectional", {}],
      ["GRU", 3, "reverse", { linear_before_reset: 1 }],
      ["GRU", 3, "forward", {}],
      ["RNN", 1, "forward", { activations: { texts: ["Relu"] } }],
    ] as const
  ).map(([op, gates, direction, attributes]) => {
    const directions = direction === "bidirectional" ? 2 : 1;
    return body(
      `${op} over columns, ${direction}${"linear_before_reset" in attributes ? ", as PyTorch's" : ""}`,
      directions === 2
        ? ["averagePool", ...DIRECTION, ...DIRECTION, "concat", "rearrange"]
        : ["averagePool", ...DIRECTION],
      [
        { op: "ReduceMean", in: ["c"], out: ["columns"], attributes: { axes: [2], keepdims: 0 } },
        { op: "Transpose", in: ["columns"], out: ["steps"], attributes: { perm: [2, 0, 1] } },
        {
          op,
          in: ["steps", "w", "r", "both"],
          out: ["states"],
          attributes: { hidden_size: 3, direction, ...attributes },
        },
        { op: "Transpose", in: ["states"], out: ["b"], attributes: { perm: [2, 3, 1, 0] } },
      ],
      {
        tensors: {
          w: tensor([directions, gates * 3, 6], 5),
          r: tensor([directions, gates * 3, 3], 6),
          both: tensor([directions, 2 * gates * 3], 7),
        },
      },
      3,
    );
  }),
  body(
    "attention within rows of an image: windows with a mask each, keys that a condition leaves out",
    ["attention"],
    [
      { op: "Transpose", in: ["c"], out: ["q"], attributes: { perm: [0, 2, 3, 1] } },
      { op: "Transpose", in: ["c"], out: ["k"], attributes: { perm: [0, 2, 1, 3] } },
      { op: "MatMul", in: ["q", "k"], out: ["products"] },
      { op: "Greater", in: ["mask", "zero"], out: ["kept"] },
      { op: "Where", in: ["kept", "products", "none"], out: ["masked"] },
      { op: "Softmax", in: ["masked"], out: ["weights"], attributes: { axis: -1 } },
      { op: "MatMul", in: ["weights", "q"], out: ["means"] },
      { op: "Transpose", in: ["means"], out: ["b"], attributes: { perm: [0, 3, 1, 2] } },
    ],
    {
      tensors: {
        zero: scalar(0),
        none: scalar(Number.NEGATIVE_INFINITY),
        mask: numbers(
          Array.from({ length: 8 * 64 }, (_, k) => (k % 8 === 0 || k % 3 === 0 ? 1 : -1)),
          [8, 8, 8],
        ),
      },
    },
  ),
];

/** From "u", `[n, 2, 6, 8, 8]` of two branches of units, to the scores of each unit of a branch, `[n, 12, 1, 1]` in "s". */
const branchScores: readonly FileNode[] = [
  { op: "ReduceSum", in: ["u", "branch"], out: ["both"], attributes: { keepdims: 0 } },
  { op: "ReduceMean", in: ["both"], out: ["mean"], attributes: { axes: [2, 3], keepdims: 1 } },
  { op: "Conv", in: ["mean", "select"], out: ["s"] },
];
const weighed: readonly FileNode[] = [
  { op: "Mul", in: ["u", "p"], out: ["w"] },
  { op: "ReduceSum", in: ["w", "branch"], out: ["b"], attributes: { keepdims: 0 } },
];
const ofBranches = {
  branch: ints([1]),
  select: tensor([12, 6, 1, 1], 21),
  apart: ints([0, 2, 6, 1, 1]),
};
const twoParts = ["select", "select"];
const difference = ["linear", "add", "sigmoid"];
const selected = [
  ...[...twoParts, "add", "averagePool2d", "conv2d"],
  ...[...twoParts, ...difference, ...difference, "concat", "multiply"],
  ...[...twoParts, "add"],
];
const branches: readonly OnnxCase[] = [
  body(
    "branches stacked and weighed by a softmax over them (selective kernels)",
    ["conv2d", "conv2d", "concat", ...selected],
    [
      ...["1", "2"].flatMap((k): FileNode[] => [
        { op: "Conv", in: ["c", `w${k}`], out: [`c${k}`] },
        { op: "Unsqueeze", in: [`c${k}`, "branch"], out: [`u${k}`] },
      ]),
      { op: "Concat", in: ["u1", "u2"], out: ["u"], attributes: { axis: 1 } },
      ...branchScores,
      { op: "Reshape", in: ["s", "apart"], out: ["t"] },
      { op: "Softmax", in: ["t"], out: ["p"], attributes: { axis: 1 } },
      ...weighed,
    ],
    { tensors: { ...ofBranches, w1: tensor([6, 6, 1, 1], 20), w2: tensor([6, 6, 1, 1], 22) } },
  ),
  body(
    "groups of units weighed by a softmax over two of them (split attention)",
    ["conv2d", ...selected],
    [
      { op: "Conv", in: ["c", "w1"], out: ["c1"] },
      { op: "Reshape", in: ["c1", "pair"], out: ["u"] },
      ...branchScores,
      { op: "Reshape", in: ["s", "radix"], out: ["t"] },
      { op: "Transpose", in: ["t"], out: ["t2"], attributes: { perm: [0, 2, 1, 3] } },
      { op: "Softmax", in: ["t2"], out: ["t3"], attributes: { axis: 1 } },
      { op: "Reshape", in: ["t3", "flat"], out: ["t4"] },
      { op: "Reshape", in: ["t4", "apart"], out: ["p"] },
      ...weighed,
    ],
    {
      tensors: {
        ...ofBranches,
        ...{ w1: tensor([12, 6, 1, 1], 20), pair: ints([0, 2, 6, 8, 8]) },
        ...{ radix: ints([0, 1, 2, -1]), flat: ints([0, -1]) },
      },
    },
  ),
];

/** Sums over the last axis of places by weights of a softmax, of one score for all units or one for each. */
const weighings: readonly OnnxCase[] = [1, 6].map((units) =>
  body(
    `a sum over places by the softmax of ${units === 1 ? "one score" : "each unit's scores"}`,
    ["conv2d", "slice", "linear", "attention", "multiply"],
    [
      { op: "Conv", in: ["c", "score"], out: ["s"] },
      { op: "Softmax", in: ["s"], out: ["p"], attributes: { axis: -1 } },
      { op: "Mul", in: ["c", "p"], out: ["w"] },
      { op: "ReduceSum", in: ["w", "last"], out: ["sum"], attributes: { keepdims: 1 } },
      { op: "Mul", in: ["c", "sum"], out: ["b"] },
    ],
    { tensors: { score: tensor([units, 6, 1, 1], 20), last: ints([-1]) } },
  ),
);

/** As PyTorch's newer exporter writes a layer that is called twice: its weight turned anew for each call. */
const call = (k: number, input: string, output: string): readonly FileNode[] => [
  {
    op: "MatMul",
    in: [input, `val_${k}`],
    out: [`m${k}`],
    metadata: {
      "pkg.torch.onnx.name_scopes": "['', 'block', 'block.attn', 'linear']",
      "pkg.torch.onnx.fx_node": `%linear : call_function[target=…](args = (%x, %p_block_attn_qkv_weight, %p_block_bias))`,
    },
  },
  { op: "Add", in: [`m${k}`, "block.attn.both.bias"], out: [output] },
];
const calledTwice: OnnxCase = {
  name: "a weight that is turned anew for each call of its module",
  becomes: ["relu", "dense", "relu", "dense"],
  file: {
    producer: "pytorch",
    nodes: [
      ...call(3, "x", "a"),
      { op: "Relu", in: ["a"], out: ["r"] },
      ...call(8, "r", "b"),
      { op: "Relu", in: ["b"], out: ["s"] },
      { op: "Gemm", in: ["s", "fc.weight"], out: ["y"], attributes: { transB: 1 } },
    ],
    tensors: {
      val_3: tensor([5, 5], 1),
      val_8: tensor([5, 5], 1),
      "block.attn.both.bias": tensor([5], 2),
      "fc.weight": tensor([2, 5], 3),
    },
    inputs: { x: ["n", 5] },
  },
};

export const onnxCases: readonly OnnxCase[] = [
  ...attentions,
  ...moved,
  ...normalisations,
  ...products,
  ...activations,
  ...layers,
  ...flattens,
  ...dense,
  ...foldings,
  ...rare,
  ...branches,
  ...weighings,
  calledTwice,
  ...[9, 11, 13, 18, 22].map(inStyleOf),
];

/** Of those, the ones that are written back: activations and computed constants are all written alike. */
export const writtenCases: readonly OnnxCase[] = onnxCases.filter(
  (entry) =>
    !entry.becomes.includes("opaque") &&
    !(activations.includes(entry) && !/PRelu|x · HardSigmoid|Clip as ReLU6/.test(entry.name)) &&
    !(foldings.includes(entry) && !entry.name.endsWith("Mul")),
);

/** What an operation is called in {@link OnnxCase.becomes}. */
export function label(op: Operation): string {
  return op.kind === "activation" || op.kind === "resample" ? op.name : op.kind;
}
