import { elementPathSums, forward } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathKernelTrace } from "../src/analysis/pathKernelTrace.ts";
import { pathSums } from "../src/analysis/pathSums.ts";
import { applyMasks, Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import type { Weights } from "../src/weights/weights.ts";
import {
  GOLDEN,
  GOLDEN_NAMES,
  goldenFacts,
  goldenNetwork,
  goldenPresent,
  goldenWeights,
  readTensors,
} from "./golden.ts";
import { oracleNetwork, pathSumNetwork } from "./oracleNetwork.ts";
import { randomMasks, randomNetworks, withRandomParameters } from "./randomNetwork.ts";

const sumOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, v) => sum + v, 0);
const close = (actual: number, expected: number, relative = 1e-9) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.max(Math.abs(expected), 1e-300));

describe.skipIf(!goldenPresent)("path sums of the golden networks (skipped without ../shared/golden)", () => {
  it.each(GOLDEN_NAMES)("%s: squared path products and path kernel trace are PyTorch's", (name) => {
    const network = goldenNetwork(name);
    const facts = goldenFacts(name);
    expect(network.prunableCount).toBe(facts.prunable);
    const weights = goldenWeights(name);
    // required: 1e-4; the rest is rounding of float64
    close(pathSums(network, weights, { power: 2 }), facts.sum_squared_path_products_no_bias, 1e-12);
    close(pathKernelTrace(network, weights).total, facts.path_kernel_trace_no_bias, 1e-12);
  });

  it.each(GOLDEN_NAMES.flatMap((name) => [[name, 1, "synflow"] as const, [name, 2, "synflow_l2"] as const]))(
    "%s, power %i, with biases: θ'·∂R/∂θ' are PyTorch's scores of %s",
    (name, power, method) => {
      const weights = goldenWeights(name);
      const scores = readTensors(`${GOLDEN}${name}/scores.safetensors`);
      let compared = 0;
      const visit = (parameter: string, gradient: Float64Array) => {
        const expected = scores.get(`${method}.${parameter}`)?.data;
        if (expected === undefined) return;
        compared += gradient.length;
        const theta = weights.get(parameter)!;
        for (let k = 0; k < gradient.length; k++)
          close(Math.abs(theta[k]!) ** power * gradient[k]!, expected[k]!, 1e-6);
      };
      pathSums(goldenNetwork(name), weights, { power, biases: true, visit });
      expect(compared).toBe(goldenFacts(name).prunable);
    },
  );
});

/** Parameters transformed as in a path sum, so that an ordinary forward pass of ones computes R. */
function transformed(
  network: Network,
  weights: Weights,
  power: 1 | 2,
  biases: boolean,
): Map<string, Float64Array> {
  const epsilon = 1e-5;
  return new Map(
    network.parameters.map(({ name, role }) => {
      const values = Float64Array.from(weights.get(name)!);
      if (role === "mean" && (!biases || power === 2)) return [name, biases ? values : values.fill(0)];
      if (role === "variance")
        return [name, power === 2 && !biases ? values.map((v) => (v + epsilon) ** 2 - epsilon) : values];
      if (!biases && (role === "bias" || role === "shift")) return [name, values.fill(0)];
      return [name, values.map((v) => Math.abs(v) ** power)];
    }),
  );
}

const ones = (network: Network) => new Float64Array(network.inputShape.reduce((a, b) => a * b, 1)).fill(1);

/** R by the oracle's forward pass. Its relu only changes values that a running mean makes negative. */
const sumByForward = (network: Network, theta: ReadonlyMap<string, Float64Array>) =>
  sumOf(forward(pathSumNetwork(network), theta, ones(network), 1).output);

