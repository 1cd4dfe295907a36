/** Statistics of `phew reproduce` against SciPy 1.17's, and verdicts from evidence that is made up. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Evidence } from "../src/reproduce/experiment.ts";
import { judge } from "../src/reproduce/judge.ts";
import { holm, pairedDifference, rankCorrelation } from "../src/reproduce/statistics.ts";

const bySeed = (values: readonly number[]) => new Map(values.map((value, seed) => [seed, value]));

describe("a paired difference", () => {
  it("has SciPy's mean, interval and p-value, and counts seeds that both have alone", () => {
    const a = bySeed([1, 2.5, 3.1, 4.8, 5]).set(7, 100);
    const found = pairedDifference(a, bySeed([0.5, 2.9, 2, 3.9, 4.1]))!;
    expect(found.count).toBe(5);
    expect(found.mean).toBeCloseTo(0.6, 12);
    expect(found.p).toBeCloseTo(0.08900934250008567, 10);
    expect(found.interval).toBeCloseTo(0.7449983989222586, 10);
    expect(found.leastSeen).toBeCloseTo(0.9974856900163244, 8);
  });

  it("is undecided of one seed, and none where no seed is shared", () => {
    expect(pairedDifference(bySeed([3]), bySeed([1]))).toMatchObject({ mean: 2, p: 1, interval: Infinity });
    expect(pairedDifference(bySeed([3]), new Map([[4, 1]]))).toBeUndefined();
    expect(pairedDifference(bySeed([1, 2]), bySeed([1, 2]))).toMatchObject({ mean: 0, p: 1 });
    expect(pairedDifference(bySeed([2, 3]), bySeed([1, 2]))).toMatchObject({ mean: 1, p: 0 });
  });
});

describe("Holm's correction", () => {
  it("gives the numbers of a worked example", () => {
    // sorted 0.005·4, 0.01·3, 0.03·2, 0.04·1, never less than the one before
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
  });

  it("lies between the p-value and Bonferroni's, in the same order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 }),
        (values) => {
          const corrected = holm(values);
          for (const [k, p] of values.entries()) {
            expect(corrected[k]).toBeGreaterThanOrEqual(p);
            expect(corrected[k]).toBeLessThanOrEqual(Math.min(1, p * values.length) + 1e-15);
            for (const [j, other] of values.entries())
              if (p < other) expect(corrected[k]).toBeLessThanOrEqual(corrected[j]!);
          }
        },
      ),
    );
  });
});

describe("a rank correlation", () => {
  it("is SciPy's, ties among the numbers, and is the same twice", () => {
    const pairs = [1, 2, 3, 4, 5, 5].map((x, k) => [x, [2, 1, 4, 3, 7, 9][k]!] as const);
    const found = rankCorrelation(pairs);
    expect(found.rho).toBeCloseTo(0.8696565534786727, 10);
    expect(found.low).toBeLessThanOrEqual(found.rho);
    expect(found.high).toBeGreaterThanOrEqual(found.rho);
    expect(rankCorrelation(pairs)).toEqual(found);
  });
});

describe("a verdict", () => {
  const one = (mean: number, p: number, supports: Evidence["supports"] = "positive"): Evidence => ({
    ...{ what: "x", count: 5, mean, interval: 1, p, leastSeen: 1, unit: "points", supports },
  });
  const decide = (...evidence: Evidence[]) => judge({ claims: [{ claim: "c", evidence }] })[0]!.decision;

  it.each([
    ["holds", [one(1, 0.001), one(2, 0.001)]],
    ["holds", [one(-1, 0.001, "negative")]],
    ["holds in part", [one(1, 0.001), one(1, 0.6)]],
    ["does not hold", [one(-1, 0.001), one(1, 0.6)]],
    ["does not hold", [one(-1, 0.001), one(-1, 0.001)]],
    ["not decided", [one(-1, 0.001), one(1, 0.001)]],
    ["not decided", [one(5, 0.06)]],
    // 0.03 each: the correction for two takes them above the level
    ["not decided", [one(5, 0.03), one(5, 0.03)]],
    ["not decided", []],
  ] as const)("%s", (decision, evidence) => {
    expect(decide(...evidence)).toBe(decision);
  });
});
