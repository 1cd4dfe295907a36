/** τ-cores against a greedy choice over the enumerated paths. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tauCore } from "../src/analysis/tauCore.ts";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { randomMasks } from "./randomNetwork.ts";

function perceptron(...sizes: readonly number[]): Network {
  const b = new NetworkBuilder("perceptron", [sizes[0]!]);
  let x = b.input;
  for (const [l, size] of sizes.slice(1).entries()) {
    const dense = b.dense(`fc${l}`, x, size, { bias: false });
    x = l === sizes.length - 2 ? dense : b.relu(dense);
  }
  return b.build(x);
}

/** Two convolutions beside an identity. */
function residual(): Network {
  const b = new NetworkBuilder("residual", [2, 3, 3]);
  const first = b.relu(b.conv2d("first", b.input, { outChannels: 3, kernel: 1, bias: false }));
  const inner = b.relu(
    b.conv2d("inner", first, { outChannels: 3, kernel: [1, 2], padding: [0, 0, 0, 1], bias: false }),
  );
  const sum = b.add(first, b.conv2d("last", inner, { outChannels: 3, kernel: 1, bias: false }));
  return b.build(b.dense("out", b.globalAveragePool(sum), 2, { bias: false }));
}

/** The hidden units that each path passes, as "layer:unit". A path through a kernel is one for each of its kept weights. */
function plainPaths({ network, ...masks }: Masks, hidden: readonly string[]): string[][] {
  const { nodes } = network;
  const all = new Masks(network, masks.bytes);
  const follow = (node: number, unit: number): string[][] => {
    const { op, inputs, name, parameters } = nodes[node]!;
    if (op.kind === "input") return [[]];
    if (op.kind === "add") return inputs.flatMap((from) => follow(from, unit));
    if (op.kind !== "dense" && op.kind !== "conv2d") return follow(inputs[0]!, unit);
    const own = network.prunable.find((one) => one.name === parameters[0]!.name)!;
    const mask = all.of(own);
    const perUnit = mask.length / own.shape[0]!;
    const taps = perUnit / own.shape[1]!;
    const passed = hidden.includes(name) ? [`${name}:${unit}`] : [];
    return Array.from({ length: perUnit }, (_, k) => k)
      .filter((k) => mask[unit * perUnit + k] === 1)
      .flatMap((k) => follow(inputs[0]!, Math.floor(k / taps)).map((path) => [...path, ...passed]));
  };
  return Array.from({ length: network.outputShape[0]! }, (_, unit) => follow(network.output, unit)).flat();
}

function plainCore(masks: Masks, hidden: readonly string[], tau: number): string[] | undefined {
  let left = plainPaths(masks, hidden);
  const bound = (1 - tau) * left.length;
  if (left.length === 0) return undefined;
  const units = hidden.flatMap((name) => {
    const { shape } = masks.network.nodes.find((node) => node.name === name)!;
    return Array.from({ length: shape[0]! }, (_, unit) => `${name}:${unit}`);
  });
  const core: string[] = [];
  while (left.length > bound + 1e-6) {
    const counts = units.map((unit) => left.filter((path) => path.includes(unit)).length);
    const most = Math.max(...counts);
    if (most === 0) return undefined;
    const taken = units[counts.indexOf(most)]!;
    core.push(taken);
    left = left.filter((path) => !path.includes(taken));
  }
  return core;
}

const named = ({ nodes }: Network, core: ReturnType<typeof tauCore>) =>
  core?.units.map(({ node, unit }) => `${nodes[node]!.name}:${unit}`);

describe("a τ-core", () => {
  it.each([
    ["of a perceptron", perceptron(4, 5, 4, 3), ["fc0", "fc1"]],
    ["past an identity", residual(), ["first", "inner", "last"]],
  ] as const)("%s is the greedy choice over all paths", (_, network, hidden) => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.double({ min: 0.2, max: 0.9, noNaN: true }),
        fc.constantFrom(0.5, 0.8, 0.9, 1),
        (seed, density, tau) => {
          const masks = randomMasks(network, density, seed);
          const core = tauCore(masks, tau);
          expect(named(network, core)).toEqual(plainCore(masks, hidden, tau));
          const sizes = hidden.map((name) => network.nodes.find((node) => node.name === name)!.shape[0]!);
          if (core !== undefined) expect(core.unitCount).toBe(sizes.reduce((sum, size) => sum + size, 0));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is the waist of an hourglass, and most of a layer where nothing is narrow", () => {
    expect(tauCore(Masks.dense(perceptron(8, 6, 1, 6, 4)), 0.9)!.size).toBe(1);
    // every unit has a tenth of all paths
    expect(tauCore(Masks.dense(perceptron(8, 10, 4)), 0.9)!.size).toBe(9);
    expect(tauCore(Masks.dense(perceptron(8, 10, 4)), 0.91)!.size).toBe(10);
  });

  it("is none without a path, without hidden units, and where it would take long", () => {
    expect(tauCore(new Masks(perceptron(3, 3, 3)))).toBeUndefined();
    expect(tauCore(Masks.dense(perceptron(3, 3)))).toBeUndefined();
    expect(tauCore(Masks.dense(zooModel("vgg16-bn")))).toBeUndefined();
  });
});
