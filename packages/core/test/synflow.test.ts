/** SynFlow and SynFlow-L2 compared with PyTorch's numbers and with theorems of their papers. */
import { forward, type Parameters, partialDerivative } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { longCases } from "../../../vitest.long.ts";
import { pathSums } from "../src/analysis/pathSums.ts";
import { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import { prune } from "../src/prune.ts";
import type { OptionValue } from "../src/pruners/pruner.ts";
import { initialise } from "../src/weights/initialise.ts";
import type { Weights } from "../src/weights/weights.ts";
import { ownInitialisation, zooModel } from "../src/zoo/zoo.ts";
import { GOLDEN_NAMES, goldenNetwork, goldenPresent, goldenWeights } from "./golden.ts";
import { expectGoldenMasks, expectGoldenScores } from "./goldenScores.ts";
import { pathSumNetwork } from "./oracleNetwork.ts";
import { randomNetworks, withRandomParameters } from "./randomNetwork.ts";

const METHODS = ["synflow", "synflow-l2"] as const;

const sumOf = (values: Iterable<number>) => Array.from(values).reduce((sum, value) => sum + value, 0);

async function scoresOf(
  network: Network,
  weights: Weights,
  method: string,
  options: Readonly<Record<string, OptionValue>> = {},
) {
  const { scores } = await prune(network, weights, {
    method,
    density: 1,
    seed: 0,
    options: { rounds: 1, ...options },
  });
  return scores!;
}

describe.skipIf(!goldenPresent)("golden networks (skipped without ../shared/golden)", () => {
  const cases = GOLDEN_NAMES.flatMap((name) => METHODS.map((method) => [method, name] as const));

  it.each(cases)("%s of %s: PyTorch's scores", async (method, name) => {
    const network = goldenNetwork(name);
    const scores = await scoresOf(network, goldenWeights(name), method);
    expectGoldenScores(name, network, scores, method.replace("-", "_"), 1e-6);
  });

  it.each(cases)("%s of %s: PyTorch's masks after 100 rounds", async (method, name) => {
    await expectGoldenMasks(name, method, {});
  });
});

describe("the published score of synflow-l2", () => {
  it("is the squared one divided by the weight's magnitude", async () => {
    const network = zooModel("lenet5");
    const weights = await initialise(network, { seed: 3 });
    const squared = await scoresOf(network, weights, "synflow-l2");
    const published = await scoresOf(network, weights, "synflow-l2", { score: "published" });
    for (const { name, start, length } of network.prunable) {
      const theta = weights.get(name)!;
      for (let k = 0; k < length; k++) {
        const expected = published[start + k]! * Math.abs(theta[k]!);
        expect(Math.abs(squared[start + k]! - expected)).toBeLessThanOrEqual(1e-12 * expected);
      }
    }
  });
});

describe.each(METHODS)("%s", (method) => {
  it("gives every layer the same sum of scores, R, if only weights and factors are on paths", () => {
    const power = method === "synflow" ? 1 : 2;
    return fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 6 }),
        fc.nat(),
        async (sizes, seed) => {
          const network = plainConvolutions(sizes);
          const weights = await initialise(network, { seed });
          const sum = pathSums(network, weights, { power });
          const scores = await scoresOf(network, weights, method);
          for (const { start, length } of network.prunable) {
            const layer = sumOf(scores.subarray(start, start + length));
            expect(Math.abs(layer - sum)).toBeLessThanOrEqual(1e-12 * sum);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("collapses no layer of a chain at any density that allows one weight per layer", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 6 }),
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (sizes, seed, pick) => {
          const network = plainConvolutions(sizes);
          const weights = await initialise(network, { seed });
          const least = network.prunable.length;
          const keepCount = least + Math.floor(pick * (network.prunableCount - least));
          const { masks } = await prune(network, weights, {
            method,
            density: keepCount / network.prunableCount,
            seed: 0,
            options: { rounds: 30 },
          });
          expect(masks.keptCount).toBe(keepCount);
          for (const parameter of network.prunable) expect(masks.of(parameter)).toContain(1);
        },
      ),
      { numRuns: 30 },
    ));

  it("keeps its scores' order and sums where float64 alone would overflow or vanish", async () => {
    for (const exponent of [40, -40]) {
      const network = deepPerceptron(60);
      const plain = await initialise(network, { seed: 1 });
      const scaled = new Map([...plain].map(([name, theta]) => [name, theta.map((w) => w * 2 ** exponent)]));
      const [expected, scores] = [
        await scoresOf(network, plain, method),
        await scoresOf(network, scaled, method),
      ];
      const factor = scores[0]! / expected[0]!;
      expect(Number.isInteger(Math.log2(factor))).toBe(true);
      expect(
        scores.every((score, k) => Math.abs(score - factor * expected[k]!) <= 1e-12 * factor * expected[k]!),
      ).toBe(true);
    }
  });

  it("is finite, and 0 for almost no weight, in a residual network of 110 layers", async () => {
    const network = zooModel("resnet110", { inputShape: [3, 8, 8] });
    const weights = await initialise(network, { seed: 1, initialisation: ownInitialisation(network) });
    const scores = await scoresOf(network, weights, method);
    expect(scores.every(Number.isFinite)).toBe(true);
    expect(scores.filter((score) => score > 0).length).toBeGreaterThan(0.9 * scores.length);
  });
});

