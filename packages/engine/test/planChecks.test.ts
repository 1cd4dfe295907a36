import { describe, expect, it } from "vitest";
import type { WalkLayer, WalkLink, WalkOptions, WalkPlan } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { chain, PHEW, variedWeight } from "./plans.ts";

const engine = builtEngine();
const plan = chain([3, 4, 2], variedWeight());
const walk = (changed: Partial<WalkPlan>, options: Partial<WalkOptions> = {}) =>
  engine.createWalker({ ...plan, ...changed }, { ...PHEW, ...options });
const layers = (l: number, change: Partial<WalkLayer>): WalkLayer[] =>
  plan.layers.map((layer, index) => (index === l ? { ...layer, ...change } : layer));
const links = (k: number, change: Partial<WalkLink>): WalkLink[] =>
  plan.links.map((link, index) => (index === k ? { ...link, ...change } : link));

describe("a plan that does not fit together is refused by name", () => {
  it.each<[string, Partial<WalkPlan>, RegExp]>([
    ["no layers", { layers: [] }, /^walk plan: got 0 layers, expected 1 to 32766/],
    [
      "too many edges",
      { edgeCount: 21 },
      /^walk plan: got edgeCount = 21, expected 20, the number of weights/,
    ],
    [
      "a weight too few",
      { layers: layers(0, { weight: new Float32Array(11) }) },
      /^layer "layer0": got 11 weights, expected outCount × inCount \/ groups × kernelSize = 4 × 3 × 1 = 12/,
    ],
    [
      "odd groups",
      { layers: layers(0, { groups: 2 }) },
      /^layer "layer0": got 2 groups of 3 input and 4 output units/,
    ],
    [
      "a hole in the edge ids",
      { layers: layers(1, { firstEdge: 13 }) },
      /^layer "layer1": got firstEdge = 13, expected 12/,
    ],
    ["no kernel", { layers: layers(1, { kernelSize: 0 }) }, /^layer "layer1": got kernelSize = 0/],
    ["half a unit", { inputCount: 2.5 }, /^walk plan: got inputCount = 2.5/],
    [
      "a link backwards",
      { links: links(1, { from: 1, to: 0 }) },
      /^link 1 \(1 → 0\): got from layer 1 to layer 0/,
    ],
    ["a link to nowhere", { links: links(2, { to: 3 }) }, /^link 2 \(1 → 3\): got from layer 1 to layer 3/],
    [
      "units that are not there",
      { links: links(1, { count: 5 }) },
      /^link 1 \(0 → 1\): got units 0 … 4, expected units of layer "layer0", which are 0 … 3/,
    ],
    [
      "a spread beyond the end",
      { links: links(1, { spread: 2 }) },
      /^link 1 \(0 → 1\): got a way into units 0 … 7, expected units of layer "layer1", which are 0 … 3/,
    ],
    ["a negative start", { links: links(1, { fromStart: -1 }) }, /^link 1 \(0 → 1\): got units -1 … 2/],
    [
      "a unit with no way on",
      { links: links(1, { count: 3, toStart: 1 }) },
      /^layer "layer0": got output unit 3 with no way on, expected a link that leaves each of its units/,
    ],
    [
      "an input unit with no way on",
      {
        links: [
          ...links(0, { count: 2 }),
          { from: -1, to: 0, fromStart: 0, count: 1, toStart: 2, spread: 1 },
        ],
      },
      /^the network's input: got unit 2 with no way on/,
    ],
    [
      "an output unit with no way back",
      { outputCount: 3 },
      /^the network's output: got unit 2 with no way back, expected a link that enters each of its units/,
    ],
  ])("%s", (_, changed, message) => {
    expect(() => walk(changed)).toThrow(message);
  });

  it("a unit with no way back", () => {
    const from = { from: 0, to: 1, fromStart: 0, count: 1, toStart: 0, spread: 1 };
    const all = [0, 1, 2, 3].map((unit) => ({ ...from, fromStart: unit, toStart: Math.min(unit, 2) }));
    expect(() => walk({ links: [plan.links[0]!, ...all, plan.links[2]!] })).toThrow(
      /^layer "layer1": got input unit 3 with no way back, expected a link that enters each of its units/,
    );
  });
});

describe("weights and options from outside", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "a weight of %d is refused by layer and index, wherever it stands",
    (bad) => {
      const wide = chain([3, 50, 2], variedWeight());
      for (const index of [0, 7, 8, 64, 98, 99]) {
        const weight = wide.layers[1]!.weight.slice();
        weight[index] = bad;
        const broken = { ...wide, layers: [wide.layers[0]!, { ...wide.layers[1]!, weight }] };
        for (const bias of ["magnitude", "uniform"] as const) {
          expect(() => engine.createWalker(broken, { ...PHEW, bias })).toThrow(
            `layer "layer1": got ${bad} at index ${index}, expected finite weights.`,
          );
        }
      }
    },
  );

  it("refuses unknown options and seeds that are not whole numbers from 0 to 2^53 − 1", () => {
    expect(() => walk({}, { bias: "cubic" as never })).toThrow(
      'bias: got "cubic", expected one of magnitude, square, uniform, inverse.',
    );
    expect(() => walk({}, { direction: "sideways" as never })).toThrow(/^direction: got "sideways"/);
    expect(() => walk({}, { granularity: "layer" as never })).toThrow(/^granularity: got "layer"/);
    expect(() => walk({}, { branching: "both" as never })).toThrow(/^branching: got "both"/);
    for (const seed of [-1, 1.5, Number.NaN, 2 ** 53]) expect(() => walk({}, { seed })).toThrow(/^seed: got/);
  });

  it("refuses a network of more than 4 GiB before allocating, and says need and limit", () => {
    const length = 33_000 * 33_000;
    // a length without the weights: nothing may read them
    const weight = new Proxy(new Float32Array(0), {
      get(target, property) {
        if (property === "length") return length;
        throw new Error(`read ${String(property)} of ${target.length}`);
      },
    });
    const layer = {
      name: "huge",
      weight,
      outCount: 33_000,
      inCount: 33_000,
      groups: 1,
      kernelSize: 1,
      firstEdge: 0,
    };
    const link = { fromStart: 0, count: 33_000, toStart: 0, spread: 1 };
    const huge = {
      layers: [layer],
      links: [
        { ...link, from: -1, to: 0 },
        { ...link, from: 0, to: 1 },
      ],
      inputCount: 33_000,
      outputCount: 33_000,
      edgeCount: length,
    };
    expect(() => engine.createWalker(huge, PHEW)).toThrow(
      /^walker: got a network that needs 6\d\d\d MiB, expected at most 4096 MiB, what a 32-bit WebAssembly memory holds/,
    );
  });
});
