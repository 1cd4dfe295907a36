import { shapesOf } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NetworkBuilder } from "../src/network/builder.ts";
import { buildNetwork, type Network, type NodeSpec } from "../src/network/network.ts";
import { unitCounts, unitFlows, weightFlows } from "../src/network/unitFlow.ts";
import type { Operation } from "../src/operations/registry.ts";
import { weightsFor } from "../src/weights/weights.ts";
import { zooEntries, zooModel } from "../src/zoo/zoo.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomNetworks } from "./randomNetwork.ts";

const node = (name: string, op: Operation, ...inputs: string[]): NodeSpec => ({ name, op, inputs });
const input = node("x", { kind: "input", shape: [4] });
const fc1 = (name: string, from: string, outFeatures = 3) =>
  node(name, { kind: "dense", weight: `${name}.weight`, outFeatures }, from);

describe("a network", () => {
  it("stands in topological order whatever order its nodes were given in; parameters keep the given order", () => {
    fc.assert(
      fc.property(randomNetworks, fc.infiniteStream(fc.nat()), ({ network }, keys) => {
        const specs = network.nodes.map(({ name, op, inputs }) => ({
          name,
          op,
          inputs: inputs.map((index) => network.nodes[index]!.name),
        }));
        const shuffled = specs
          .map((spec) => ({ spec, key: keys.next().value! }))
          .sort((p, q) => p.key - q.key)
          .map(({ spec }) => spec);
        const again = buildNetwork("again", shuffled, network.nodes[network.output]!.name);
        for (const [index, { inputs, consumers }] of again.nodes.entries()) {
          expect(inputs.every((from) => from < index)).toBe(true);
          expect(consumers.every((to) => again.nodes[to]!.inputs.includes(index))).toBe(true);
        }
        expect(again.nodes[0]!.op.kind).toBe("input");
        expect(again.output).toBe(again.nodes.length - 1);
        const shapes = new Map(network.nodes.map(({ name, shape }) => [name, shape]));
        for (const { name, shape } of again.nodes) expect(shape).toEqual(shapes.get(name));
        const given = shuffled.flatMap(({ op }) => ("weight" in op ? [op.weight] : []));
        expect(again.prunable.map(({ name }) => name)).toEqual(given);
        let start = 0;
        for (const parameter of again.prunable) {
          expect(parameter.start).toBe(start);
          start += parameter.length;
        }
        expect(again.prunableCount).toBe(start);
      }),
      { numRuns: 100 },
    );
  });

  it("has the shapes that the oracle infers, for every zoo model and every random network", () => {
    for (const { name } of zooEntries) {
      const network = zooModel(name);
      expect(shapesOf(oracleNetwork(network))).toEqual(network.nodes.map(({ shape }) => shape));
    }
    fc.assert(
      fc.property(randomNetworks, ({ network }) => {
        expect(shapesOf(oracleNetwork(network))).toEqual(network.nodes.map(({ shape }) => shape));
      }),
    );
  });

  it("may be thousands of layers deep", () => {
    const specs = [
      input,
      ...Array.from({ length: 5000 }, (_, k) => fc1(`l${k}`, k === 0 ? "x" : `l${k - 1}`)),
    ];
    expect(buildNetwork("deep", specs.reverse(), "l4999").nodes).toHaveLength(5001);
  });

  it.each<[string, NodeSpec[], string, RegExp]>([
    ["a name used twice", [input, fc1("a", "x"), fc1("a", "x")], "a", /layer "a": got the name twice/],
    ["no input", [fc1("a", "a")], "a", /network "n": got no input, expected at least one/],
    [
      "an input that nothing reads",
      [input, node("z", { kind: "input", shape: [4] }), fc1("a", "x")],
      "a",
      /layer "z": got a value that never reaches the output/,
    ],
    [
      "an unknown input",
      [input, fc1("first", "x"), fc1("b", "frist")],
      "b",
      /layer "b": input: got "frist".*Did you mean "first"\?/,
    ],
    ["an unknown output", [input, fc1("a", "x")], "out", /network "n": input: got "out"/],
    [
      "a cycle",
      [input, fc1("a", "s"), node("s", { kind: "add" }, "x", "a")],
      "a",
      /layer "a": got a cycle through it/,
    ],
    [
      "a value that is not used",
      [input, fc1("a", "x"), fc1("b", "x")],
      "a",
      /layer "b": got a value that never reaches the output/,
    ],
    [
      "no weights",
      [input, node("r", { kind: "activation", name: "relu" }, "x")],
      "r",
      /got no convolution and no dense layer/,
    ],
    [
      "too few inputs",
      [input, fc1("a", "x"), node("s", { kind: "add" }, "a")],
      "s",
      /layer "s": got 1 input, expected at least 2 for add/,
    ],
    [
      "too many inputs",
      [input, fc1("a", "x"), node("r", { kind: "activation", name: "relu" }, "a", "x")],
      "r",
      /got 2 inputs, expected 1 for activation/,
    ],
    [
      "a weight used twice, in different shapes",
      [input, fc1("a", "x", 4), node("b", { kind: "dense", weight: "a.weight", outFeatures: 2 }, "a")],
      "b",
      /parameter "a.weight": got weight \[4, 4\] in the layer "a" and weight \[2, 4\] in "b"/,
    ],
    [
      "shapes that do not add",
      [input, fc1("a", "x"), node("s", { kind: "add" }, "x", "a")],
      "s",
      /layer "s": got inputs of shapes \[4\] and \[3\]/,
    ],
  ])("refuses %s", (_, specs, output, message) => {
    expect(() => buildNetwork("n", specs, output)).toThrow(message);
  });
});

