/** Networks from anywhere as ONNX models: read again here and run by onnxruntime. Every operation of the registry: apps/runner/test/everyOperation.test.ts. */
import {
  ACTIVATIONS,
  type ActivationName,
  maskedWeights,
  type Network,
  NetworkBuilder,
  zooModel,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import { exportModel, readMaskFile, readModel } from "../src/index.ts";
import { uniform } from "./fuzz.ts";
import { batchFor, hasRuntime, predict, type RuntimeCase, runOnnx } from "./onnxRun.ts";
import { masksWithDeadUnits, randomWeights, sameBits } from "./predict.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

/** One convolution, an activation, and a head. */
function activated(name: ActivationName, alpha?: number, beta?: number): Network {
  const b = new NetworkBuilder(`${name}${alpha ?? ""}`, [2, 5, 5]);
  const conv = b.conv2d("conv", b.input, { outChannels: 6, kernel: 3 });
  // the convolution itself would take a number up
  const x = name === "linear" ? b.activation("tanh", conv) : conv;
  const op = {
    kind: "activation",
    name,
    ...(alpha !== undefined && { alpha }),
    ...(beta !== undefined && { beta }),
  } as const;
  return b.build(b.dense("fc", b.flatten(b.node("act", op, x)), 3, { bias: false }));
}

/** Windows of all kinds, groups, selections, sums, a dropout and an identity. */
function windows(): Network {
  const b = new NetworkBuilder("windows", [4, 13, 11]);
  let x = b.conv2d("grouped", b.input, {
    outChannels: 8,
    kernel: [3, 2],
    stride: [2, 1],
    padding: [1, 0, 2, 1],
    groups: 2,
  });
  x = b.relu(b.batchNorm("norm", x, { epsilon: 1e-3, momentum: 0.3 }));
  const pooled = [
    b.maxPool2d(x, { kernel: 2, ceil: true }),
    b.averagePool2d(x, { kernel: 2, ceil: true }),
    b.node(
      "uncounted",
      {
        kind: "averagePool2d",
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1, 1, 1],
        dilation: [1, 1],
        countPadding: false,
        ceil: false,
      },
      x,
    ),
  ];
  const shuffled = b.node("shuffled", { kind: "select", index: [4, 0, 5, 1, 6, 2, 7, 3] }, pooled[2]!);
  x = b.concat(b.add(pooled[0]!, pooled[1]!, pooled[0]!), b.node("same", { kind: "identity" }, shuffled));
  x = b.conv2d("dilated", x, { outChannels: 6, kernel: 2, dilation: 2, bias: false });
  x = b.dropout(0.3, b.globalAveragePool(x));
  return b.build(b.batchNorm("last", b.dense("fc", x, 5)));
}

/** Slopes of a channel each, one for all, and of a feature each. */
function slopes(): Network {
  const b = new NetworkBuilder("slopes", [2, 5, 5]);
  const act = (name: string, x: string, shared = false) =>
    b.node(name, { kind: "prelu", slope: `${name}.weight`, shared }, x);
  const conv = act("act1", b.conv2d("conv", b.input, { outChannels: 6, kernel: 3 }));
  const x = act("act2", b.conv2d("conv2", conv, { outChannels: 4, kernel: 2 }), true);
  return b.build(b.dense("fc2", act("act3", b.dense("fc", b.flatten(x), 5)), 3));
}

const NETWORKS: Network[] = [
  slopes(),
  ...ACTIVATIONS.map((name) => activated(name)),
  activated("leakyRelu", 0.3),
  activated("elu", 0.7),
  activated("celu", 2),
  activated("hardSigmoid", 0.25, 0.4),
  activated("thresholdedRelu", 0.2),
  activated("clip", -0.3, 0.2),
  activated("silu", 1.7),
  activated("softplus", 2),
  activated("linear", 0.5, 0.3),
  windows(),
  zooModel("lenet5"),
  zooModel("mlp"),
];
const FORMS = ["zeroed", "compact", "original+masks"] as const;

const cases: (RuntimeCase & { expected: Float64Array })[] = [];
const tolerance = (expected: Float64Array) => 1e-4 * Math.max(1, ...expected.map(Math.abs));
function expectNear(found: ArrayLike<number>, expected: Float64Array): void {
  expect(found.length).toBe(expected.length);
  const most = tolerance(expected);
  for (const [k, y] of expected.entries()) expect(Math.abs(found[k]! - y)).toBeLessThan(most);
}

describe("a network as an ONNX model", () => {
  it.each(NETWORKS.map((network) => [network.name, network] as const))(
    "%s computes what the masked network computes, in every form, and keeps the names",
    async (name, network) => {
      const next = uniform(41);
      const weights = randomWeights(network, next);
      const masks = masksWithDeadUnits(network, next, 0.5);
      const x = batchFor(network, 2);
      const expected = predict(network, maskedWeights(weights, masks), x, 2);
      for (const form of FORMS) {
        const path = scratch(`${name}-${form}.onnx`);
        await exportModel(path, { format: "zoo", network, weights }, masks, form);
        cases.push({ name: `${name} ${form}`, model: path, x, shape: [2, ...network.inputShape], expected });
        const read = await readModel(path);
        expect(read.network.parameters.map(({ name: own }) => own)).toEqual(
          network.parameters.map(({ name: own }) => own),
        );
        expect(read.notes).toEqual([]);
        expectNear(predict(read.network, read.weights, x, 2), expected);
        if (form !== "original+masks") continue;
        expect(sameBits((await readMaskFile(path, network)).masks.bytes, masks.bytes)).toBe(true);
      }
    },
    20_000,
  );

  it.skipIf(!hasRuntime)(
    "passes onnx.checker and computes the same in onnxruntime (skipped without python3 and onnxruntime)",
    () => {
      expect(cases.length).toBe(NETWORKS.length * FORMS.length);
      const found = runOnnx(scratch("runs"), cases);
      for (const { name, expected } of cases) expectNear(found.get(name)!, expected);
    },
  );
});
