import { INPUT, type WalkPlan } from "@phew/engine";
import { isWeighted, OUTPUT, Ways } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import { unitRun } from "../src/operations/select.ts";
import { prune } from "../src/prune.ts";
import { longestWalk, walkPlan } from "../src/walks/plan.ts";
import { networkMask, planMask, withoutStrays } from "../src/walks/strays.ts";
import { zooEntries, zooModel } from "../src/zoo/zoo.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomNetworks, randomWeights } from "./randomNetwork.ts";

const planOf = (network: Network) => walkPlan(network, randomWeights(network, 1));

/** The links in words: `conv1[0..8) → fc[0..32) ×4`. */
function described(plan: WalkPlan): string[] {
  const name = (at: number) => {
    if (at === INPUT) return "input";
    return plan.layers[at]?.name.replace(".weight", "") ?? "output";
  };
  return plan.links
    .map(({ from, to, fromStart, count, toStart, spread }) => {
      const source = `${name(from)}[${fromStart}..${fromStart + count})`;
      const target = `${name(to)}[${toStart}..${toStart + count * spread})`;
      return `${source} → ${target}${spread > 1 ? ` ×${spread}` : ""}`;
    })
    .sort();
}

const conv = (outChannels: number, kernel = 1, groups = 1) => ({
  outChannels,
  kernel,
  padding: kernel >> 1,
  groups,
  bias: false,
});

