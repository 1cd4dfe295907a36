/**
 * Every operation of the registry on paths: path sums beside the oracle's enumeration of paths, parameters that take
 * part with biases, walks, and where it says that its outputs are never negative.
 */
import {
  ACTIVATIONS,
  definitionOf,
  elementCount,
  type Network,
  NetworkBuilder,
  pathSums,
  prune,
  type Weights,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  edgesOnPaths,
  elementPathSums,
  forward,
  randomFrom,
  Ways,
} from "../../../packages/oracle/src/index.ts";
import {
  type Build,
  firstConvolution,
  inputFor,
  type Kind,
  networksWith,
  oracleGraph,
  randomWeights,
} from "./operationSamples.ts";

/** Batch normalisation stands before the sample: its means make values of path sums with biases negative. */
const CASES = networksWith((build, kind) => {
  const b = new NetworkBuilder("paths", inputFor(kind, 2));
  const image = b.batchNorm("norm", firstConvolution(b, kind, 1));
  return b.build(b.dense("last", b.flatten(build(b, image)), 3));
});
const POWERS = [1, 2] as const;

/** Trained parameters of the sample's own operation. */
function ownTrained({ nodes }: Network) {
  return nodes.find(({ name }) => name === "op")?.parameters.filter(({ trained }) => trained) ?? [];
}

function gradientsOf(network: Network, weights: Weights, options: { power: 1 | 2; biases?: boolean }) {
  const gradients = new Map<string, Float64Array>();
  const visit = (name: string, gradient: Float64Array) => void gradients.set(name, gradient.slice());
  return { sum: pathSums(network, weights, { ...options, visit }), gradients };
}

function expectClose(found: number, expected: number, scale: number, what: string): void {
  expect(Math.abs(found - expected), what).toBeLessThanOrEqual(scale * Math.max(Math.abs(expected), 1e-6));
}

describe("every operation in path sums", () => {
  it.each(CASES)(
    "$name: has the oracle's sums over enumerated paths, and their derivatives",
    ({ network }) => {
      const weights = randomWeights(network, 2);
      for (const power of POWERS) {
        const expected = elementPathSums(oracleGraph(network), weights, power);
        const { sum, gradients } = gradientsOf(network, weights, { power });
        expectClose(sum, expected.sum, 1e-9, "sum");
        for (const { name } of network.parameters) {
          const values = weights.get(name)!;
          for (const k of values.keys())
            expectClose(
              gradients.get(name)?.[k] ?? 0,
              expected.gradients.get(name)?.[k] ?? 0,
              1e-9,
              `${name}[${k}], power ${power}`,
            );
        }
      }
    },
  );

  it.each(CASES)(
    "$name: with biases its trained parameters take part, and derivatives by them and its inputs are those of the sum",
    ({ network }) => {
      const weights = randomWeights(network, 2);
      weights.get("norm.weight")!.fill(1);
      // units 0 and 2 are below 0
      weights.get("norm.running_mean")!.set([4, 0.1, 4, 0.1]);
      // the sum is that of magnitudes: it is above 0
      weights.get("last.bias")!.fill(200);
      for (const power of POWERS) {
        const options = { power, biases: true };
        const { sum, gradients } = gradientsOf(network, weights, options);
        // the sum is linear in the operation's own, and in a shift before it where no value changes its sign
        const own = ownTrained(network).map(({ name }) => [name, 0.5] as const);
        for (const [name, step] of [...own, ["norm.bias", 2 ** -8] as const]) {
          const what = `${name}, power ${power}`;
          const gradient = gradients.get(name);
          expect(
            gradient?.some((g) => g !== 0),
            `${what}: takes part`,
          ).toBe(true);
          const most = Math.max(...gradient!.map(Math.abs));
          for (const k of gradient!.keys()) {
            const values = weights.get(name)!.slice();
            const before = Math.abs(values[k]!) ** power;
            values[k]! += values[k]! < 0 ? -step : step;
            const by = Math.abs(values[k]!) ** power - before;
            const after = pathSums(network, new Map([...weights, [name, values]]), options);
            expect(Math.abs((after - sum) / by - gradient![k]!), `${what}, element ${k}`).toBeLessThan(
              1e-6 * most,
            );
          }
        }
      }
    },
  );
});

describe("every operation in walks", () => {
  it.each(CASES)("$name: every kept weight lies on a path that a walk can take", async ({ network }) => {
    const weights = randomWeights(network, 2);
    const ways = new Ways(oracleGraph(network));
    for (const density of [0.1, 0.4]) {
      const { masks } = await prune(network, weights, { method: "phew", density, seed: 3 });
      expect(masks.keptCount).toBeGreaterThanOrEqual(Math.floor(density * network.prunableCount));
      const kept = new Map(network.prunable.map(({ name }) => [name, masks.get(name)!]));
      for (const [name, onPath] of edgesOnPaths(ways, kept))
        expect(onPath, name).toEqual(Uint8Array.from(kept.get(name)!));
    }
  });
});

/** The sample on an image with negative numbers, and on one without. */
const onImage = (isNonNegative: boolean) => (build: Build, kind: Kind) => {
  const b = new NetworkBuilder("signs", inputFor(kind, 4));
  const value = build(b, isNonNegative ? b.relu(b.input) : b.input);
  return b.build(b.dense("last", b.flatten(value), 2));
};
const SIGNED = [
  ...networksWith(onImage(false)),
  ...networksWith(onImage(true)).map((each) => ({ ...each, name: `${each.name} behind relu` })),
  ...ACTIVATIONS.flatMap((name) =>
    [undefined, -0.5].map((alpha) => ({
      name: alpha === undefined ? name : `${name}, α ${alpha}`,
      kind: "activation" as const,
      network: onImage(false)(
        (b, x) => b.node("op", { kind: "activation", name, ...(alpha && { alpha }) }, x),
        "activation",
      ),
    })),
  ),
];

describe("every operation that says its outputs are never negative", () => {
  it.each(SIGNED)("$name: has none below 0", ({ network, kind }) => {
    const nonNegative: boolean[] = [];
    for (const { op, inputs } of network.nodes)
      nonNegative.push(
        definitionOf(op).isNonNegative(
          op,
          inputs.map((input) => nonNegative[input]!),
        ),
      );
    // what it computes is not known
    if (kind === "opaque") {
      expect(nonNegative[network.nodes.findIndex((node) => node.name === "op")]).toBe(false);
      return;
    }
    const random = randomFrom(6);
    const x = Float64Array.from(
      { length: 8 * elementCount(network.inputShape) },
      () => 16 * (random() - 0.5),
    );
    const { values } = forward(oracleGraph(network), randomWeights(network, 4), x, 8);
    for (const [index, { name }] of network.nodes.entries())
      if (nonNegative[index]) expect(Math.min(...values[index]!), name).toBeGreaterThanOrEqual(0);
  });
});
