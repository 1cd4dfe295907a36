/** Several inputs, and layers that share their weights: two images through one branch, and their difference in numbers. */
import { describe, expect, it } from "vitest";
import { elementPathSums } from "../../oracle/src/index.ts";
import {
  analyse,
  buildNetwork,
  compactNetwork,
  Masks,
  type Network,
  type NodeSpec,
  pathSums,
  prune,
  untied,
  type Weights,
} from "../src/index.ts";

const conv = (name: string, input: string): NodeSpec => ({
  name,
  op: {
    kind: "conv2d",
    weight: "branch.weight",
    bias: "branch.bias",
    outChannels: 3,
    kernel: [2, 2],
    stride: [1, 1],
    padding: [0, 0, 0, 0],
    dilation: [1, 1],
    groups: 1,
  },
  inputs: [input],
});
const node = (name: string, op: NodeSpec["op"], ...inputs: string[]): NodeSpec => ({ name, op, inputs });

function siamese(): Network {
  return buildNetwork(
    "siamese",
    [
      node("left", { kind: "input", shape: [2, 3, 3] }),
      node("right", { kind: "input", shape: [2, 3, 3] }),
      conv("a", "left"),
      conv("b", "right"),
      node("a/mean", { kind: "globalAveragePool" }, "a"),
      node("b/mean", { kind: "globalAveragePool" }, "b"),
      node("both", { kind: "concat" }, "a/mean", "b/mean"),
      node("head", { kind: "dense", weight: "head.weight", outFeatures: 2 }, "both"),
    ],
    "head",
  );
}

const weightsOf = ({ parameters }: Network): Weights =>
  new Map(
    parameters.map(({ name, shape }) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) =>
        Math.sin(3 * k + name.length),
      ),
    ]),
  );
const graphOf = ({ nodes, output }: Network) => ({
  nodes: nodes.map(({ name, op, inputs }) => ({ name, op, inputs })),
  output,
});

describe("a network of two inputs whose layers share a weight", () => {
  const network = siamese();
  const weights = weightsOf(network);

  it("has the weight once, with both its places, and examples of both inputs", () => {
    expect(network.parameters.map(({ name }) => name)).toEqual([
      "branch.weight",
      "branch.bias",
      "head.weight",
    ]);
    expect(network.prunableCount).toBe(24 + 12);
    expect(network.prunable[0]!.nodes.map((index) => network.nodes[index]!.name)).toEqual(["a", "b"]);
    expect(network.inputs.map((index) => network.nodes[index]!.name)).toEqual(["left", "right"]);
    expect(network.inputShape).toEqual([36]);
  });

  it.each([1, 2] as const)("sums its derivatives over both places, power %i", (power) => {
    const found = new Map<string, Float64Array>();
    const sum = pathSums(network, weights, {
      power,
      visit: (name, gradient) => found.set(name, gradient.slice()),
    });
    const oracle = elementPathSums(graphOf(network), weights, power);
    expect(sum).toBeCloseTo(oracle.sum, 8);
    for (const [name, expected] of oracle.gradients)
      for (const [k, value] of found.get(name)!.entries()) expect(value).toBeCloseTo(expected[k]!, 8);
  });

  it("is walked at both places, and keeps weights on paths alone", async () => {
    const { masks } = await prune(network, weights, { method: "phew", density: 0.3, seed: 3 });
    expect(masks.bytes.reduce((sum, kept) => sum + kept, 0)).toBe(Math.floor(0.3 * 36));
    const { ineffectiveCount, layers } = analyse(weights, masks);
    expect(ineffectiveCount).toBe(0);
    expect(layers.map(({ name }) => name)).toEqual(["branch.weight", "head.weight"]);
  });

  it("loses a unit at both places or at none", () => {
    const masks = Masks.dense(network);
    // channel 1 of the branch has no weights, and no bias
    masks.get("branch.weight")!.fill(0, 8, 16);
    const compact = compactNetwork(network, weights, masks);
    const shapes = compact.network.nodes.filter(({ name }) => name === "a" || name === "b");
    expect(shapes.map(({ shape }) => shape[0])).toEqual([2, 2]);
    expect(compact.network.prunable[0]!.shape).toEqual([2, 2, 2, 2]);
    expect(compact.network.inputs.map((index) => compact.network.nodes[index]!.name)).toEqual([
      "left",
      "right",
    ]);
    // read by one place alone it stays at both
    const half = Masks.dense(network);
    const head = half.get("head.weight")!;
    for (const o of [0, 1]) head[6 * o + 1] = 0;
    const kept = compactNetwork(network, weights, half).network;
    expect(kept.nodes.find(({ name }) => name === "a")!.shape[0]).toBe(3);
  });

  it("is computed layer by layer with copies, whose derivatives add up", () => {
    const own = untied(network)!;
    expect(own.network.parameters.map(({ name }) => name)).toEqual([
      "branch.weight",
      "branch.bias",
      "branch.weight#1",
      "branch.bias#1",
      "head.weight",
    ]);
    expect(own.weights(weights).get("branch.weight#1")).toBe(weights.get("branch.weight"));
    const sums = own.summed(
      new Map([
        ["branch.bias", Float32Array.of(1, 2, 3)],
        ["branch.bias#1", Float32Array.of(10, 20, 30)],
      ]),
    );
    expect([...sums]).toEqual([["branch.bias", Float32Array.of(11, 22, 33)]]);
  });

  it("is refused where layers have a name in different shapes", () => {
    const specs = [
      node("x", { kind: "input", shape: [4] }),
      node("a", { kind: "dense", weight: "w", outFeatures: 4 }, "x"),
      node("b", { kind: "dense", weight: "w", outFeatures: 3 }, "a"),
    ];
    expect(() => buildNetwork("odd", specs, "b")).toThrow(
      /weight \[4, 4\] in the layer "a" and weight \[3, 4\]/,
    );
  });
});