it.each(longCases(["resnet152", "vgg19-bn"]))(
  "%s (long tests): R and all scores are finite, and almost none is 0",
  async (name) => {
    const network = zooModel(name);
    const weights = await initialise(network, { seed: 1, initialisation: ownInitialisation(network) });
    expect(pathSums(network, weights, { power: 1, biases: true })).toBeLessThan(Number.MAX_VALUE);
    const scores = await scoresOf(network, weights, "synflow");
    let [finite, positive] = [0, 0];
    for (const score of scores) {
      if (Number.isFinite(score)) finite++;
      if (score > 0) positive++;
    }
    expect(finite).toBe(scores.length);
    expect(positive).toBeGreaterThan(0.9 * scores.length);
  },
);

describe("synflow of running statistics that are not 0 and 1", () => {
  it("takes all of the state by magnitude, running means too, as the published code does: by central differences", () => {
    let [compared, negative] = [0, 0];
    return fc
      .assert(
        fc.asyncProperty(randomNetworks, fc.nat(), async ({ network }, seed) => {
          const norms = network.nodes.filter(({ op }) => op.kind === "batchNorm");
          // if two elements of a window are equal, the difference depends on its direction
          if (norms.length === 0 || network.nodes.some(({ op }) => op.kind === "maxPool2d")) return;
          const weights = new Map(withRandomParameters(network, seed));
          for (const { name, role } of network.parameters) {
            if (role === "mean")
              weights.set(
                name,
                weights.get(name)!.map((mean) => 20 * mean),
              );
          }
          const scores = await scoresOf(network, weights, "synflow");
          const state = new Map([...weights].map(([name, values]) => [name, values.map(Math.abs)]));
          const graph = pathSumNetwork(network);
          const ones = new Float64Array(network.inputShape.reduce((a, b) => a * b, 1)).fill(1);
          const sum = (parameters: Parameters) => sumOf(forward(graph, parameters, ones, 1).output);
          for (const index of norms.map(({ name }) =>
            network.nodes.findIndex((node) => node.name === name),
          )) {
            if (forward(graph, state, ones, 1).values[index]!.some((y) => y < 0)) negative++;
          }
          const greatest = Math.max(...scores);
          for (const { name, start, length } of network.prunable) {
            for (const k of [0, length >> 1, length - 1]) {
              const expected = Math.abs(partialDerivative(sum, state, name, k, 1e-6) * state.get(name)![k]!);
              expect(Math.abs(scores[start + k]! - expected)).toBeLessThan(1e-6 * greatest);
              compared++;
            }
          }
        }),
        { numRuns: 300, seed: 1 },
      )
      .then(() => {
        expect(compared).toBeGreaterThan(100);
        expect(negative).toBeGreaterThan(5);
      });
  });
});

