import { forward, randomFrom } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskedWeights } from "../src/masks/maskedWeights.ts";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder, type Value } from "../src/network/builder.ts";
import { compactNetwork } from "../src/network/compact.ts";
import type { Network } from "../src/network/network.ts";
import { elementCount } from "../src/operations/shape.ts";
import type { Weights } from "../src/weights/weights.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { oracleNetwork } from "./oracleNetwork.ts";

type Random = () => number;

/** A network of random blocks: residual, concat, selections, grouped, depthwise, pooling, every kind of activation. */
function randomNetwork(random: Random): Network {
  const below = (n: number) => Math.floor(random() * n);
  const b = new NetworkBuilder("random", [1 + below(3), 6, 6]);
  let count = 0;
  const name = () => `l${count++}`;
  let channels = 4;
  let x: Value = b.conv2d(name(), b.input, {
    outChannels: channels,
    kernel: 3,
    padding: 1,
    bias: random() < 0.5,
  });
  const conv = (from: Value, outChannels: number, groups = 1) => {
    const y = b.conv2d(name(), from, { outChannels, kernel: 3, padding: 1, groups, bias: random() < 0.3 });
    return random() < 0.6 ? b.batchNorm(name(), y) : y;
  };
  const activations = ["relu", "relu", "tanh", "sigmoid", "gelu", "softplus"] as const;
  for (let blocks = 1 + below(4); blocks > 0; blocks--) {
    const before = x;
    switch (below(11)) {
      case 0:
        x = b.add(b.relu(conv(x, channels)), before);
        break;
      case 1:
        x = b.concat(conv(x, 3), before);
        channels += 3;
        break;
      case 2: {
        const taken = 1 + below(channels - 1);
        const index = Array.from({ length: taken }, () => below(channels));
        x = b.node(name(), { kind: "select", index }, x);
        channels = taken;
        break;
      }
      case 3:
        x = conv(x, channels, channels);
        break;
      case 4:
        x = conv(conv(x, 6), 4, 2);
        channels = 4;
        break;
      case 9: {
        // the statistics of units that nothing reads count too
        const grouped = channels % 2 === 0 && random() < 0.5;
        const groups = grouped ? 2 : random() < 0.5 ? "units" : 1;
        x = b.layerNorm(name(), x, {
          groups,
          eachPlace: groups === 1,
          centred: groups !== 1 || random() < 0.5,
        });
        if (random() < 0.5 && channels > 2) {
          x = b.node(name(), { kind: "select", index: [0, 2] }, x);
          channels = 2;
        }
        break;
      }
      case 10: {
        const of = random() < 0.5 ? "units" : "elements";
        const own = name();
        x = b.node(own, { kind: "affine", of, scale: `${own}.weight`, shift: `${own}.bias` }, x);
        break;
      }
      case 7: {
        // the gate of a channel is 0 where no weight enters it and none is added
        const gate = b.conv2d(name(), b.averagePool2d(x, { kernel: 6 }), {
          outChannels: channels,
          kernel: 1,
        });
        x = b.node(name(), { kind: "multiply" }, x, random() < 0.5 ? gate : b.activation("sigmoid", gate));
        break;
      }
      case 8:
        x = b.node(name(), { kind: "multiply" }, conv(x, 1), conv(x, channels));
        break;
      case 5:
        x = b.add(conv(x, 5), conv(before, 5), conv(before, 5));
        channels = 5;
        break;
      case 6:
        x = b.averagePool2d(b.activation(activations[below(activations.length)]!, x), {
          kernel: 3,
          stride: 1,
          padding: 1,
        });
        break;
    }
    if (random() < 0.5) x = b.activation(activations[below(activations.length)]!, x);
    if (channels < 2) {
      channels = 4;
      x = conv(x, channels);
    }
  }
  x = random() < 0.5 ? b.flatten(b.maxPool2d(x, { kernel: 2 })) : b.globalAveragePool(x);
  x = b.relu(b.dense(name(), x, 5, { bias: random() < 0.5 }));
  return b.build(b.dense(name(), x, 3));
}

function randomWeights(network: Network, random: Random): Weights {
  return new Map(
    network.parameters.map(({ name, shape, role }) => [
      name,
      Float32Array.from({ length: elementCount(shape) }, () =>
        role === "variance"
          ? 0.5 + random()
          : role === "weight"
            ? random() - 0.5
            : random() < 0.5
              ? 0
              : random() - 0.5,
      ),
    ]),
  );
}