describe("path sums of random networks", () => {
  const cases = fc.record({
    random: randomNetworks,
    power: fc.constantFrom(1 as const, 2 as const),
    biases: fc.boolean(),
    density: fc.constantFrom(1, 0.5, 0.1),
    seed: fc.nat(),
  });

  it("equal a forward pass of ones through the transformed network, masks and biases included", () => {
    fc.assert(
      fc.property(cases, ({ random: { network }, power, biases, density, seed }) => {
        const weights = withRandomParameters(network, seed);
        const masks = randomMasks(network, density, seed);
        const expected = sumByForward(
          network,
          transformed(network, applyMasks(weights, masks), power, biases),
        );
        close(pathSums(network, weights, { power, biases, masks }), expected);
      }),
      { numRuns: 150 },
    );
  });

  it("have the derivatives that differences of forward passes show, and none for removed weights", () => {
    // R is linear in each parameter, so any difference gives the derivative, except with max pooling, and with relu
    // where running means make values negative (not here: see synflow.test.ts)
    const smooth = cases.filter(({ random }) =>
      random.network.nodes.every(({ op }) => op.kind !== "maxPool2d"),
    );
    fc.assert(
      fc.property(smooth, ({ random: { network }, power, biases, density, seed }) => {
        const weights = new Map(withRandomParameters(network, seed));
        for (const { name, role } of network.parameters) {
          if (role !== "mean") continue;
          weights.set(
            name,
            weights.get(name)!.map((mean) => (power === 1 ? 0 : -Math.abs(mean))),
          );
        }
        const masks = randomMasks(network, density, seed);
        const theta = transformed(network, applyMasks(weights, masks), power, biases);
        const sum = sumByForward(network, theta);
        const seen: string[] = [];
        const visit = (name: string, gradient: Float64Array) => {
          seen.push(name);
          const mask = masks.get(name);
          for (const k of [seed % gradient.length, (seed * 7 + 3) % gradient.length]) {
            if (mask?.[k] === 0) {
              expect(gradient[k]).toBe(0);
              continue;
            }
            const values = theta.get(name)!;
            const held = values[k]!;
            values[k] = held + 1;
            const difference = sumByForward(network, theta) - sum;
            values[k] = held;
            expect(Math.abs(gradient[k]! - difference)).toBeLessThanOrEqual(
              1e-8 * (Math.abs(sum) + Math.abs(difference)),
            );
          }
        };
        pathSums(network, weights, { power, biases, masks, visit });
        const trained = network.parameters.filter(({ role }) =>
          biases ? role !== "mean" && role !== "variance" : role === "weight" || role === "scale",
        );
        expect(seen.sort()).toEqual(trained.map(({ name }) => name).sort());
      }),
      { numRuns: 60 },
    );
  });

  it("equal sums over enumerated paths, gradient by gradient, through max pooling too", () => {
    fc.assert(
      fc.property(cases, ({ random: { network, weights }, power, density, seed }) => {
        const unit = new Map([...weights].map(([name, values]) => [name, values.slice().fill(1)]));
        fc.pre(pathSums(network, unit, { power: 1 }) < 2_000);
        const masks = randomMasks(network, density, seed);
        const masked = applyMasks(weights, masks);
        const expected = elementPathSums(oracleNetwork(network), masked, power);
        const visit = (name: string, gradient: Float64Array) => {
          const mask = masks.get(name);
          const byPaths = expected.gradients.get(name);
          for (let k = 0; k < gradient.length; k++)
            close(gradient[k]!, mask?.[k] === 0 ? 0 : (byPaths?.[k] ?? 0));
        };
        close(pathSums(network, weights, { power, masks, visit }), expected.sum);
      }),
      { numRuns: 60 },
    );
  });

  it("give less trace for fewer weights, and the dense trace for a dense mask", () => {
    fc.assert(
      fc.property(randomNetworks, fc.nat(), ({ network, weights }, seed) => {
        // max pooling is left out: more input may move its path
        fc.pre(network.nodes.every(({ op }) => op.kind !== "maxPool2d"));
        const masks = randomMasks(network, 0.5, seed);
        const dense = pathKernelTrace(network, weights);
        expect(pathKernelTrace(network, weights, Masks.dense(network))).toEqual(dense);
        const sparse = pathKernelTrace(network, weights, masks);
        expect(sparse.total).toBeLessThanOrEqual(dense.total * (1 + 1e-12));
        close(sumOf(sparse.layers), sparse.total);
      }),
      { numRuns: 50 },
    );
  });
});

