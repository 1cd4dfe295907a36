import { Random } from "@phew/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocate } from "../src/masks/allocate.ts";
import { countKept, Masks } from "../src/masks/masks.ts";
import { sampleInto } from "../src/masks/sample.ts";
import type { Network } from "../src/network/network.ts";
import { completeOptions, type OptionValue, type Pruner } from "../src/pruners/pruner.ts";
import { prunerByName, pruners } from "../src/pruners/registry.ts";
import type { Weights } from "../src/weights/weights.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { randomMasks, randomNetworks, randomWeights } from "./randomNetwork.ts";

const prune = async (
  name: string,
  network: Network,
  weights: Weights,
  keepCount: number,
  seed = 1,
  from?: Masks,
) => {
  const request = { network, weights, keepCount, seed, options: {}, ...(from ? { from } : {}) };
  return (await prunerByName(name).prune(request)).masks;
};

/** Methods that keep exactly what is asked and need no examples, and those of them that score weights. */
const ALONE = [...pruners.values()].filter(
  ({ examplesOption, wholePaths }) => examplesOption === undefined && !wholePaths,
);
const OWN = ALONE.map(({ name }) => name);
const SCORING = ALONE.filter(({ options }) => "scope" in options).map(({ name }) => name);

describe.each(OWN)("%s", (name) => {
  it("keeps exactly keepCount, grows from what is kept, and changes nothing it is given", async () => {
    await fc.assert(
      fc.asyncProperty(
        randomNetworks,
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        async ({ network, weights }, grows, pick, seed) => {
          const from = randomMasks(network, grows ? 0.4 : 0, seed);
          const before = from.bytes.slice();
          const least = Math.max(1, from.keptCount);
          const keepCount = least + Math.floor(pick * (network.prunableCount - least));
          const masks = await prune(name, network, weights, keepCount, seed, from);
          expect(masks.keptCount).toBe(keepCount);
          expect(masks.bytes.every((byte, k) => byte <= 1 && byte >= before[k]!)).toBe(true);
          expect(from.bytes).toEqual(before);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("gives the same mask for the same seed", async () => {
    const network = zooModel("lenet5");
    const weights = randomWeights(network, 5);
    const one = await prune(name, network, weights, 3000, 7);
    expect(await prune(name, network, weights, 3000, 7)).toEqual(one);
    const other = await prune(name, network, weights, 3000, 8);
    if (SCORING.includes(name)) expect(other).toEqual(one);
    else expect(other.bytes).not.toEqual(one.bytes);
  });

  it("refuses a keepCount out of range", async () => {
    const network = zooModel("lenet5");
    for (const keepCount of [0, 61_471, 1.5])
      await expect(prune(name, network, randomWeights(network, 1), keepCount)).rejects.toThrow(
        /keepCount: got/,
      );
    const from = Masks.dense(network);
    await expect(prune(name, network, randomWeights(network, 1), 100, 1, from)).rejects.toThrow(
      /61470, the weights kept already/,
    );
  });
});

describe.each(SCORING)("%s, as every method that scores", (name) => {
  const pruned = (
    network: Network,
    weights: Weights,
    keepCount: number,
    options: Record<string, OptionValue>,
  ) => {
    const pruner = prunerByName(name);
    const given = pruner.options.rounds ? { rounds: 1, ...options } : options;
    return pruner.prune({ network, weights, keepCount, seed: 1, options: completeOptions(pruner, given) });
  };

  it("keeps the highest scores, or inverted the lowest; among equal scores the lower index", () =>
    fc.assert(
      fc.asyncProperty(randomNetworks, fc.boolean(), fc.nat(), async ({ network, weights }, invert, pick) => {
        const keepCount = 1 + (pick % network.prunableCount);
        const plain = (await pruned(network, weights, keepCount, {})).scores!;
        const { masks, scores } = await pruned(network, weights, keepCount, { invert });
        expect(scores).toEqual(invert ? plain.map((score) => -score) : plain);
        const order = Array.from(scores!.keys()).sort((a, b) => scores![b]! - scores![a]! || a - b);
        const expected = new Uint8Array(network.prunableCount);
        for (const k of order.slice(0, keepCount)) expected[k] = 1;
        expect(masks.bytes).toEqual(expected);
      }),
      { numRuns: 40 },
    ));

  it("chooses within an earlier mask, in one round or several, over all layers or by layer", () =>
    fc.assert(
      fc.asyncProperty(
        randomNetworks,
        fc.boolean(),
        fc.nat(),
        fc.integer({ min: 1, max: 3 }),
        async ({ network, weights }, byLayer, pick, rounds) => {
          const within = randomMasks(network, 0.6, pick);
          if (within.keptCount === 0) return;
          const keepCount = 1 + (pick % within.keptCount);
          const pruner = prunerByName(name);
          const own = { scope: byLayer ? "layer" : "global", ...(pruner.options.rounds && { rounds }) };
          const request = { network, weights, keepCount, seed: 1, options: completeOptions(pruner, own) };
          const { masks, scores } = await pruner.prune({ ...request, within });
          expect(masks.keptCount).toBe(keepCount);
          expect(masks.bytes.every((byte, k) => byte <= within.bytes[k]!)).toBe(true);
          if (byLayer || (pruner.options.rounds && rounds > 1)) return;
          const left = Array.from(scores!.keys()).filter((k) => within.bytes[k] === 1);
          const order = left.sort((a, b) => scores![b]! - scores![a]! || a - b).slice(0, keepCount);
          expect(order.every((k) => masks.bytes[k] === 1)).toBe(true);
        },
      ),
      { numRuns: 60 },
    ));

  it("gives within a dense mask the same as without one", async () => {
    const network = zooModel("lenet5");
    const weights = randomWeights(network, 6);
    for (const scope of ["global", "layer"]) {
      const pruner = prunerByName(name);
      const options = completeOptions(pruner, { scope, ...(pruner.options.rounds && { rounds: 3 }) });
      const request = { network, weights, keepCount: 3001, seed: 1, options };
      const free = await pruner.prune(request);
      const confined = await pruner.prune({ ...request, within: Masks.dense(network) });
      expect(confined.masks).toEqual(free.masks);
    }
  });

  it("keeps the same fraction of every layer with scope=layer", async () => {
    const network = zooModel("lenet5");
    const weights = randomWeights(network, 4);
    const { masks } = await pruned(network, weights, 6147, { scope: "layer" });
    expect(network.prunable.map((parameter) => countKept(masks.of(parameter)))).toEqual(
      allocate(network, "uniform", 6147),
    );
  });
});

describe("magnitude", () => {
  it("keeps the largest weights of all layers together", async () => {
    const network = zooModel("lenet5");
    const weights = randomWeights(network, 2);
    const masks = await prune("magnitude", network, weights, 5000);
    const sizes = network.prunable.flatMap(({ name }) => [...weights.get(name)!].map(Math.abs));
    const kept = sizes.filter((_, k) => masks.bytes[k] === 1);
    const removed = sizes.filter((_, k) => masks.bytes[k] === 0);
    expect(Math.min(...kept)).toBeGreaterThanOrEqual(removed.reduce((a, b) => Math.max(a, b)));
  });

  it("refuses NaN by name", async () => {
    const network = zooModel("lenet5");
    const weights = randomWeights(network, 2);
    weights.get("fc1.weight")![17] = Number.NaN;
    await expect(prune("magnitude", network, weights, 10)).rejects.toThrow(
      'layer "fc1.weight", score 17: got NaN',
    );
  });
});

describe("layer by layer", () => {
  it.each(["uniform", "erk"] as const)("%s keeps what each layer is allotted", async (share) => {
    const network = zooModel("resnet20");
    const masks = await prune(share, network, new Map(), 20_000);
    expect(network.prunable.map((parameter) => countKept(masks.of(parameter)))).toEqual(
      allocate(network, share, 20_000),
    );
  });
});

describe("uniformly random masks", () => {
  it("make every set of the wanted size equally likely, sparse or dense, beside what is kept already", () => {
    // χ² over all sets of `wanted` among 6 free weights; the bound is exceeded once in a million runs of the test
    for (const [wanted, keptAt, setCount, bound] of [
      [1, [2, 5], 6, 35.9],
      [3, [], 20, 63.7],
      [4, [0], 15, 54.7],
    ] as const) {
      const free = 6;
      const length = free + keptAt.length;
      const seen = new Map<string, number>();
      const runs = 20_000;
      for (let seed = 0; seed < runs; seed++) {
        const mask = new Uint8Array(length);
        for (const k of keptAt) mask[k] = 1;
        sampleInto(mask, wanted + keptAt.length, new Random(seed, 3));
        for (const k of keptAt) expect(mask[k]).toBe(1);
        const key = mask.join("");
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
      expect(seen.size).toBe(setCount);
      const expected = runs / setCount;
      const chiSquare = [...seen.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
      expect(chiSquare).toBeLessThan(bound);
    }
  });

  it("are determined by the count alone, above and below a density of one half", () => {
    for (const keepCount of [0, 1, 499, 500, 501, 999, 1000]) {
      const mask = new Uint8Array(1000);
      sampleInto(mask, keepCount, new Random(11));
      expect(countKept(mask)).toBe(keepCount);
      expect(mask.every((byte) => byte <= 1)).toBe(true);
    }
  });
});

describe("the registry of methods", () => {
  it("finds methods by name and says what there is", () => {
    for (const [name, pruner] of pruners) {
      expect(prunerByName(name)).toBe(pruner);
      expect(pruner.summary.length).toBeGreaterThan(10);
    }
    expect([...pruners.keys()]).toEqual(
      expect.arrayContaining(["phew", "magnitude", "random", "erk", "synflow"]),
    );
    expect(() => prunerByName("magnitud")).toThrow(
      /method: got "magnitud", expected one of .*Did you mean "magnitude"\?/,
    );
  });

  const pruner: Pruner = {
    name: "some",
    summary: "",
    source: "",
    colour: "#000000",
    wholePaths: false,
    options: {
      mode: { kind: "choice", choices: ["fast", "slow"], initial: "fast", help: "" },
      rounds: { kind: "number", least: 1, most: 100, whole: true, initial: 10, help: "" },
      share: { kind: "number", least: 0, most: 1, whole: false, initial: 0.5, help: "" },
      invert: { kind: "flag", initial: false, help: "" },
    },
    prune: () => Promise.reject(new Error("not pruned here")),
  };

  it("completes options with their initial values, and refuses what does not fit", () => {
    expect(completeOptions(pruner, {})).toEqual({ mode: "fast", rounds: 10, share: 0.5, invert: false });
    expect(completeOptions(pruner, { mode: "slow", rounds: 100, share: 0, invert: true })).toEqual({
      mode: "slow",
      rounds: 100,
      share: 0,
      invert: true,
    });
    const wrong = (options: Record<string, string | number | boolean>) => () =>
      completeOptions(pruner, options);
    expect(wrong({ mode: "slw" })).toThrow(
      /some: mode: got "slw", expected one of fast, slow. Did you mean "slow"\?/,
    );
    expect(wrong({ round: 3 })).toThrow(/option of some: got "round".*Did you mean "rounds"\?/);
    for (const rounds of [0, 101, 1.5, Number.NaN, "5"])
      expect(wrong({ rounds })).toThrow(/some: rounds: got .*whole number from 1 to 100/);
    expect(wrong({ share: 1.01 })).toThrow(/some: share: got 1.01, expected a number from 0 to 1/);
    expect(wrong({ invert: "yes" })).toThrow(/some: invert: got yes, expected true or false/);
    expect(() => completeOptions(prunerByName("random"), { mode: "x" })).toThrow(
      /option of random: got "mode", expected none/,
    );
  });
});
