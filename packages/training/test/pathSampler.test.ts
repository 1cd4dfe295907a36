/** Absent weights drawn by the paths that they would add: scores against the oracle's path by path, draws by their counts. */
import { absentPaths, Masks, type Network, NetworkBuilder, type Weights } from "@phew/core";
import { Random } from "@phew/engine";
import { elementPathSums, plainPathDraws } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changed } from "../src/rules/change.ts";
import { chosenRule } from "../src/rules/chosen.ts";
import { PathSampler } from "../src/rules/pathSampler.ts";
import { oracleGraph } from "./randomNetworks.ts";
import { exactMasks, perceptron, subject } from "./rulesSubject.ts";

/** Padding, stride, groups, a shortcut and batch normalisation, small enough for all its paths. */
function convolutional(): Network {
  const b = new NetworkBuilder("paths", [2, 3, 4]);
  const first = b.relu(
    b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 2, kernel: 3, padding: 1 })),
  );
  const second = b.conv2d("grouped", first, { outChannels: 2, kernel: [2, 1], stride: [1, 2], groups: 2 });
  const short = b.conv2d("short", first, { outChannels: 2, kernel: [2, 1], stride: [1, 2], bias: false });
  return b.build(b.dense("out", b.flatten(b.relu(b.add(second, short))), 2));
}

/** A convolution of a volume, strided, dilated and grouped, small enough for all its paths. */
function volume(): Network {
  const b = new NetworkBuilder("volume", [2, 3, 2, 3]);
  const names = { weight: "conv.weight", bias: "conv.bias", outChannels: 4, groups: 2 } as const;
  const window = {
    kernel: [2, 2, 1],
    stride: [1, 1, 2],
    dilation: [2, 1, 1],
    padding: [1, 0, 0, 0, 1, 0],
  } as const;
  const conv = b.node("conv", { kind: "conv3d", ...names, ...window }, b.input);
  return b.build(b.dense("out", b.globalAveragePool(b.relu(conv)), 2));
}

/** Every weight's score, in the order of `network.prunable`. */
function oracleScores(network: Network, weights: Weights): Float64Array {
  const { gradients } = elementPathSums(oracleGraph(network), weights, 1);
  const scores = new Float64Array(network.prunableCount);
  for (const { name, start } of network.prunable) scores.set(gradients.get(name) ?? [], start);
  return scores;
}

describe("scores of absent weights", () => {
  it.each([convolutional(), volume(), perceptron()].map((network) => [network.name, network] as const))(
    "%s: are sums over all paths through them, kept weights beside",
    (_, network) => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
          const { state } = subject(network, { seed, density: 0.5 });
          const expected = oracleScores(network, state.weights);
          for (const layer of absentPaths(network, state.weights, state.masks)) {
            const { start, length } = layer.parameter;
            const scores = Array.from({ length }, (_, k) => layer.score(k));
            for (const [k, score] of scores.entries())
              expect(score * 2 ** layer.exponent).toBeCloseTo(expected[start + k]!, 10);
            for (let row = 0; row < layer.rowCount; row++) requireRow(layer, row, scores, state.masks);
          }
        }),
        { numRuns: 4 },
      );
    },
  );
});

type Layer = ReturnType<typeof absentPaths>[number];

function requireRow(layer: Layer, row: number, scores: readonly number[], masks: Masks): void {
  const { rowLength, kernelSize, parameter } = layer;
  const own = scores.slice(row * rowLength, (row + 1) * rowLength);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  expect(layer.rowMass(row)).toBeCloseTo(sum(own), 10);
  const isKept = (k: number) => masks.of(parameter)[row * rowLength + k] === 1;
  expect(layer.keptMass[row]).toBeCloseTo(sum(own.filter((_, k) => isKept(k))), 10);
  for (const [k, score] of own.entries())
    expect(score).toBeLessThanOrEqual(
      layer.bounds(row)[Math.floor(k / kernelSize)]! * layer.rowBound(row) * (1 + 1e-12),
    );
}