/** Masks in which whole rows, columns and kernels are often gone. */
function randomMasks(network: Network, random: Random): Masks {
  const masks = Masks.dense(network);
  for (const parameter of network.prunable) {
    const mask = masks.of(parameter);
    const density = [0.05, 0.3, 1][Math.floor(random() * 3)]!;
    const rowLength = mask.length / parameter.shape[0]!;
    for (let o = 0; o < parameter.shape[0]!; o++) {
      const isDead = random() < 0.3;
      for (let k = 0; k < rowLength; k++) mask[o * rowLength + k] = !isDead && random() < density ? 1 : 0;
    }
  }
  return masks;
}

const outputs = (network: Network, weights: Weights, x: Float64Array, count: number) =>
  forward(oracleNetwork(network), weights, x, count).output;

describe("a network without its idle units", () => {
  it("computes what the masked network computes, for any graph, weights and masks", () => {
    let removed = 0;
    fc.assert(
      fc.property(fc.nat(2 ** 31), (seed) => {
        const random = randomFrom(seed);
        const network = randomNetwork(random);
        const weights = randomWeights(network, random);
        const masks = randomMasks(network, random);
        const compact = compactNetwork(network, weights, masks);
        const x = Float64Array.from({ length: 2 * elementCount(network.inputShape) }, () => random() - 0.5);
        const expected = outputs(network, maskedWeights(weights, masks), x, 2);
        const found = outputs(compact.network, compact.weights, x, 2);
        for (const [k, y] of expected.entries())
          expect(Math.abs(found[k]! - y)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(y)));
        expect(compact.network.nodes.map(({ name }) => name)).toEqual(network.nodes.map(({ name }) => name));
        expect(compact.network.parameters.map(({ name }) => name)).toEqual(
          network.parameters.map(({ name }) => name),
        );
        expect(compact.network.nodes.map(({ shape }) => shape[0])).toEqual(
          compact.keptUnits.map((kept) => kept.length),
        );
        for (const { name, length } of compact.network.prunable)
          expect(compact.weights.get(name)!.length).toBe(length);
        removed += network.prunableCount - compact.network.prunableCount;
      }),
      { numRuns: 300, seed: 4 },
    );
    expect(removed).toBeGreaterThan(10_000);
  });

  it("is the same network where every unit matters", () => {
    const random = randomFrom(1);
    const network = zooModel("lenet5");
    const weights = randomWeights(network, () => 0.1 + random());
    const {
      network: same,
      weights: sameWeights,
      masks,
    } = compactNetwork(network, weights, Masks.dense(network));
    expect(same.nodes).toEqual(network.nodes);
    expect([...sameWeights]).toEqual([...weights]);
    expect(masks.bytes).toEqual(Masks.dense(network).bytes);
  });

  it("loses exactly the dead channel, its row, its column and its bias", () => {
    const b = new NetworkBuilder("two", [2]);
    const network = b.build(b.dense("b", b.relu(b.dense("a", b.input, 3)), 2));
    const weights = new Map([
      ["a.weight", Float32Array.of(1, 2, 3, 4, 5, 6)],
      ["a.bias", Float32Array.of(7, 8, 9)],
      ["b.weight", Float32Array.of(1, 2, 3, 4, 5, 6)],
      ["b.bias", Float32Array.of(1, 2)],
    ]);
    const masks = new Masks(network, Uint8Array.of(1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1));
    const compact = compactNetwork(network, weights, masks);
    expect(Object.fromEntries([...compact.weights].map(([name, values]) => [name, [...values]]))).toEqual({
      "a.weight": [1, 2, 0, 6],
      "a.bias": [7, 9],
      "b.weight": [1, 3, 0, 6],
      "b.bias": [1, 2],
    });
    expect([...compact.masks.bytes]).toEqual([1, 1, 0, 1, 1, 1, 0, 1]);
    expect(compact.keptUnits.map((kept) => [...kept])).toEqual([
      [0, 1],
      [0, 2],
      [0, 2],
      [0, 1],
    ]);
  });

  it("keeps a unit that is constant but not 0, and one unit of a layer that is dead altogether", () => {
    const b = new NetworkBuilder("constant", [2]);
    const network = b.build(
      b.dense("b", b.activation("sigmoid", b.dense("a", b.input, 3, { bias: false })), 2),
    );
    const weights = new Map(
      network.parameters.map(({ name, shape }) => [name, new Float32Array(elementCount(shape)).fill(1)]),
    );
    const dead = new Masks(network, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1));
    // sigmoid makes 1/2 of the zeros that come in
    expect(compactNetwork(network, weights, dead).network.prunable.map(({ shape }) => shape)).toEqual([
      [3, 2],
      [2, 3],
    ]);
    const empty = new Masks(network);
    expect(compactNetwork(network, weights, empty).network.prunable.map(({ shape }) => shape)).toEqual([
      [1, 2],
      [2, 1],
    ]);
  });
});
