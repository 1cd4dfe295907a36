import { describe, expect, it } from "vitest";
import { type WalkOptions, type WalkPlan, walksExpected } from "../src/index.ts";
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
});