describe("the walk plan", () => {
  it("links layers in a row, and a channel to its flattened features", () => {
    const b = new NetworkBuilder("lenet", [1, 4, 4]);
    const x = b.maxPool2d(b.relu(b.conv2d("conv1", b.input, conv(2, 3))), { kernel: 2 });
    const plan = planOf(b.build(b.dense("fc", b.flatten(x), 3)));
    expect(described(plan)).toEqual([
      "conv1[0..2) → fc[0..8) ×4",
      "fc[0..3) → output[0..3)",
      "input[0..1) → conv1[0..1)",
    ]);
    expect(plan.layers.map(({ firstEdge, kernelSize }) => [firstEdge, kernelSize])).toEqual([
      [0, 9],
      [18, 1],
    ]);
  });

  it("walks the convolutions of identity blocks alone, and both branches of projection blocks", () => {
    const b = new NetworkBuilder("resnet", [3, 4, 4]);
    const stem = b.relu(b.batchNorm("bn", b.conv2d("stem", b.input, conv(2))));
    const block = b.conv2d("a2", b.relu(b.conv2d("a1", stem, conv(2))), conv(2));
    const sum = b.relu(b.add(block, stem));
    const next = b.conv2d("b2", b.relu(b.conv2d("b1", sum, conv(4))), conv(4));
    const plan = planOf(b.build(b.add(next, b.conv2d("projection", sum, conv(4)))));
    expect(described(plan)).toEqual([
      "a1[0..2) → a2[0..2)",
      "a2[0..2) → b1[0..2)",
      "a2[0..2) → projection[0..2)",
      "b1[0..4) → b2[0..4)",
      "b2[0..4) → output[0..4)",
      "input[0..3) → stem[0..3)",
      "projection[0..4) → output[0..4)",
      "stem[0..2) → a1[0..2)",
    ]);
  });

  it("does not walk a shortcut over several blocks, nor one from the network's input", () => {
    const b = new NetworkBuilder("long", [2, 4, 4]);
    const first = b.add(b.conv2d("a", b.input, conv(2)), b.input);
    const second = b.add(b.conv2d("b", first, conv(2)), first);
    const plan = planOf(b.build(b.conv2d("c", b.add(second, b.input), conv(1))));
    expect(described(plan)).toEqual([
      "a[0..2) → b[0..2)",
      "b[0..2) → c[0..2)",
      "c[0..1) → output[0..1)",
      "input[0..2) → a[0..2)",
    ]);
  });

  it("stacks a dense block's values", () => {
    const b = new NetworkBuilder("densenet", [2, 4, 4]);
    const first = b.concat(b.input, b.conv2d("a", b.input, conv(3)));
    const second = b.concat(first, b.conv2d("b", first, conv(3)));
    const plan = planOf(b.build(b.conv2d("c", second, conv(1))));
    expect(described(plan)).toEqual([
      "a[0..3) → b[2..5)",
      "a[0..3) → c[2..5)",
      "b[0..3) → c[5..8)",
      "c[0..1) → output[0..1)",
      "input[0..2) → a[0..2)",
      "input[0..2) → b[0..2)",
      "input[0..2) → c[0..2)",
    ]);
  });

  it("counts a unit once that reaches one place by two branches without weights", () => {
    const b = new NetworkBuilder("twice", [2, 4, 4]);
    const x = b.conv2d("a", b.input, conv(2));
    const plan = planOf(b.build(b.conv2d("c", b.add(b.relu(x), x), conv(1))));
    expect(described(plan)).toContain("a[0..2) → c[0..2)");
    expect(plan.links.length).toBe(3);
  });

  it("stays small where branches without weights multiply", () => {
    const b = new NetworkBuilder("doubling", [2, 2, 2]);
    let x = b.conv2d("a", b.input, conv(2));
    for (let k = 0; k < 60; k++) x = b.add(b.relu(x), x);
    expect(planOf(b.build(b.conv2d("c", x, conv(1)))).links.length).toBe(3);
  });

  it("cuts flattened channels at a slice", () => {
    const b = new NetworkBuilder("cut", [3, 2, 2]);
    const flat = b.flatten(b.conv2d("a", b.input, conv(3)));
    const left = b.node("left", { kind: "select", index: unitRun(0, 6) }, flat);
    const right = b.node("right", { kind: "select", index: unitRun(6, 6) }, flat);
    const plan = planOf(b.build(b.add(b.dense("l", left, 2), b.dense("r", right, 2))));
    expect(described(plan)).toEqual([
      "a[0..1) → l[0..4) ×4",
      "a[1..2) → l[4..6) ×2",
      "a[1..2) → r[0..2) ×2",
      "a[2..3) → r[2..6) ×4",
      "input[0..3) → a[0..3)",
      "l[0..2) → output[0..2)",
      "r[0..2) → output[0..2)",
    ]);
  });

  it("keeps the shortcut of units that the weighted branch does not read", () => {
    const b = new NetworkBuilder("split", [4]);
    const x = b.dense("a", b.input, 4, { bias: false });
    const left = b.node("left", { kind: "select", index: unitRun(0, 2) }, x);
    const right = b.node("right", { kind: "select", index: unitRun(2, 2) }, x);
    const plan = planOf(b.build(b.add(b.dense("b", left, 2), right)));
    expect(described(plan)).toContain("a[2..4) → output[0..2)");
  });

  it("leads from every unit of an opaque part's inputs to every unit of its output", () => {
    const b = new NetworkBuilder("opaque", [2]);
    const x = b.dense("a", b.input, 2);
    const unknown = { kind: "opaque", operation: "Unknown", shape: [3] } as const;
    const network = b.build(b.dense("b", b.node("second", unknown, b.node("first", unknown, x)), 1));
    const plan = planOf(network);
    expect(described(plan)).toEqual([
      "a[0..1) → b[0..3) ×3",
      "a[1..2) → b[0..3) ×3",
      "b[0..1) → output[0..1)",
      "input[0..2) → a[0..2)",
    ]);
    expect(new Ways(oracleNetwork(network)).on(1, 1)).toEqual([{ to: 4, features: [[0], [1], [2]] }]);
  });

  it.each(zooEntries.map(({ name }) => name))("exists for %s, with one or two links per layer", (name) => {
    const network = zooModel(name);
    const weights = new Map(network.prunable.map(({ name, length }) => [name, new Float32Array(length)]));
    const plan = walkPlan(network, weights);
    expect(plan.layers.length).toBe(network.prunable.length);
    expect(plan.links.length).toBeLessThan(2 * plan.layers.length + 1);
    expect(longestWalk(plan, "weight")).toBeLessThanOrEqual(plan.layers.length);
  });

  it("leaves out units that nothing reads, and those that lead only to such, with a note", async () => {
    const b = new NetworkBuilder("unread", [4]);
    const x = b.dense("a", b.input, 6, { bias: false });
    const some = b.node("some", { kind: "select", index: unitRun(1, 2) }, x);
    const network = b.build(b.dense("b", some, 1, { bias: false }));
    const plan = planOf(network);
    expect(plan.rest!.notes).toEqual([
      'layer "a.weight", units 0, 3 to 5: left out of the walks, as no path leads on to the output',
    ]);
    expect(plan.layers.map(({ outCount, inCount }) => [outCount, inCount])).toEqual([
      [2, 4],
      [1, 2],
    ]);
    const weights = randomWeights(network, 1);
    const settings = { method: "uniform-walk", seed: 0 };
    const { masks, notes, density } = await prune(network, weights, { ...settings, density: 10 / 26 });
    expect(notes).toEqual(plan.rest!.notes);
    expect(density).toBe(10 / 26);
    expect([...masks.bytes]).toEqual(
      [...masks.bytes.keys()].map((k) => ((k >= 4 && k < 12) || k >= 24 ? 1 : 0)),
    );
    await expect(prune(network, weights, { ...settings, density: 0.5 })).rejects.toThrow(
      /density: got 13 of 26 weights to keep, expected at most 10: .* Ask for a density of at most 0\.3846\./,
    );
    // weights kept already count, though no walk could keep them
    const from = new Masks(network);
    from.bytes.fill(1, 0, 3);
    const grown = await prune(network, weights, { ...settings, density: 0.5, from });
    expect(grown.keptCount).toBe(13);
  });

  it("leaves out units that nothing enters, and refuses a network in which none is left", () => {
    const layer = (name: string, inCount: number, outCount: number, groups: number, firstEdge: number) => ({
      name,
      weight: new Float32Array((outCount * inCount) / groups).fill(1),
      outCount,
      inCount,
      groups,
      kernelSize: 1,
      firstEdge,
    });
    const link = (from: number, to: number, fromStart: number, count: number, toStart: number) => {
      return { from, to, fromStart, count, toStart, spread: 1 };
    };
    // of four channels two are filled with zeros: the second group of "b" has nothing to add up
    const layers = [layer("a", 1, 2, 1, 0), layer("b", 4, 4, 2, 2)];
    const links = [link(INPUT, 0, 0, 1, 0), link(0, 1, 0, 2, 0), link(1, 2, 0, 4, 0)];
    const whole = { layers, links, inputCount: 1, outputCount: 4, edgeCount: 10 };
    const plan = withoutStrays(whole);
    expect(plan.rest!.notes).toEqual([
      'layer "b", input units 2 to 3: left out of the walks, as no path leads there from the input',
      'layer "b", units 2 to 3: left out of the walks, as no path leads there from the input',
      "the output, units 2 to 3: left out of the walks, as no path leads there from the input",
    ]);
    expect(plan).toMatchObject({ edgeCount: 6, outputCount: 2 });
    expect([...networkMask(plan, Uint8Array.from([1, 1, 0, 1, 0, 1]))]).toEqual([
      1, 1, 0, 1, 0, 1, 0, 0, 0, 0,
    ]);
    expect(planMask(plan, new Uint8Array(10).fill(1))).toEqual({
      bytes: new Uint8Array(6).fill(1),
      leftOutCount: 4,
    });
    expect(() => withoutStrays({ ...whole, links: links.slice(0, 2) })).toThrow(
      /^network: got no path of weights from the input to the output/,
    );
  });

  it("names the layer whose weights are missing or too few", () => {
    const b = new NetworkBuilder("bare", [2]);
    const network = b.build(b.dense("a", b.input, 6));
    expect(() => walkPlan(network, new Map())).toThrow(
      'layer "a.weight": got no weights, expected 12 (6 × 2)',
    );
    expect(() => walkPlan(network, new Map([["a.weight", new Float32Array(11)]]))).toThrow("got 11 weights");
  });

  it("bounds a walk by the longest path and the kernels on it", () => {
    const b = new NetworkBuilder("branches", [2, 4, 4]);
    const long = b.conv2d("a2", b.conv2d("a1", b.input, conv(2, 3)), conv(2, 3));
    const network = b.build(b.conv2d("c", b.add(long, b.conv2d("b", b.input, conv(2))), conv(1)));
    expect(longestWalk(planOf(network), "weight")).toBe(3);
    expect(longestWalk(planOf(network), "kernel")).toBe(19);
  });

  it("has the oracle's links, unit by unit, on random networks", () => {
    fc.assert(
      fc.property(randomNetworks, ({ network, weights }) => {
        const plan = walkPlan(network, weights);
        const ways = new Ways(oracleNetwork(network));
        const nodes = ways.graph.nodes.flatMap((node, at) => (isWeighted(node) ? [at] : []));
        const nodeOf = (layer: number) => (layer === INPUT ? 0 : (nodes[layer] ?? OUTPUT));
        for (let from = INPUT; from < plan.layers.length; from++) {
          const count = from === INPUT ? plan.inputCount : plan.layers[from]!.outCount;
          for (let u = 0; u < count; u++) {
            const links = plan.links.filter(
              (link) => link.from === from && u >= link.fromStart && u < link.fromStart + link.count,
            );
            // by operation and feature, the units that are copies of it
            const found = new Map<number, Map<number, number[]>>();
            for (const { to, fromStart, toStart, spread, feature = 0 } of links) {
              const features = found.get(to) ?? new Map<number, number[]>();
              found.set(to, features);
              for (let k = 0; k < spread; k++) {
                const unit = toStart + (u - fromStart) * spread + k;
                features.set(feature + k, [...(features.get(feature + k) ?? []), unit]);
              }
            }
            const inOrder = (features: readonly (readonly number[])[]) =>
              sorted(features.map((units) => units.toSorted((a, b) => a - b)));
            expect(
              sorted([...found].map(([to, features]) => [nodeOf(to), inOrder([...features.values()])])),
            ).toEqual(sorted(ways.on(nodeOf(from), u).map(({ to, features }) => [to, inOrder(features)])));
          }
        }
        for (let to = 0; to <= plan.layers.length; to++) {
          const count = plan.layers[to]?.inCount ?? plan.outputCount;
          for (let t = 0; t < count; t++) {
            const links = plan.links.filter(
              (link) => link.to === to && t >= link.toStart && t < link.toStart + link.count * link.spread,
            );
            const found = links.map(({ from, fromStart, toStart, spread }) => ({
              from: nodeOf(from),
              unit: fromStart + Math.floor((t - toStart) / spread),
            }));
            expect([...new Set(sorted(found))]).toEqual(sorted(ways.back(nodeOf(to), t)));
          }
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

function sorted<T>(items: readonly T[]): string[] {
  return items.map((item) => JSON.stringify(item)).sort();
}