/**
 * Whether counts fit probabilities. By Wilson and Hilferty's approximation of χ² a fresh seed would be refused with a
 * probability of about 1e-6 (4.75 standard deviations); places with fewer than 5 expected are taken together.
 */
function requireFit(counts: readonly number[], shares: readonly number[]): void {
  const total = counts.reduce((a, b) => a + b, 0);
  const shareSum = shares.reduce((a, b) => a + b, 0);
  let [chi, degrees, restCount, restExpected] = [0, -1, 0, 0];
  for (const [k, share] of shares.entries()) {
    const expected = (total * share) / shareSum;
    if (expected < 5) {
      restCount += counts[k]!;
      restExpected += expected;
    } else {
      chi += (counts[k]! - expected) ** 2 / expected;
      degrees++;
    }
  }
  if (restExpected > 5) {
    chi += (restCount - restExpected) ** 2 / restExpected;
    degrees++;
  } else expect(restCount).toBeLessThan(30);
  const spread = 2 / (9 * degrees);
  const deviation = ((chi / degrees) ** (1 / 3) - (1 - spread)) / Math.sqrt(spread);
  expect(degrees).toBeGreaterThan(3);
  expect(deviation).toBeLessThan(4.75);
}

describe("draws", () => {
  it("over a network follow the scores of its absent weights", () => {
    const network = convolutional();
    const { state } = subject(network, { seed: 3, density: 0.6 });
    const scores = oracleScores(network, state.weights).map(
      (score, k) => score * (1 - state.masks.bytes[k]!),
    );
    const sampler = new PathSampler(network, state.weights, state.masks);
    const counts = new Array<number>(network.prunableCount).fill(0);
    const whole = { start: 0, length: network.prunableCount };
    for (let k = 0; k < 4000; k++) counts[sampler.draw(whole, 1, new Random(k, 7))[0]!]!++;
    expect(counts.some((count, k) => count > 0 && scores[k] === 0)).toBe(false);
    requireFit(counts, [...scores]);
  });

  it("of a layer come one after the other without replacement", () => {
    const network = perceptron();
    const { state } = subject(network, { seed: 8, density: 0.6 });
    const [layer] = network.prunable.slice(2);
    const group = { start: layer!.start, length: layer!.length, layer: 2 };
    const scores = oracleScores(network, state.weights);
    const absent = [...state.masks.bytes.keys()].filter(
      (k) =>
        k >= group.start && k < group.start + group.length && state.masks.bytes[k] === 0 && scores[k]! > 0,
    );
    const sum = absent.reduce((total, k) => total + scores[k]!, 0);
    const pairs = absent.flatMap((a) => absent.filter((b) => b !== a).map((b) => [a, b] as const));
    const shares = pairs.map(([a, b]) => ((scores[a]! / sum) * scores[b]!) / (sum - scores[a]!));
    const sampler = new PathSampler(network, state.weights, state.masks);
    const counts = new Map(pairs.map(([a, b]) => [`${a} ${b}`, 0]));
    for (let k = 0; k < 3000; k++) {
      const pair = sampler.draw(group, 2, new Random(k, 11)).join(" ");
      counts.set(pair, counts.get(pair)! + 1);
    }
    requireFit([...counts.values()], shares);
  });

  it("are the same where no proposal is taken in time: a row with one absent weight that few propose", () => {
    const b = new NetworkBuilder("rare", [40]);
    const network = b.build(b.dense("out", b.input, 1, { bias: false }));
    const masks = Masks.dense(network);
    masks.bytes[17] = 0;
    const weights = new Map([["out.weight", new Float32Array(40).fill(1)]]);
    const sampler = new PathSampler(network, weights, masks);
    for (let k = 0; k < 20; k++)
      expect([...sampler.draw({ start: 0, length: 40 }, 1, new Random(k, 1))]).toEqual([17]);
  });

  it("go on at random where no path leads through the absent weights", () => {
    const network = perceptron();
    const masks = exactMasks(network, 0.5, 1);
    const weights = new Map(
      network.parameters.map(({ name, shape }) => [name, new Float32Array(shape.reduce((a, b) => a * b))]),
    );
    const sampler = new PathSampler(network, weights, masks);
    const drawn = sampler.draw({ start: 0, length: network.prunableCount }, 20, new Random(1, 1));
    expect(new Set(drawn).size).toBe(20);
    expect(drawn.every((k) => masks.bytes[k] === 0)).toBe(true);
  });
});

