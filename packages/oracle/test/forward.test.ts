import { describe, expect, it } from "vitest";
import {
  activate,
  crossEntropy,
  forward,
  gradient,
  hessianVectorProduct,
  type OracleOp,
  type Parameters,
} from "../src/index.ts";

/** sin(1.7 k + 0.3): the numbers that PyTorch was given too. */
const ramp = (length: number) => Float64Array.from({ length }, (_, k) => Math.sin(1.7 * k + 0.3));
const dot = (y: Float64Array) => {
  const r = ramp(y.length);
  return y.reduce((sum, v, k) => sum + v * r[k]!, 0);
};
const single = (shape: number[], op: OracleOp) => ({
  nodes: [
    { name: "input", op: { kind: "input", shape } as const, inputs: [] },
    { name: "layer", op, inputs: [0] },
  ],
  output: 1,
});
const window = {
  kernel: [3, 2],
  stride: [2, 2],
  padding: [1, 1, 1, 1],
  dilation: [1, 1],
  ceil: true,
} as const;

// expected values: PyTorch 2.13 in float64
describe("the forward pass", () => {
  it("convolves with groups, uneven padding, stride and dilation as PyTorch", () => {
    const op = {
      kind: "conv2d",
      weight: "w",
      bias: "b",
      outChannels: 6,
      groups: 2,
      kernel: [3, 2],
      stride: [2, 1],
      padding: [2, 1, 1, 0],
      dilation: [1, 2],
    } as const;
    const parameters = new Map([
      ["w", ramp(72).map((v) => v / 2)],
      ["b", ramp(6)],
    ]);
    const { output } = forward(single([4, 7, 6], op), parameters, ramp(336), 2);
    expect(output.length).toBe(2 * 6 * 4 * 5);
    expect(dot(output)).toBeCloseTo(40.93244975576166, 10);
  });

  it.each([
    ["maxPool2d", undefined, -0.27046640458590065],
    ["averagePool2d", true, 1.2368556263533868],
    ["averagePool2d", false, 1.1637350295214404],
  ] as const)(
    "pools windows that hang over the edge as PyTorch: %s, padding counts: %s",
    (kind, countPadding, expected) => {
      const op = { kind, ...window, countPadding: countPadding ?? false };
      const { output } = forward(single([4, 7, 6], op), new Map(), ramp(336), 2);
      expect(output.length).toBe(2 * 4 * 4 * 4);
      expect(dot(output)).toBeCloseTo(expected, 10);
    },
  );

  it("normalises by the batch and moves the running statistics as PyTorch", () => {
    const op = {
      kind: "batchNorm",
      scale: "g",
      shift: "b",
      mean: "m",
      variance: "v",
      epsilon: 1e-3,
      momentum: 0.1,
    } as const;
    const parameters = new Map([
      ["g", ramp(4).map((v) => v + 1)],
      ["b", ramp(4)],
      ["m", ramp(4).map((v) => v / 10)],
      ["v", ramp(4).map((v) => 1 + v * v * 0.5)],
    ]);
    const { output, running } = forward(single([4, 7, 6], op), parameters, ramp(336), 2, {
      mode: "training",
    });
    expect(dot(output)).toBeCloseTo(230.30858919291194, 9);
    expect(running.get("m")![1]).toBeCloseTo(0.08146081535318404, 12);
    expect(running.get("v")![2]).toBeCloseTo(1.0776486709372344, 12);
  });

  it.each([
    ["relu6", [0, 0, 0, 0, 0, 0.5, 2, 3.5, 6]],
    ["leakyRelu", [-0.07, -0.035, -0.02, -0.005, 0, 0.5, 2, 3.5, 7]],
    [
      "gelu",
      [-8.958667e-12, -8.1420177662439e-4, -0.04550026389635842, -0.15426876936299344, 0, 0.345731230637],
    ],
    ["silu", [-0.006377358360804518, -0.10259280762974712, -0.2384058440442351, -0.1887703343990727, 0]],
    ["hardSwish", [0, 0, -1 / 3, -0.20833333333333334, 0, 0.2916666666666667, 5 / 3, 3.5, 7]],
    ["hardSigmoid", [0, 0, 1 / 6, 0.4166666666666667, 0.5, 0.5833333333333334, 5 / 6, 1, 1]],
    ["elu", [-0.9990881180344455, -0.9698026165776815, -0.8646647167633873, -0.3934693402873666, 0, 0.5]],
    ["softplus", [9.114664537742447e-4, 0.029750418272620566, 0.1269280110429725, 0.4740769841801067]],
    ["selu", [-1.7564961617648047, -1.705009340957283, -1.5201664685956948, -0.6917581878028713, 0]],
    ["celu", [-0.9990881180344455, -0.9698026165776815, -0.8646647167633873, -0.3934693402873666, 0, 0.5]],
    ["softsign", [-0.875, -0.7777777777777778, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 0.7777777777777778, 0.875]],
    ["mish", [-0.006380263409573668, -0.10409575448637122, -0.2525014826957089, -0.22074377465173, 0]],
    [
      "geluTanh",
      [0, -0.0006161976553737403, -0.04540230591222494, -0.15428599017485606, 0, 0.34571400982514],
    ],
    ["thresholdedRelu", [0, 0, 0, 0, 0, 0, 2, 3.5, 7]],
    ["clip", [-1, -1, -1, -0.5, 0, 0.5, 1, 1, 1]],
    ["sigmoid", [9.110511944006454e-4, 0.02931223075135632, 0.11920292202211755, 0.3775406687981454, 0.5]],
  ] as const)("computes %s as PyTorch", (name, expected) => {
    const at = [-7, -3.5, -2, -0.5, 0, 0.5, 2, 3.5, 7];
    for (const [k, y] of expected.entries()) expect(activate(name, at[k]!)).toBeCloseTo(y, 12);
  });
});

describe("the loss", () => {
  const logits = ramp(12).map((v) => 3 * v);

  it("is PyTorch's cross-entropy, with a divisor and label smoothing too", () => {
    expect(crossEntropy(logits, [0, 3, 1])).toBeCloseTo(2.846087630267252, 12);
    expect(crossEntropy(logits, [0, 3, 1], { divisor: 200, labelSmoothing: 0.1 })).toBeCloseTo(
      1.3863775262396005,
      12,
    );
  });
});

describe("central differences", () => {
  // f = Σ θ_i³ + θ_0 θ_1: gradient 3 θ² + swap, Hessian diag(6 θ) + swap
  const f = (parameters: Parameters) => {
    const t = parameters.get("t")!;
    return t[0]! ** 3 + t[1]! ** 3 + t[0]! * t[1]!;
  };
  const at = new Map([["t", [0.5, -2]]]);

  it("give the gradient", () => {
    const [g0, g1] = gradient(f, at, "t");
    expect(g0).toBeCloseTo(3 * 0.25 - 2, 8);
    expect(g1).toBeCloseTo(3 * 4 + 0.5, 8);
  });

  it("give Hessian-vector products", () => {
    const [h0, h1] = hessianVectorProduct(f, at, new Map([["t", [1, 10]]]), "t");
    expect(h0).toBeCloseTo(3 * 1 + 10, 5);
    expect(h1).toBeCloseTo(-12 * 10 + 1, 5);
  });
});
