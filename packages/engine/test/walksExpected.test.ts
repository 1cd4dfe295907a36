import { describe, expect, it } from "vitest";
import { WalkExpectation, type WalkOptions, type WalkPlan, walksExpected } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { add, chain, PHEW, PlanWriter } from "./plans.ts";

const engine = builtEngine();

function normalWeights(count: number): (index: number) => number {
  const weight = new Float32Array(count);
  engine.fillNormal(weight, { seed: 1, stream: 0, standardDeviation: 1 });
  return (index) => weight[index]!;
}

function branched(): WalkPlan {
  const writer = new PlanWriter(3, normalWeights(100_000));
  const stem = writer.layer(writer.input, { outCount: 24, kernelSize: 9 });
  const main = writer.layer(writer.layer(stem, { outCount: 48, kernelSize: 9 }), {
    outCount: 48,
    kernelSize: 9,
  });
  const block = add(main, writer.layer(stem, { outCount: 48 }));
  return writer.end(writer.layer(block, { outCount: 10 }));
}

describe("walksExpected", () => {
  const mlp = chain([200, 150, 50, 10], normalWeights(60_000));
  it.each<[string, WalkPlan, Partial<WalkOptions>]>([
    ["a chain", mlp, {}],
    ["a chain, squared", mlp, { bias: "square" }],
    ["a chain, uniform, forward", mlp, { bias: "uniform", direction: "forward" }],
    ["a residual block", branched(), {}],
    [
      "a residual block, whole kernels, backward",
      branched(),
      { granularity: "kernel", direction: "backward" },
    ],
  ])("is within a tenth of the walks it takes: %s", (_, plan, change) => {
    const options = { ...PHEW, ...change };
    for (const density of [0.02, 0.1, 0.4, 0.7]) {
      const keepCount = Math.floor(density * plan.edgeCount);
      const { walkCount } = engine.createWalker(plan, options).advance(keepCount);
      const expected = walksExpected(plan, options, keepCount);
      expect(Math.abs(expected / walkCount - 1)).toBeLessThan(0.1 + 3 / walkCount);
    }
  });

  it("is within a factor of 2 with bias inverse, whose shares are the most unequal", () => {
    const plan = branched();
    const options = { ...PHEW, bias: "inverse" } as const;
    for (const density of [0.02, 0.1, 0.4, 0.7]) {
      const keepCount = Math.floor(density * plan.edgeCount);
      const { walkCount } = engine.createWalker(plan, options).advance(keepCount);
      expect(Math.abs(Math.log2(walksExpected(plan, options, keepCount) / walkCount))).toBeLessThan(1);
    }
  });

  it("is infinite where too many weights are 0, and 0 or 1 where there is nothing to do", () => {
    const half = chain([10, 10, 10], (index) => index % 2);
    expect(walksExpected(half, PHEW, 150)).toBe(Number.POSITIVE_INFINITY);
    expect(walksExpected(half, PHEW, 0)).toBeLessThanOrEqual(1);
    expect(() => walksExpected(half, PHEW, 201)).toThrow(/^keepCount: got 201/);
  });

  it("foretells the edges of each layer within a tenth, and of all together what was asked", () => {
    for (const plan of [mlp, branched()]) {
      const keepCount = Math.floor(0.2 * plan.edgeCount);
      const expectation = new WalkExpectation(plan, PHEW);
      const expected = expectation.layersAfter(expectation.walksFor(keepCount));
      expect(Math.abs(expected.reduce((sum, edges) => sum + edges, 0) / keepCount - 1)).toBeLessThan(0.01);
      const walker = engine.createWalker(plan, PHEW);
      const { keptCount } = walker.advance(keepCount);
      const kept = plan.layers.map((_, l) => walker.keptIn(l).reduce((sum, count) => sum + count, 0));
      expect(kept.reduce((sum, count) => sum + count, 0)).toBe(keptCount);
      for (const [l, count] of kept.entries()) expect(Math.abs(expected[l]! / count - 1)).toBeLessThan(0.1);
      expect([...expectation.layersAfter(0)].every((edges) => edges === 0)).toBe(true);
      const all = expectation.layersAfter(Number.POSITIVE_INFINITY);
      plan.layers.forEach(({ weight }, l) => {
        expect(all[l]).toBeCloseTo(weight.length, 6);
      });
    }
  });

  it("finds the walks for all weights but a few, in no endless time", () => {
    const plan = chain([30, 30], (index) => 1 + (index % 3));
    expect(walksExpected(plan, PHEW, 900)).toBeGreaterThan(900 * Math.log(900));
    expect(walksExpected(plan, PHEW, 900)).toBeLessThan(20_000);
  });
});

describe("keptIn", () => {
  it("counts the edges of each output unit as the mask has them, whatever the rows' length", () => {
    for (const plan of [branched(), chain([37, 13, 1, 70], normalWeights(5_000))]) {
      const walker = engine.createWalker(plan, PHEW);
      walker.advance(Math.floor(plan.edgeCount / 3));
      const mask = walker.mask();
      for (const [l, { firstEdge, weight, outCount }] of plan.layers.entries()) {
        const rowLength = weight.length / outCount;
        const expected = Array.from({ length: outCount }, (_, unit) => {
          const first = firstEdge + unit * rowLength;
          return mask.subarray(first, first + rowLength).reduce((sum, kept) => sum + kept, 0);
        });
        expect([...walker.keptIn(l)]).toEqual(expected);
      }
      expect(() => walker.keptIn(plan.layers.length)).toThrow(/^layer: got/);
    }
  });
});