describe("the builder", () => {
  const image = () => new NetworkBuilder("image", [4, 8, 8]);

  it("names parameters after their layers", () => {
    const b = image();
    const x = b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 6, kernel: 3, groups: 2 }));
    const network = b.build(b.dense("fc", b.flatten(x), 5, { bias: false }));
    expect(network.parameters.map(({ name, shape, role }) => [name, shape, role])).toEqual([
      ["conv.weight", [6, 2, 3, 3], "weight"],
      ["conv.bias", [6], "bias"],
      ["bn.weight", [6], "scale"],
      ["bn.bias", [6], "shift"],
      ["bn.running_mean", [6], "mean"],
      ["bn.running_var", [6], "variance"],
      ["fc.weight", [5, 216], "weight"],
    ]);
    expect(network.inputShape).toEqual([4, 8, 8]);
    expect(network.outputShape).toEqual([5]);
  });

  it("gives a dense layer on an image one weight for all places, and one on features a weight for each", () => {
    const [places, features] = [image(), image()];
    const atPlaces = places.build(places.dense("fc", places.input, 3));
    const ofFeatures = features.build(features.dense("fc", features.flatten(features.input), 3));
    const shapes = ({ parameters }: Network) => parameters.map(({ shape }) => shape);
    expect(atPlaces.outputShape).toEqual([3, 8, 8]);
    expect(shapes(atPlaces)).toEqual([[3, 4], [3]]);
    expect(ofFeatures.outputShape).toEqual([3]);
    expect(shapes(ofFeatures)).toEqual([[3, 256], [3]]);
    const zeros = ({ parameters }: Network) =>
      new Map(
        parameters.map(({ name, shape }) => {
          return [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) }];
        }),
      );
    expect(() => weightsFor(atPlaces, zeros(ofFeatures))).toThrow(
      /"fc.weight": got shape \[3, 256\], expected \[3, 4\]/,
    );
    expect(() => weightsFor(ofFeatures, zeros(atPlaces))).toThrow(
      /"fc.weight": got shape \[3, 4\], expected \[3, 256\]/,
    );
  });

  it.each<[string, (b: NetworkBuilder) => string, RegExp]>([
    [
      "a convolution on features",
      (b) => b.conv2d("c", b.flatten(b.input), { outChannels: 2, kernel: 3 }),
      /layer "c": got an input of shape \[256\]/,
    ],
    [
      "a kernel larger than the image",
      (b) => b.conv2d("c", b.input, { outChannels: 2, kernel: 9 }),
      /layer "c".*room for a 9×9 window.*larger images/,
    ],
    [
      "a dilated kernel larger than the image",
      (b) => b.conv2d("c", b.input, { outChannels: 2, kernel: 3, dilation: 4 }),
      /dilated by 4×4/,
    ],
    [
      "groups that do not divide",
      (b) => b.conv2d("c", b.input, { outChannels: 6, kernel: 1, groups: 3 }),
      /layer "c": got 3 groups for 4 input and 6 output channels/,
    ],
    [
      "groups that are no number",
      (b) => b.conv2d("c", b.input, { outChannels: 6, kernel: 1, groups: Number.NaN }),
      /layer "c": got NaN groups for 4 input and 6 output channels/,
    ],
    [
      "one and a half groups",
      (b) => b.conv2d("c", b.input, { outChannels: 6, kernel: 1, groups: 1.5 }),
      /layer "c": got 1.5 groups for 4 input and 6 output channels/,
    ],
    [
      "half a stride",
      (b) => b.conv2d("c", b.input, { outChannels: 2, kernel: 1, stride: 0.5 }),
      /layer "c".*whole numbers/,
    ],
    [
      "a global average of features",
      (b) => b.globalAveragePool(b.flatten(b.input)),
      /expected channels × height × width/,
    ],
    [
      "a concat of unlike sizes",
      (b) => b.concat(b.input, b.maxPool2d(b.input, { kernel: 2 })),
      /one height and width/,
    ],
  ])("refuses %s", (_, make, message) => {
    const b = image();
    const last = make(b);
    const flat = last.startsWith("global") ? last : b.flatten(last);
    expect(() => b.build(b.dense("end", flat, 2))).toThrow(message);
  });
});

