/** Activations of the units that layers read against the oracle's values of every node, and PHEW's walks by them. */
import {
  ArgumentError,
  buildNetwork,
  elementCount,
  type Network,
  NetworkBuilder,
  type NodeSpec,
  prune,
  type UnitActivations,
  unitFlows,
  type Weights,
} from "@phew/core";
import { forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDifferentiator } from "../src/sparse/run/differentiator.ts";
import { convolutions, graphNetwork, normNetwork, poolingNetworks } from "./operationNetworks.ts";
import { oracleGraph, randomBatch, randomWeights } from "./randomNetworks.ts";

const differentiator = createDifferentiator();

/** One number at a time, from the values of all nodes. */
function plainActivations(network: Network, weights: Weights, batch: ReturnType<typeof randomBatch>) {
  const { values } = forward(oracleGraph(network), weights, batch.x, batch.count);
  const sums = new Map<string, { sums: number[]; count: number }>();
  for (const flow of unitFlows(network)) {
    if (flow.kind !== "weights") continue;
    const { shape } = network.nodes[flow.from]!;
    const plane = elementCount(shape.slice(1));
    const own = sums.get(flow.parameter.name) ?? { sums: new Array<number>(shape[0]!).fill(0), count: 0 };
    values[flow.from]!.forEach((value, k) => {
      own.sums[Math.floor(k / plane) % shape[0]!]! += Math.abs(value);
    });
    own.count += batch.count * plane;
    sums.set(flow.parameter.name, own);
  }
  return new Map([...sums].map(([name, own]) => [name, own.sums.map((sum) => sum / own.count)]));
}

function expectAlike(
  found: UnitActivations,
  network: Network,
  weights: Weights,
  batch: ReturnType<typeof randomBatch>,
) {
  const plain = plainActivations(network, weights, batch);
  expect([...found.keys()].sort()).toEqual([...plain.keys()].sort());
  for (const [name, values] of plain) {
    const own = found.get(name)!;
    expect(own).toHaveLength(values.length);
    for (const [k, value] of values.entries()) expect(own[k]!, `${name} ${k}`).toBeCloseTo(value, 4);
  }
}

describe("activations of units", () => {
  it("are means over examples and places of what each layer reads, for random convolutions", async () => {
    await fc.assert(
      fc.asyncProperty(
        convolutions,
        fc.integer({ min: 1, max: 5 }),
        fc.nat(99),
        async (network, count, seed) => {
          const [weights, batch] = [randomWeights(network, seed), randomBatch(network, count, seed)];
          const found = await differentiator.activations({ network, weights, batches: [batch] });
          expectAlike(found, network, weights, batch);
        },
      ),
      { numRuns: 15 },
    );
  });

  it.each(
    [normNetwork(), graphNetwork(), ...poolingNetworks()].map((network) => [network.name, network] as const),
  )("are those of %s, whatever the parts of the batch", async (_, network) => {
    const [weights, batch] = [randomWeights(network, 3), randomBatch(network, 70, 4)];
    const found = await differentiator.activations({ network, weights, batches: [batch] });
    expectAlike(found, network, weights, batch);
  });

  it("of layers that share their weight are the mean over them", async () => {
    const node = (name: string, op: NodeSpec["op"], ...inputs: string[]): NodeSpec => ({ name, op, inputs });
    const shared = { kind: "dense", weight: "w", outFeatures: 4 } as const;
    const network = buildNetwork(
      "tied",
      [
        node("x", { kind: "input", shape: [4] }),
        node("a", shared, "x"),
        node("b", { kind: "activation", name: "relu" } as NodeSpec["op"], "a"),
        node("c", shared, "b"),
      ],
      "c",
    );
    const [weights, batch] = [randomWeights(network, 1), randomBatch(network, 9, 2)];
    expectAlike(
      await differentiator.activations({ network, weights, batches: [batch] }),
      network,
      weights,
      batch,
    );
  });

  it("end on an interrupt", async () => {
    const network = normNetwork();
    const request = { network, weights: randomWeights(network, 1), batches: [randomBatch(network, 2, 1)] };
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(differentiator.activations({ ...request, signal })).rejects.toThrow("enough");
  });
});

describe("PHEW with examples", () => {
  /** A grouped convolution between others. */
  const network = (() => {
    const b = new NetworkBuilder("grouped", [2, 5, 5]);
    const first = b.relu(b.conv2d("first", b.input, { outChannels: 4, kernel: 2 }));
    const second = b.relu(b.conv2d("second", first, { outChannels: 6, kernel: 2, groups: 2 }));
    return b.build(b.dense("out", b.flatten(second), 3));
  })();
  const weights = randomWeights(network, 5);
  const batch = randomBatch(network, 12, 6);
  const data = { batches: [batch], differentiator };
  const masked = async (options: Record<string, number | string>, own = weights) =>
    (await prune(network, own, { method: "phew", density: 0.2, seed: 3, options, data })).masks.bytes;

  it("walks as with weights that are multiplied by the activation that they carry", async () => {
    const plain = plainActivations(network, weights, batch);
    const scaled = new Map(weights);
    for (const { name, shape } of network.prunable) {
      const [out, perGroup, ...kernel] = shape as [number, number, ...number[]];
      const taps = elementCount(kernel);
      const activation = plain.get(name)!;
      const mean = activation.reduce((sum, value) => sum + value, 0) / activation.length;
      const groups = activation.length / perGroup;
      scaled.set(
        name,
        weights.get(name)!.map((theta, e) => {
          const o = Math.floor(e / (perGroup * taps));
          const i = Math.floor(o / (out / groups)) * perGroup + (Math.floor(e / taps) % perGroup);
          return theta * Math.max(0.01, activation[i]! / mean);
        }),
      );
    }
    for (const bias of ["magnitude", "square"]) {
      const own = await masked({ data: 4, bias });
      expect(own).toEqual(await masked({ bias }, scaled));
      expect(own).not.toEqual(await masked({ bias }));
    }
  });

  it("without examples is PHEW bit for bit, and asks for none", async () => {
    const settings = { method: "phew", density: 0.2, seed: 3 };
    const { masks } = await prune(network, weights, settings);
    expect(await masked({ data: 0 })).toEqual(masks.bytes);
    expect((await prune(network, weights, { ...settings, options: { data: 0 } })).masks.bytes).toEqual(
      masks.bytes,
    );
  });

  it("reaches the weights of units that are silent on all examples", async () => {
    const silent = new Map(weights);
    // no channel of the first layer is above 0 but the last
    silent.set("first.bias", Float32Array.from([-1e3, -1e3, -1e3, 1e3]));
    const { masks } = await prune(network, silent, {
      ...{ method: "phew", density: 0.95, seed: 3, options: { data: 4 }, data },
    });
    expect(masks.density).toBeGreaterThan(0.9);
  });

  it("is refused where walks ignore weights, and without examples", async () => {
    await expect(masked({ data: 4, bias: "uniform" })).rejects.toThrow(ArgumentError);
    await expect(masked({ data: 4, bias: "uniform" })).rejects.toThrow(
      "phew: data: got 4 beside bias=uniform, which ignores weights and what they carry, expected another bias, or no examples",
    );
    await expect(
      prune(network, weights, { method: "phew", density: 0.2, seed: 3, options: { data: 4 } }),
    ).rejects.toThrow("method phew: got no examples");
  });
});