it.each(["path-rewire", "path-grow"])(
  "%s grows as the oracle's table of scores, in the same order",
  async (name) => {
    const network = perceptron();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
        const { state, streams } = subject(network, { seed, density: 0.5 });
        const kept = state.masks.keptCount;
        const plan =
          name === "path-grow" ? { fraction: 0, keepCount: kept + 6 } : { fraction: 0.2, keepCount: kept };
        const change = await changed(chosenRule({ name }), state, plan);
        const after = new Masks(network, state.masks.bytes.slice());
        for (const k of ascendingSizes(state, plan.fraction)) after.bytes[k] = 0;
        const expected = plainGrowth(state, after, plan.keepCount - kept, streams);
        expect([...change.grown]).toEqual(expected.filter((k) => state.masks.bytes[k] === 0));
      }),
      { numRuns: 8 },
    );
  },
);

type State = ReturnType<typeof subject>["state"];

/** The least weights of each layer. */
function ascendingSizes({ network, masks, weights }: State, fraction: number): number[] {
  return network.prunable.flatMap((parameter) => {
    const own = [...masks.of(parameter).keys()].filter((k) => masks.of(parameter)[k] === 1);
    const size = (k: number) => Math.abs(weights.get(parameter.name)![k]!);
    own.sort((a, b) => size(a) - size(b) || b - a);
    return own.slice(0, Math.floor(fraction * own.length + 1e-9)).map((k) => parameter.start + k);
  });
}

/** @param added by how many weights the network grows; 0: each layer grows what it has lost */
function plainGrowth(
  { network, masks, weights }: State,
  after: Masks,
  added: number,
  streams: ReturnType<typeof subject>["streams"],
): number[] {
  const left = new Map(weights);
  for (const parameter of network.prunable)
    left.set(
      parameter.name,
      weights.get(parameter.name)!.map((w, k) => w * after.of(parameter)[k]!),
    );
  const scores = oracleScores(network, left);
  const tables = network.prunable.map((parameter) => {
    const [outs, ins] = parameter.shape as [number, number];
    const scored = Array.from({ length: parameter.length }, (_, k) => ({
      id: parameter.start + k,
      row: Math.floor(k / ins),
      input: k % ins,
      tap: 0,
      score: scores[parameter.start + k]!,
      absent: after.of(parameter)[k] === 0,
    }));
    // a row of a dense layer is a_i · b_o: its scores are bounds that no proposal misses
    const rows = Array.from({ length: outs }, (_, o) => ({
      bounds: scored.slice(o * ins, (o + 1) * ins).map(({ score }) => score),
      bound: 1,
      taps: 1,
    }));
    return { scored, rows, lost: keptCount(masks.of(parameter)) - keptCount(after.of(parameter)) };
  });
  if (added === 0)
    return tables.flatMap(({ scored, rows, lost }, layer) =>
      plainPathDraws(scored, rows, lost, streams("grow", layer)),
    );
  let firstRow = 0;
  const all = tables.flatMap(({ scored, rows }) => {
    const first = firstRow;
    firstRow += rows.length;
    return scored.map((one) => ({ ...one, row: one.row + first }));
  });
  return plainPathDraws(
    all,
    tables.flatMap(({ rows }) => rows),
    added,
    streams("grow"),
  );
}

const keptCount = (mask: Uint8Array) => mask.reduce((sum, bit) => sum + bit, 0);