describe("synflow on random networks", () => {
  it("does not depend on the order of units within a layer", () =>
    fc.assert(
      fc.asyncProperty(randomNetworks, fc.nat(), async ({ network }, seed) => {
        const { weights, permuted, place } = withPermutedClasses(
          network,
          withRandomParameters(network, seed),
        );
        const [scores, moved] = [
          await scoresOf(network, weights, "synflow"),
          await scoresOf(network, permuted, "synflow"),
        ];
        for (let k = 0; k < scores.length; k++) {
          expect(Math.abs(moved[place(k)]! - scores[k]!)).toBeLessThanOrEqual(
            1e-9 * Math.abs(scores[k]!) + 1e-300,
          );
        }
      }),
      { numRuns: 30 },
    ));

  it("never restores a removed weight, and keeps exactly the requested number", () =>
    fc.assert(
      fc.asyncProperty(
        randomNetworks,
        fc.constantFrom("global", "layer"),
        fc.constantFrom("exponential", "linear"),
        fc.boolean(),
        fc.nat(),
        async ({ network, weights }, scope, schedule, invert, seed) => {
          const density = 0.05 + (seed % 90) / 100;
          const counts: number[] = [];
          const { masks, keepCount } = await prune(network, weights, {
            method: "synflow",
            density,
            seed,
            options: { rounds: 7, scope, schedule, invert },
            onProgress: ({ keptCount }) => counts.push(keptCount),
          });
          expect(masks.keptCount).toBe(keepCount);
          expect(counts).toHaveLength(7);
          expect(counts.every((count, k) => count <= (counts[k - 1] ?? network.prunableCount))).toBe(true);
        },
      ),
      { numRuns: 30 },
    ));
});

/** Convolutions 1×1 without biases over 2×2 maps, averaged: every path has one weight of each. */
function plainConvolutions(sizes: readonly number[]): Network {
  const b = new NetworkBuilder("chain", [2, 2, 2]);
  let x = b.input;
  for (const [l, outChannels] of sizes.entries())
    x = b.relu(b.conv2d(`conv${l}`, x, { outChannels, kernel: 1, bias: false }));
  return b.build(b.dense("fc", b.flatten(b.globalAveragePool(x)), 3, { bias: false }));
}

function deepPerceptron(depth: number): Network {
  const b = new NetworkBuilder("deep", [4]);
  let x = b.input;
  for (let l = 0; l < depth; l++) x = b.relu(b.dense(`fc${l}`, x, 4));
  return b.build(x);
}

/** The last layer's outputs in reverse order. */
function withPermutedClasses(network: Network, weights: Weights) {
  const { start, length, name } = network.prunable.at(-1)!;
  const rows = 3;
  const row = length / rows;
  const permuted = new Map(weights);
  const reversed = (values: Float32Array, size: number) =>
    values.map((_, k) => values[(rows - 1 - Math.floor(k / size)) * size + (k % size)]!);
  permuted.set(name, reversed(weights.get(name)!, row));
  permuted.set("fc.bias", reversed(weights.get("fc.bias")!, 1));
  const place = (k: number) =>
    k < start ? k : start + (rows - 1 - Math.floor((k - start) / row)) * row + ((k - start) % row);
  return { weights, permuted, place };
}

describe("scores of the golden masks' methods", () => {
  it("are deterministic: dense masks at density 1", async () => {
    const network = zooModel("lenet5");
    const weights = await initialise(network, { seed: 3 });
    const { masks } = await prune(network, weights, { method: "synflow", density: 1, seed: 0 });
    expect(masks).toEqual(Masks.dense(network));
  });
});