describe("path sums in closed form", () => {
  it("count the paths of a perceptron of ones: the product of its widths", () => {
    const b = new NetworkBuilder("ones", [3]);
    const network = b.build(b.dense("c", b.relu(b.dense("b", b.relu(b.dense("a", b.input, 4)), 5)), 2));
    const weights = new Map(
      network.parameters.map(({ name, shape }) => [
        name,
        new Float32Array(shape.reduce((x, y) => x * y)).fill(1),
      ]),
    );
    expect(pathSums(network, weights, { power: 1 })).toBe(3 * 4 * 5 * 2);
    // each path adds 1 for each of its 3 weights
    expect(pathKernelTrace(network, weights).total).toBe(3 * 3 * 4 * 5 * 2);
    // with biases: ((3 + 1)·4 + 1)·5 + 1, twice
    expect(pathSums(network, weights, { power: 1, biases: true })).toBe(2 * (((3 + 1) * 4 + 1) * 5 + 1));
  });

  it("give the trace that a small network has by hand", () => {
    // input x → h1 (weight 2), h2 (−3); out = 5·h1 + 7·h2: paths 2·5 and −3·7
    const b = new NetworkBuilder("by-hand", [1]);
    const network = b.build(
      b.dense("v", b.relu(b.dense("w", b.input, 2, { bias: false })), 1, { bias: false }),
    );
    const weights = new Map([
      ["w.weight", new Float32Array([2, -3])],
      ["v.weight", new Float32Array([5, 7])],
    ]);
    expect(pathSums(network, weights, { power: 2 })).toBe(10 ** 2 + 21 ** 2);
    expect(pathKernelTrace(network, weights)).toEqual({
      layers: [5 ** 2 + 7 ** 2, 2 ** 2 + 3 ** 2],
      total: 87,
      squaredPathSum: 541,
    });
    const masks = new Masks(network, Uint8Array.of(1, 0, 1, 1));
    // the path through h2 is cut: 7 is on none, but its weight still has no input
    expect(pathKernelTrace(network, weights, masks)).toEqual({
      layers: [25, 4],
      total: 29,
      squaredPathSum: 100,
    });
  });

  it("square the whole factor of batch normalisation, and stay finite where float32 would not", () => {
    const b = new NetworkBuilder("norm", [1]);
    const network = b.build(b.batchNorm("bn", b.dense("w", b.input, 1, { bias: false }), { epsilon: 0.25 }));
    const weights = new Map([
      ["w.weight", new Float32Array([3])],
      ["bn.weight", new Float32Array([-2])],
      ["bn.bias", new Float32Array([9])],
      ["bn.running_mean", new Float32Array([4])],
      ["bn.running_var", new Float32Array([2])],
    ]);
    // factor −2 / √2.25 = −4/3
    close(pathSums(network, weights, { power: 1 }), 4);
    close(pathSums(network, weights, { power: 2 }), 16);
    // published SynFlow: |scale|·(|w| − mean) / √(variance + ε) + |shift|
    close(pathSums(network, weights, { power: 1, biases: true }), (2 * (3 - 4)) / 1.5 + 9);
    close(pathSums(network, weights, { power: 2, biases: true }), (4 * (9 - 4)) / 1.5 + 81);
    const deep = new NetworkBuilder("deep", [1]);
    const chain = deep.build(
      deep.dense("w2", deep.dense("w1", deep.input, 1, { bias: false }), 1, { bias: false }),
    );
    const huge = new Map(chain.parameters.map(({ name }) => [name, new Float32Array([1e30])]));
    close(pathSums(chain, huge, { power: 2 }), 1e120, 1e-6);
  });
});
