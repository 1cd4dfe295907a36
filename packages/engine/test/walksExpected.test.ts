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

/** Nine in ten are far smaller than the tenth. */
const mostlyTiny = (factor: number) => {
  const weight = normalWeights(60_000);
  return (index: number) => weight(index) * ((Math.imul(index, 2_654_435_761) >>> 8) % 10 === 3 ? 1 : factor);
};

const mlp = chain([200, 150, 50, 10], normalWeights(60_000));
const SEED_COUNT = 16;
/** Of Student's t with 15 degrees of freedom, beyond which it falls once in a million times: the false alarms of each case. */
const QUANTILE = 7.8;

describe("walksExpected", () => {
  it.each<[string, WalkPlan, Partial<WalkOptions>, number[]]>([
    ["a chain", mlp, {}, [0.02, 0.1, 0.4, 0.8]],
    ["a chain, squared", mlp, { bias: "square" }, [0.02, 0.1, 0.4]],
    ["a chain, inverse", mlp, { bias: "inverse" }, [0.02, 0.1, 0.4]],
    ["a chain, uniform, forward", mlp, { bias: "uniform", direction: "forward" }, [0.02, 0.4, 0.9]],
    ["a residual block", branched(), {}, [0.02, 0.1, 0.4, 0.8]],
    ["a residual block, forks by weight", branched(), { branching: "weight" }, [0.1, 0.4]],
    ["a residual block, inverse", branched(), { bias: "inverse" }, [0.1, 0.4]],
    [
      "a residual block, whole kernels, backward",
      branched(),
      { granularity: "kernel", direction: "backward" },
      [0.1, 0.7],
    ],
    ["weights of which most are a hundredth", chain([60, 40, 20], mostlyTiny(1e-2)), {}, [0.05, 0.2, 0.5]],
    ["weights of which most are a thousandth", chain([30, 20, 10], mostlyTiny(1e-3)), {}, [0.2, 0.5]],
    ["weights of which some rows are 0", chain([40, 30, 10], (index) => (index % 7) % 3), {}, [0.1, 0.5]],
    ["groups of kernels", chain([40, 30, 10], mostlyTiny(1e-2)), { direction: "forward" }, [0.1, 0.3]],
  ])(
    "is the mean of the walks taken to a fiftieth, and what 16 seeds leave open: %s",
    (_, plan, change, densities) => {
      const options = { ...PHEW, ...change };
      const walker = engine.createWalker(plan, options);
      for (const density of densities) {
        const keepCount = Math.floor(density * plan.edgeCount);
        const walks = Array.from({ length: SEED_COUNT }, (_, seed) => {
          walker.restart(seed);
          return walker.advance(keepCount).walkCount;
        });
        const mean = walks.reduce((a, b) => a + b, 0) / SEED_COUNT;
        const variance = walks.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (SEED_COUNT - 1);
        const error = QUANTILE * Math.sqrt(variance / SEED_COUNT);
        const expected = walksExpected(plan, options, keepCount);
        expect(Math.abs(expected - mean)).toBeLessThan(error + 0.02 * mean + 1);
      }
    },
  );

  it("counts only what is not kept yet, where some is", () => {
    const walker = engine.createWalker(mlp, PHEW);
    walker.advance(Math.floor(0.3 * mlp.edgeCount));
    const { walkCount: before } = walker.progress;
    const kept = walker.mask();
    const keepCount = Math.floor(0.6 * mlp.edgeCount);
    const { walkCount } = walker.advance(keepCount);
    const expectation = new WalkExpectation(mlp, PHEW, kept);
    expect(expectation.edgesAfter(0)).toBe(kept.reduce((a, b) => a + b, 0));
    expect(Math.abs(expectation.walksFor(keepCount) / (walkCount - before) - 1)).toBeLessThan(0.05);
  });

  it("tells of weights so small that no walk comes upon them in any time, and of denormal ones", () => {
    for (const factor of [1e-6, 1e-30, 2 ** -140]) {
      const plan = chain([100, 80, 20], mostlyTiny(factor));
      expect(walksExpected(plan, PHEW, Math.floor(0.09 * plan.edgeCount))).toBeLessThan(1e5);
      expect(walksExpected(plan, PHEW, Math.floor(0.2 * plan.edgeCount))).toBeGreaterThan(1e7);
    }
  });

  it("is infinite where too many weights are 0, and 0 or 1 where there is nothing to do", () => {
    const half = chain([10, 10, 10], (index) => (index + Math.floor(index / 10)) % 2);
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
