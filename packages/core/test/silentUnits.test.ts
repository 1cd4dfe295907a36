import { forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskedWeights } from "../src/masks/maskedWeights.ts";
import { Masks } from "../src/masks/masks.ts";
import { deadUnits, maskedParameters, silentUnits } from "../src/masks/silentUnits.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { buildNetwork, type Network, type NodeSpec } from "../src/network/network.ts";
import { ACTIVATIONS } from "../src/operations/activation.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomMasks, randomNetworks, withRandomParameters } from "./randomNetwork.ts";

/** The same network with biases, batch normalisation behind every convolution, and activations of every kind. */
function withVoices(network: Network, seed: number): Network {
  const behind = (name: string) =>
    network.nodes.find((node) => node.name === name)!.op.kind === "conv2d" ? `${name}.bn` : name;
  const specs = network.nodes.flatMap(({ name, op, inputs }, index): NodeSpec[] => {
    const read = inputs.map((input) => behind(network.nodes[input]!.name));
    if (op.kind === "activation") {
      const activation = ACTIVATIONS[(seed + index * 7) % ACTIVATIONS.length]!;
      return [{ name, op: { kind: "activation", name: activation }, inputs: read }];
    }
    if (op.kind !== "conv2d") return [{ name, op, inputs: read }];
    const [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(
      (part) => `${name}.bn.${part}`,
    ) as [string, string, string, string];
    return [
      { name, op: { ...op, bias: `${name}.bias` }, inputs: read },
      {
        name: `${name}.bn`,
        op: { kind: "batchNorm", scale, shift, mean, variance, epsilon: 1e-5, momentum: 0.1 },
        inputs: [name],
      },
    ];
  });
  return buildNetwork("biases", specs, network.nodes[network.output]!.name);
}

describe("silent units", () => {
  it("output exactly 0 for any input, in every node, whatever the parameters", () => {
    let silentCount = 0;
    fc.assert(
      fc.property(randomNetworks, fc.constantFrom(0.05, 0.2, 0.5), fc.nat(), (random, density, seed) => {
        const network = withVoices(random.network, seed);
        const masks = randomMasks(network, density, seed);
        const silent = silentUnits(masks);
        const weights = maskedWeights(withRandomParameters(network, seed), masks);
        const x = Float64Array.from({ length: network.inputShape.reduce((a, b) => a * b) }, (_, k) =>
          Math.sin(3 * k + seed),
        );
        const { values } = forward(oracleNetwork(network), weights, x, 1);
        for (const [node, { shape }] of network.nodes.entries()) {
          const plane = values[node]!.length / shape[0]!;
          silent[node]!.forEach((isSilent, unit) => {
            if (isSilent === 0) return;
            silentCount++;
            expect(values[node]!.slice(unit * plane, (unit + 1) * plane).every((y) => y === 0)).toBe(true);
          });
        }
      }),
      { numRuns: 150 },
    );
    expect(silentCount).toBeGreaterThan(1000);
  });

  it("are all units that output 0: a unit that kept weights enter may output its bias", () => {
    fc.assert(
      fc.property(randomNetworks, fc.nat(), (random, seed) => {
        const network = withVoices(random.network, seed);
        const masks = randomMasks(network, 0.3, seed);
        const silent = silentUnits(masks);
        const weights = maskedWeights(withRandomParameters(network, seed), masks);
        const x = Float64Array.from({ length: network.inputShape.reduce((a, b) => a * b) }, (_, k) =>
          Math.sin(3 * k + seed),
        );
        const { values } = forward(oracleNetwork(network), weights, x, 1);
        for (const [node, { shape, op }] of network.nodes.entries()) {
          // hardSigmoid, relu and relu6 give exact zeros for units that are not silent
          if (op.kind !== "conv2d" && op.kind !== "dense" && op.kind !== "batchNorm") continue;
          const plane = values[node]!.length / shape[0]!;
          silent[node]!.forEach((isSilent, unit) => {
            const zero = values[node]!.slice(unit * plane, (unit + 1) * plane).every((y) => y === 0);
            expect(zero).toBe(isSilent === 1);
          });
        }
      }),
      { numRuns: 50 },
    );
  });

  it("stay silent through activations with f(0) = 0, pooling, flatten and concat, and through add if all terms are silent", () => {
    const b = new NetworkBuilder("carry", [2, 4, 4]);
    const one = b.batchNorm("bn", b.conv2d("one", b.input, { outChannels: 2, kernel: 1 }));
    const two = b.activation("tanh", b.conv2d("two", b.input, { outChannels: 2, kernel: 1 }));
    const sum = b.add(one, two);
    const both = b.concat(
      b.averagePool2d(sum, { kernel: 2 }),
      b.maxPool2d(b.activation("sigmoid", two), { kernel: 2 }),
    );
    const flat = b.flatten(both);
    const network = b.build(b.dense("fc", b.dropout(0.5, flat), 2));
    const masks = Masks.dense(network);
    masks.get("one.weight")!.set([0, 0, 0, 0]);
    masks.get("two.weight")!.set([0, 0, 1, 0]);
    masks.get("fc.weight")!.fill(0, 16);
    const silent = silentUnits(masks);
    const at = (name: string) => [...silent[network.nodes.findIndex((node) => node.name === name)]!];
    expect(at("bn")).toEqual([1, 1]);
    expect(at("two")).toEqual([1, 0]);
    expect(at(sum)).toEqual([1, 0]);
    expect(at(both)).toEqual([1, 0, 0, 0]);
    expect(at(flat)).toEqual([1, 1, 1, 1, ...Array(12).fill(0)]);
    expect(at("fc")).toEqual([0, 1]);
    expect(at("input")).toEqual([0, 0]);
    expect(Object.fromEntries([...maskedParameters(masks)].map(([name, mask]) => [name, [...mask]]))).toEqual(
      {
        "one.bias": [0, 0],
        "bn.weight": [0, 0],
        "bn.bias": [0, 0],
        "two.bias": [0, 1],
        "fc.bias": [1, 0],
      },
    );
  });

  it("are not silent behind opaque operations", () => {
    const b = new NetworkBuilder("opaque", [2]);
    const x = b.node("what", { kind: "opaque", operation: "What", shape: [2] }, b.dense("a", b.input, 2));
    const network = b.build(b.dense("c", x, 1));
    const masks = new Masks(network);
    const silent = silentUnits(masks);
    expect(silent.map((units) => [...units])).toEqual([[0, 0], [1, 1], [0, 0], [1]]);
  });

  it("do not exist in a dense network, whose biases are not masked", () => {
    const b = new NetworkBuilder("dense", [3]);
    const network = b.build(b.dense("a", b.input, 4));
    expect(maskedParameters(Masks.dense(network)).size).toBe(0);
    expect([...deadUnits(Uint8Array.of(0, 0, 1, 0, 0, 0), 3)]).toEqual([1, 0, 1]);
  });
});
