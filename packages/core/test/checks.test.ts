import { edgesOnPaths, Ways } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { analyse, layerMeasures } from "../src/analysis/analyse.ts";
import { overlap } from "../src/analysis/overlap.ts";
import { applyCheck } from "../src/checks/applyCheck.ts";
import { checks } from "../src/checks/registry.ts";
import { countKept, Masks } from "../src/masks/masks.ts";
import { deadUnits } from "../src/masks/silentUnits.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { prune } from "../src/prune.ts";
import { initialise } from "../src/weights/initialise.ts";
import type { Weights } from "../src/weights/weights.ts";
import { ownInitialisation, zooModel } from "../src/zoo/zoo.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomMasks, randomNetworks, randomWeights } from "./randomNetwork.ts";
import { normalQuantile } from "./statistics.ts";

const counts = (masks: Masks) => masks.network.prunable.map((parameter) => countKept(masks.of(parameter)));
const names = [...checks.keys()];

describe("a sanity check", () => {
  it.each(names)("%s keeps the count of every layer and is the same for the same seed", async (name) => {
    await fc.assert(
      fc.asyncProperty(
        randomNetworks,
        fc.constantFrom(0.05, 0.3, 0.9, 1),
        fc.nat(1000),
        async (random, density, seed) => {
          const { network, weights } = random;
          const masks = randomMasks(network, density, seed);
          const before = masks.bytes.slice();
          const once = await applyCheck({ name }, { masks, weights, seed });
          expect(counts(once.masks)).toEqual(counts(masks));
          expect(masks.bytes).toEqual(before);
          expect((await applyCheck({ name }, { masks, weights, seed })).masks.bytes).toEqual(
            once.masks.bytes,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is found by name and options; errors list the known ones", async () => {
    const network = zooModel("mlp");
    const request = { masks: Masks.dense(network), weights: randomWeights(network, 1), seed: 0 };
    await expect(applyCheck({ name: "shufle" }, request)).rejects.toThrow(/Did you mean "shuffle"/);
    await expect(applyCheck({ name: "shuffle", options: { within: "net" } }, request)).rejects.toThrow(
      /within/,
    );
    await expect(applyCheck({ name: "widen", options: { fraction: 2 } }, request)).rejects.toThrow(/0 to 1/);
  });

  it("is applied by prune, and recorded", async () => {
    const network = zooModel("lenet5");
    const weights = await initialise(network, { seed: 1 });
    const settings = { method: "magnitude", density: 0.05, seed: 1 };
    const plain = await prune(network, weights, settings);
    const checked = await prune(network, weights, { ...settings, check: { name: "shuffle" } });
    expect(checked.check).toEqual({ name: "shuffle", options: { within: "layer" } });
    expect(plain.check).toBeUndefined();
    expect(counts(checked.masks)).toEqual(counts(plain.masks));
    const { jaccard, chance, chanceDeviation } = overlap(plain.masks, checked.masks);
    expect(Math.abs(jaccard - chance)).toBeLessThan(5 * chanceDeviation);
  });
});

describe("shuffling", () => {
  it("puts each weight in each place with equal probability (false-alarm rate 1e-4 over all places)", async () => {
    const b = new NetworkBuilder("small", [4]);
    const network = b.build(b.dense("a", b.input, 5));
    const masks = new Masks(network);
    masks.bytes.fill(1, 0, 6);
    const runs = 3000;
    for (const name of ["shuffle", "random"]) {
      const kept = new Float64Array(20);
      for (let seed = 0; seed < runs; seed++) {
        const { masks: shuffled } = await applyCheck({ name }, { masks, weights: new Map(), seed });
        for (const [k, byte] of shuffled.bytes.entries()) kept[k]! += byte;
      }
      const p = 6 / 20;
      const most = Math.max(
        ...kept.map((count) => Math.abs(count - runs * p) / Math.sqrt(runs * p * (1 - p))),
      );
      expect(most, name).toBeLessThan(normalQuantile(1 - 0.5e-4 / 20));
    }
  });

  it("within units leaves every fan-in, and so every width, as it was", async () => {
    await fc.assert(
      fc.asyncProperty(randomNetworks, fc.nat(1000), async ({ network, weights }, seed) => {
        const masks = randomMasks(network, 0.2, seed);
        const check = { name: "shuffle", options: { within: "unit" } };
        const { masks: shuffled } = await applyCheck(check, { masks, weights, seed });
        for (const parameter of network.prunable) {
          const rows = (of: Masks) => {
            const mask = of.of(parameter);
            const length = mask.length / parameter.shape[0]!;
            return Array.from({ length: parameter.shape[0]! }, (_, o) =>
              countKept(mask.subarray(o * length, (o + 1) * length)),
            );
          };
          expect(rows(shuffled)).toEqual(rows(masks));
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("drawing the weights anew", () => {
  it("keeps the mask and gives the weights of another seed, in the network's own way", async () => {
    const network = zooModel("lenet5");
    const initialisation = ownInitialisation(network);
    const weights = await initialise(network, { seed: 3, initialisation });
    const result = await prune(network, weights, {
      method: "phew",
      density: 0.05,
      seed: 3,
      check: { name: "reinitialise", options: { step: 5 } },
    });
    const plain = await prune(network, weights, { method: "phew", density: 0.05, seed: 3 });
    expect(result.masks.bytes).toEqual(plain.masks.bytes);
    expect(result.weights).toEqual(await initialise(network, { seed: 8, initialisation }));
    expect(plain.weights).toBeUndefined();
  });
});

describe("weights at the size of their kept fan-in", () => {
  const network = zooModel("lenet5");
  const drawn = (seed: number) => initialise(network, { seed, initialisation: ownInitialisation(network) });
  const pruned = async (given: Weights, name: string, options = {}) =>
    prune(network, given, { method: "random", density: 0.05, seed: 3, check: { name, options } });

  /** Row by row of each unit, in plain loops. */
  function expectScaledByUnit(masks: Masks, before: Weights, after: Weights) {
    for (const parameter of network.prunable) {
      const fanIn = parameter.shape.slice(1).reduce((a, b) => a * b);
      const [mask, own, scaled] = [
        masks.of(parameter),
        before.get(parameter.name)!,
        after.get(parameter.name)!,
      ];
      for (let o = 0; o < parameter.shape[0]!; o++) {
        let kept = 0;
        for (let k = 0; k < fanIn; k++) kept += mask[o * fanIn + k]!;
        const factor = kept === 0 ? 1 : Math.sqrt(fanIn / kept);
        for (let k = o * fanIn; k < (o + 1) * fanIn; k++) expect(scaled[k]).toBeCloseTo(own[k]! * factor, 5);
      }
    }
  }

  it("rescale keeps the mask and multiplies the weights of each unit", async () => {
    const given = await drawn(3);
    const { masks, weights, unscaled } = await pruned(given, "rescale");
    const plain = await prune(network, given, { method: "random", density: 0.05, seed: 3 });
    expect(masks.bytes).toEqual(plain.masks.bytes);
    expect(unscaled).toBe(given);
    expectScaledByUnit(masks, given, weights!);
  });

  it("over a layer it does so by one factor", async () => {
    const given = await drawn(3);
    const { masks, weights } = await pruned(given, "rescale", { over: "layer" });
    for (const parameter of network.prunable) {
      const factor = Math.sqrt(masks.of(parameter).length / countKept(masks.of(parameter)));
      for (const [k, value] of weights!.get(parameter.name)!.entries())
        expect(value).toBeCloseTo(given.get(parameter.name)![k]! * factor, 5);
    }
  });

  it("reinitialise draws from another seed and scales what it drew", async () => {
    const { masks, weights, weightsSeed, unscaled } = await pruned(await drawn(3), "reinitialise", {
      step: 5,
      fanIn: "unit",
    });
    expect(weightsSeed).toBe(8);
    expect(unscaled).toEqual(await drawn(8));
    expectScaledByUnit(masks, unscaled!, weights!);
  });
});

describe("widening", () => {
  /** SynFlow's narrow kind of mask: only the first units of each layer take part. */
  function narrow(): Masks {
    const network = zooModel("resnet20");
    const masks = new Masks(network);
    for (const parameter of network.prunable) {
      const [outCount, inCount, kh = 1, kw = 1] = parameter.shape as [number, number, number?, number?];
      const mask = masks.of(parameter);
      const outs = outCount === 10 ? 10 : Math.ceil(outCount / 4);
      const ins = inCount === 3 ? 3 : Math.ceil(inCount / 4);
      for (let o = 0; o < outs; o++) {
        for (let i = 0; i < ins; i++)
          mask.fill(1, (o * inCount + i) * kh * kw, (o * inCount + i + 1) * kh * kw);
      }
    }
    return masks;
  }

  it("reaches the requested width, and keeps the units of smaller fractions", async () => {
    const masks = narrow();
    const { network } = masks;
    let before: Uint8Array[] | undefined;
    for (const fraction of [0, 0.25, 0.5, 1]) {
      const options = { fraction };
      const { masks: widened } = await applyCheck(
        { name: "widen", options },
        { masks, weights: new Map(), seed: 4 },
      );
      const live = network.prunable.map((parameter) => deadUnits(widened.of(parameter), parameter.shape[0]!));
      for (const [l, { name, width, shape }] of layerMeasures(widened).entries()) {
        const own = Math.round(layerMeasures(masks)[l]!.width * shape[0]!);
        const target = own + Math.round(fraction * (shape[0]! - own));
        expect(width * shape[0]!, `${name} at ${fraction}`).toBeCloseTo(
          Math.min(target, counts(masks)[l]!),
          9,
        );
        if (before !== undefined) {
          for (const [o, dead] of live[l]!.entries()) expect(dead).toBeLessThanOrEqual(before[l]![o]!);
        }
      }
      before = live;
    }
  });

  it("keeps only weights that the input reaches, and few from which no path leads to the output", async () => {
    const masks = narrow();
    const weights = await initialise(masks.network, { seed: 1 });
    const { masks: widened } = await applyCheck({ name: "widen" }, { masks, weights, seed: 4 });
    const { ineffectiveCount, keptCount, minWidth } = analyse(weights, widened, {
      without: ["trace", "path-sum"],
    });
    expect(minWidth).toBe(1);
    expect(ineffectiveCount / keptCount).toBe(0);
  });

  it("puts more weights of random networks on paths than a random mask has there", async () => {
    let [before, after] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        randomNetworks,
        fc.constantFrom(0.1, 0.3),
        fc.nat(1000),
        async ({ network, weights }, density, seed) => {
          const masks = randomMasks(network, density, seed);
          const { masks: widened } = await applyCheck({ name: "widen" }, { masks, weights, seed });
          const byName = (of: Masks) =>
            new Map(network.prunable.map((parameter) => [parameter.name, of.of(parameter)]));
          const sum = (m: ReadonlyMap<string, Uint8Array>) =>
            [...m.values()].reduce((n, mask) => n + countKept(mask), 0);
          const onPaths = (of: Masks) => sum(edgesOnPaths(new Ways(oracleNetwork(network)), byName(of)));
          before += onPaths(masks);
          after += onPaths(widened);
        },
      ),
      { numRuns: 40 },
    );
    expect(after).toBeGreaterThan(before);
  });
});
