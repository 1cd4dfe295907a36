import { Random } from "@phew/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlap } from "../src/analysis/overlap.ts";
import { Masks } from "../src/masks/masks.ts";
import { sampleInto } from "../src/masks/sample.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { zooModel } from "../src/zoo/zoo.ts";
import { randomMasks, randomNetworks } from "./randomNetwork.ts";
import { normalQuantile } from "./statistics.ts";

const b = new NetworkBuilder("small", [6]);
const network = b.build(b.dense("c", b.relu(b.dense("a", b.input, 10)), 4));

/** Masks with the same number of weights in each layer, uniformly drawn. */
function drawn(counts: readonly number[], random: Random): Masks {
  const masks = new Masks(network);
  for (const [l, parameter] of network.prunable.entries())
    sampleInto(masks.of(parameter), counts[l]!, random);
  return masks;
}

describe("the overlap of two masks", () => {
  it("is 1 with itself, 0 with the opposite, and the same both ways", () => {
    fc.assert(
      fc.property(randomNetworks, fc.nat(), ({ network: any }, seed) => {
        const masks = randomMasks(any, 0.4, seed);
        fc.pre(masks.keptCount > 0);
        const opposite = new Masks(
          any,
          masks.bytes.map((kept) => 1 - kept),
        );
        const other = randomMasks(any, 0.2, seed + 7);
        expect(overlap(masks, masks)).toMatchObject({ jaccard: 1, bothCount: masks.keptCount });
        expect(overlap(masks, opposite)).toMatchObject({ jaccard: 0, eitherCount: any.prunableCount });
        expect(overlap(masks, other)).toEqual(overlap(other, masks));
      }),
      { numRuns: 50 },
    );
  });

  it("counts by hand", () => {
    const [a, c] = network.prunable;
    const [first, second] = [new Masks(network), new Masks(network)];
    first.of(a!).fill(1, 0, 20);
    second.of(a!).fill(1, 15, 45);
    first.of(c!).fill(1, 0, 10);
    const found = overlap(first, second);
    expect(found).toMatchObject({ bothCount: 5, eitherCount: 55, jaccard: 5 / 55 });
    expect(found.layers[0]).toMatchObject({
      name: "a.weight",
      bothCount: 5,
      eitherCount: 45,
      jaccard: 5 / 45,
    });
    expect(found.layers[1]).toMatchObject({ bothCount: 0, eitherCount: 10, jaccard: 0, standardScore: 0 });
    // hypergeometric: 20 · 30 / 60 expected, variance 10 · (40/60) · (30/59)
    const deviation = Math.sqrt(10 * (40 / 60) * (30 / 59));
    expect(found.layers[0]!.standardScore).toBeCloseTo((5 - 10) / deviation, 12);
  });

  it("by chance has the mean and the deviation it says (false-alarm rate 1e-4)", () => {
    const counts = [
      [30, 12],
      [20, 25],
    ] as const;
    const random = new Random(5);
    const runs = 4000;
    const found = Array.from({ length: runs }, () =>
      overlap(drawn(counts[0], random), drawn(counts[1], random)),
    );
    const { chance, chanceDeviation } = found[0]!;
    const mean = found.reduce((sum, { jaccard }) => sum + jaccard, 0) / runs;
    const variance = found.reduce((sum, { jaccard }) => sum + (jaccard - mean) ** 2, 0) / runs;
    // 5 % of the deviation: the mean's error to second order; five standard errors of a deviation
    const limit = normalQuantile(1 - 0.5e-4) * (chanceDeviation / Math.sqrt(runs)) + 0.05 * chanceDeviation;
    expect(Math.abs(mean - chance)).toBeLessThan(limit);
    expect(Math.sqrt(variance) / chanceDeviation).toBeGreaterThan(1 - 5 / Math.sqrt(2 * runs) - 0.05);
    expect(Math.sqrt(variance) / chanceDeviation).toBeLessThan(1 + 5 / Math.sqrt(2 * runs) + 0.05);
    const scores = found.reduce((sum, { standardScore }) => sum + standardScore, 0) / Math.sqrt(runs);
    expect(Math.abs(scores)).toBeLessThan(normalQuantile(1 - 0.5e-4));
  });

  it("is 1 where neither keeps anything, and refuses masks of different networks", () => {
    expect(overlap(new Masks(network), new Masks(network))).toMatchObject({ jaccard: 1, chance: 1 });
    expect(() => overlap(new Masks(network), new Masks(zooModel("lenet5")))).toThrow(/masks of one network/);
  });
});
