import { describe, expect, it } from "vitest";
import { buildNetwork, type NodeSpec, prune, unitRun } from "../src/index.ts";
import { definitionOf, type Operation } from "../src/operations/registry.ts";

const given = (
  inputs: readonly Float64Array[],
  inputShapes: readonly (readonly number[])[],
  outputShape: readonly number[],
) => ({
  inputs,
  inputShapes,
  outputShape,
  power: 1 as const,
  weight: () => new Float32Array(),
  theta: () => new Float64Array(),
  kept: () => undefined,
  biases: false,
});
const numbers = (count: number, seed: number) =>
  Float64Array.from({ length: count }, (_, k) => Math.sin(seed * 12.9898 + k * 78.233));
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, k) => sum + x * b[k]!, 0);

describe.each<[string, Operation, readonly (readonly number[])[]]>([
  ["a slice of channels", { kind: "select", index: unitRun(1, 2) }, [[4, 2, 3]]],
  ["a slice of features", { kind: "select", index: unitRun(3, 2) }, [[5]]],
  ["channels padded with zeros", { kind: "select", index: [-1, 0, 1, 2, 3, -1, -1] }, [[4, 2, 3]]],
  ["a shuffle of channels, one of them twice", { kind: "select", index: [2, 0, 3, 2] }, [[4, 2, 3]]],
  [
    "a gate of one number a channel, and of one for all",
    { kind: "opaque", operation: "Mul", shape: [4, 2, 3], carries: "elements" },
    [[4, 2, 3], [4, 1, 1], [4], [1, 2, 3]],
  ],
  ["a resizing", { kind: "opaque", operation: "Resize", shape: [4, 4, 6], carries: "units" }, [[4, 2, 3]]],
  ["an opaque part of two inputs", { kind: "opaque", operation: "Gate", shape: [3, 2, 2] }, [[4, 2, 3], [5]]],
])("path sums through %s", (_name, op, shapes) => {
  it("are linear, and go back as they came: ⟨y, f(x)⟩ = ⟨f'(y), x⟩", () => {
    const definition = definitionOf(op);
    const outputShape = definition.shape(op, shapes, "node");
    const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
    const inputs = shapes.map((shape, k) => numbers(count(shape), k));
    const task = given(inputs, shapes, outputShape);
    const output = definition.pathForward(op, task);
    expect(output.length).toBe(count(outputShape));
    const gradient = numbers(output.length, 9);
    const back = definition.pathBackward(op, task, output, gradient);
    const there = dot(gradient, output);
    const here = inputs.reduce((sum, input, k) => sum + dot(input, back.inputs[k]!), 0);
    expect(here).toBeCloseTo(there, 10);
  });
});

describe("a selection", () => {
  it.each([
    [
      [1, 2],
      [2, 3, 4, 5],
    ],
    [
      [3, 0, 3],
      [6, 7, 0, 1, 6, 7],
    ],
    [
      [-1, 2, -1],
      [0, 0, 4, 5, 0, 0],
    ],
  ])("of units %j takes them in this order, zeros for -1", (index, wanted) => {
    const op: Operation = { kind: "select", index };
    const task = given([Float64Array.from({ length: 8 }, (_, k) => k)], [[4, 2]], [index.length, 2]);
    expect([...definitionOf(op).pathForward(op, task)]).toEqual(wanted);
  });

  it.each([[[-2, 0]], [[]], [[3, 4]], [[0.5]]])("refuses units %j of 4", (index) => {
    const op: Operation = { kind: "select", index };
    expect(() => definitionOf(op).shape(op, [[4, 2, 2]], "part")).toThrow('layer "part"');
  });
});

describe("an opaque part", () => {
  const specs: NodeSpec[] = [
    { name: "x", op: { kind: "input", shape: [6] }, inputs: [] },
    { name: "in", op: { kind: "dense", weight: "in", outFeatures: 5 }, inputs: ["x"] },
    { name: "odd", op: { kind: "opaque", operation: "Odd", shape: [7] }, inputs: ["in"] },
    { name: "odder", op: { kind: "opaque", operation: "Odder", shape: [4] }, inputs: ["odd"] },
    { name: "out", op: { kind: "dense", weight: "out", outFeatures: 3 }, inputs: ["odder"] },
  ];
  const network = buildNetwork("opaque", specs, "out");
  const weights = new Map(
    network.prunable.map(({ name, length }, k) => [name, Float32Array.from(numbers(length, k + 1))]),
  );

  it("is walked from any unit to any unit, both ways", async () => {
    const met = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const { masks } = await prune(network, weights, { method: "phew", density: 0.04, seed });
      // the first walk keeps one weight of each layer: input × 5 units, 4 units × output
      const [first, second] = network.prunable.map((p) => masks.of(p).indexOf(1));
      met.add(`${Math.floor(first! / 6)} ${second! % 4}`);
    }
    expect(met.size).toBeGreaterThan(8);
  });

  it("must have the shape of an image or of features", () => {
    const op: Operation = { kind: "opaque", operation: "Odd", shape: [2, 3] };
    expect(() => definitionOf(op).shape(op, [[6]], "odd")).toThrow("an output of shape [2, 3]");
  });
});
