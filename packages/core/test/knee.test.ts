/** The least density that is about as good as dense, against hand-made curves. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DensityRun, knee } from "../src/analysis/knee.ts";

/** Accuracies of each density, one for each seed. */
const runsOf = (accuracies: Readonly<Record<number, readonly number[]>>): DensityRun[] =>
  Object.entries(accuracies).flatMap(([density, own]) =>
    own.map((accuracy, seed) => ({ density: Number(density), seed, accuracy })),
  );

describe("the knee", () => {
  it("is interpolated in the logarithm of the density", () => {
    const runs = runsOf({ 0.01: [0.5], 0.1: [0.8], 1: [0.9] });
    // 0.88 is 0.8 of the way from 0.8 to 0.9
    expect(knee(runs, 0.02).density).toBeCloseTo(10 ** -0.2, 12);
    expect(knee(runs, 0.1).density).toBeCloseTo(0.1, 12);
    expect(knee(runs, 0.25).density).toBeCloseTo(10 ** (-2 + 0.15 / 0.3), 12);
  });

  it("is at most the least density where that is good enough, and none where only dense is", () => {
    expect(knee(runsOf({ 0.1: [0.9], 0.2: [0.91], 1: [0.9] }), 0.01)).toMatchObject({
      density: 0.1,
      isBelowAll: true,
    });
    expect(knee(runsOf({ 0.1: [0.2], 0.2: [0.3], 1: [0.9] }), 0).density).toBeCloseTo(1, 12);
  });

  it("does not trust a density that a greater one contradicts", () => {
    // 0.2 and 0.3 are pooled: 0.7
    const runs = runsOf({ 0.1: [0.5], 0.2: [0.8], 0.3: [0.6], 1: [0.9] });
    expect(knee(runs, 0.1).density!).toBeCloseTo(Math.exp(Math.log(0.3) + 0.5 * Math.log(1 / 0.3)), 12);
  });

  it("has an interval around itself, a point if all seeds agree", () => {
    const same = runsOf({ 0.01: [0.5, 0.5, 0.5], 0.1: [0.8, 0.8, 0.8], 1: [0.9, 0.9, 0.9] });
    const { density, low, high } = knee(same, 0.02);
    expect([low, high]).toEqual([density, density]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const noisy = runsOf({ 0.01: [0.48, 0.5, 0.52], 0.1: [0.78, 0.8, 0.82], 1: [0.88, 0.9, 0.92] });
        const found = knee(noisy, 0.05, seed);
        expect(found.low).toBeLessThanOrEqual(found.density!);
        expect(found.high).toBeGreaterThanOrEqual(found.density!);
        expect(found).toEqual(knee(noisy, 0.05, seed));
      }),
      { numRuns: 3 },
    );
  });

  it("needs a dense network and two other densities", () => {
    expect(() => knee(runsOf({ 0.1: [0.5], 0.2: [0.6] }), 0.01)).toThrow("no dense network");
    expect(() => knee(runsOf({ 0.1: [0.5], 1: [0.6] }), 0.01)).toThrow("at least two other densities");
  });
});