describe("sliding windows", () => {
  it("have as many positions as the oracle counts, with any stride, padding, dilation and rounding", () => {
    const side = fc.integer({ min: 1, max: 4 });
    const pad = fc.integer({ min: 0, max: 2 });
    const windows = fc.record({
      size: fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 })),
      kernel: fc.tuple(side, side),
      stride: fc.tuple(side, side),
      dilation: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      padding: fc.tuple(pad, pad, pad, pad),
      kind: fc.constantFrom("conv2d", "maxPool2d", "averagePool2d"),
      ceil: fc.boolean(),
    });
    fc.assert(
      fc.property(windows, ({ size, kind, ceil, ...window }) => {
        const b = new NetworkBuilder("window", [2, ...size]);
        const op: Operation =
          kind === "conv2d"
            ? { kind, weight: "w", outChannels: 2, groups: 1, ...window }
            : kind === "maxPool2d"
              ? { kind, ceil, ...window }
              : { kind: "averagePool2d", countPadding: true, ceil, ...window, dilation: [1, 1] };
        const build = () => b.build(b.dense("fc", b.flatten(b.node("window", op, b.input)), 1));
        const dilation = op.kind === "averagePool2d" ? [1, 1] : window.dilation;
        const reach = [0, 1].map((axis) => dilation[axis]! * (window.kernel[axis]! - 1) + 1);
        const { padding } = window;
        const nodes = [{ name: "x", op: { kind: "input" as const, shape: [2, ...size] }, inputs: [] }];
        const expected = shapesOf({ nodes: [...nodes, { name: "window", op, inputs: [0] }], output: 1 })[1]!;
        if (expected.includes(0)) {
          expect(build).toThrow(/layer "window": got an input of .* with .* of padding, expected room for/);
          return;
        }
        if (kind !== "conv2d" && padding.some((p, edge) => p >= reach[edge % 2]!)) {
          expect(build).toThrow(/layer "window": got padding .*less padding than the window is wide/);
          return;
        }
        const network = build();
        expect(network.nodes[1]!.shape).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe("unit flows", () => {
  it("carry as many units as there are, each output unit from somewhere", () => {
    fc.assert(
      fc.property(randomNetworks, ({ network }) => {
        const counts = unitCounts(network);
        for (const [index, flow] of unitFlows(network).entries()) {
          if (flow.kind === "weights") {
            expect(flow.outCount).toBe(counts[index]);
            expect(flow.inCount).toBe(counts[flow.from]);
            expect((flow.outCount * flow.inCount * flow.kernelSize) / flow.groups).toBe(
              flow.parameter.length,
            );
          } else if (flow.kind === "maps") {
            const reached = new Set<number>();
            for (const map of flow.maps) {
              expect(map.fromStart + map.count).toBeLessThanOrEqual(counts[map.from]!);
              for (let u = 0; u < map.count * map.spread; u++) reached.add(map.toStart + u);
            }
            expect(reached.size).toBe(counts[index]);
          }
        }
        expect(weightFlows(network).map(({ parameter }) => parameter)).toEqual(network.prunable);
      }),
      { numRuns: 50 },
    );
  });
});
