import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WalkOptions, WalkPlan } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { anyOptions, anyPlan, chain, everyKind, PHEW, variedWeight } from "./plans.ts";
import { isPossible, startOf } from "./walkLaw.ts";

const engine = builtEngine();

/** Edges conserved by walks 0 … walkCount − 1, from their traces. */
function maskOfWalks(plan: WalkPlan, options: WalkOptions, walkCount: number): Uint8Array {
  const walker = engine.createWalker(plan, options);
  const mask = new Uint8Array(plan.edgeCount);
  for (let walk = 0; walk < walkCount; walk++) {
    for (const edge of walker.walkEdges(walk)) {
      const layer = plan.layers.find(
        ({ firstEdge, weight }) => edge >= firstEdge && edge < firstEdge + weight.length,
      )!;
      mask.fill(1, edge, edge + (options.granularity === "kernel" ? layer.kernelSize : 1));
    }
  }
  return mask;
}

const countOf = (mask: Uint8Array): number => mask.reduce((sum, kept) => sum + kept, 0);

describe("walks on any graph, with any options", () => {
  it("go from end to end along edges of probability above 0", () => {
    fc.assert(
      fc.property(anyPlan, anyOptions, (plan, options) => {
        const walker = engine.createWalker(plan, options);
        for (let walk = 0; walk < 12; walk++) {
          const { forward, ...start } = startOf(plan, options, walk);
          expect(isPossible(plan, options, start, forward, [...walker.walkEdges(walk)])).toBe(true);
        }
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it("are conserved as the traces say, and counted", () => {
    fc.assert(
      fc.property(anyPlan, anyOptions, fc.integer({ min: 0, max: 300 }), (plan, options, walkCount) => {
        const walker = engine.createWalker(plan, options);
        const progress = walker.advance(plan.edgeCount, walkCount);
        expect(walker.mask()).toEqual(maskOfWalks(plan, options, progress.walkCount));
        expect(progress.keptCount).toBe(countOf(walker.mask()));
        if (progress.keptCount < plan.edgeCount) expect(progress.walkCount).toBe(walkCount);
        let steps = 0;
        for (let walk = 0; walk < progress.walkCount; walk++) steps += walker.walkEdges(walk).length;
        expect(progress.stepCount).toBe(steps);
      }),
      { numRuns: 150, seed: 2 },
    );
  });

  it("stop at the walk that reaches keepCount: without it, too few are conserved", () => {
    fc.assert(
      fc.property(
        anyPlan,
        anyOptions,
        fc.double({ min: 0.01, max: 0.6, noNaN: true }),
        (plan, options, density) => {
          const walker = engine.createWalker(plan, options);
          const keepCount = Math.max(1, Math.floor(density * walker.reachableCount));
          const { keptCount, walkCount } = walker.advance(keepCount, 50_000);
          if (walkCount === 50_000) return;
          expect(keptCount).toBeGreaterThanOrEqual(keepCount);
          expect(countOf(maskOfWalks(plan, options, walkCount - 1))).toBeLessThan(keepCount);
        },
      ),
      { numRuns: 100, seed: 3 },
    );
  });

  it("are the same in batches of any size, in one go or in pieces", () => {
    fc.assert(
      fc.property(anyPlan, anyOptions, fc.integer({ min: 1, max: 200 }), (plan, options, batchSize) => {
        const half = Math.floor(plan.edgeCount / 2);
        const whole = engine.createWalker(plan, options);
        const pieces = engine.createWalker(plan, options, { batchSize });
        const atOnce = whole.advance(half, 2000);
        pieces.advance(Math.floor(half / 3), 700);
        for (const piece of [1, 2, 97]) {
          pieces.advance(half, Math.min(piece, 2000 - pieces.progress.walkCount));
        }
        expect(pieces.advance(half, 2000 - pieces.progress.walkCount)).toEqual(atOnce);
        expect(pieces.mask()).toEqual(whole.mask());
      }),
      { numRuns: 100, seed: 4 },
    );
  });
});

describe("a walker", () => {
  const plan = everyKind(variedWeight());

  it("nests masks: a greater keepCount goes on with the same walks", () => {
    const growing = engine.createWalker(plan, PHEW);
    let before: Uint8Array = new Uint8Array(plan.edgeCount);
    for (const keepCount of [10, 20, 50, 90, 120]) {
      growing.advance(keepCount);
      const mask = growing.mask();
      expect(before.every((kept, e) => kept <= mask[e]!)).toBe(true);
      const fresh = engine.createWalker(plan, PHEW);
      fresh.advance(keepCount);
      expect(mask).toEqual(fresh.mask());
      before = mask;
    }
  });

  it("walks otherwise with another seed, and alike after restart", () => {
    const walker = engine.createWalker(plan, PHEW);
    walker.advance(60);
    const first = walker.mask();
    walker.restart(2);
    expect(walker.progress).toEqual({ keptCount: 0, walkCount: 0, stepCount: 0 });
    walker.advance(60);
    expect(walker.mask()).not.toEqual(first);
    const other = engine.createWalker(plan, { ...PHEW, seed: 2 });
    other.advance(60);
    expect(walker.mask()).toEqual(other.mask());
    walker.restart(1);
    walker.advance(60);
    expect(walker.mask()).toEqual(first);
  });

  it("starts from conserved weights, and counts them once", () => {
    const walker = engine.createWalker(plan, PHEW);
    const kept = Uint8Array.from({ length: plan.edgeCount }, (_, e) => (e % 3 === 0 ? 255 : 0));
    walker.keep(kept);
    walker.keep(kept);
    expect(walker.progress.keptCount).toBe(Math.ceil(plan.edgeCount / 3));
    expect(walker.mask()).toEqual(kept.map((byte) => Math.min(byte, 1)));
    walker.advance(plan.edgeCount - 20);
    const mask = walker.mask();
    expect(kept.every((byte, e) => byte === 0 || mask[e] === 1)).toBe(true);
    expect(countOf(mask)).toBe(walker.progress.keptCount);
  });

  it("takes and gives masks longer than its buffer", () => {
    const large = chain([300, 500, 3], variedWeight());
    const walker = engine.createWalker(large, PHEW);
    const kept = Uint8Array.from({ length: large.edgeCount }, (_, e) => Number((e * 2_654_435_761) % 7 < 2));
    walker.keep(kept);
    expect(walker.mask()).toEqual(kept);
    expect(() => walker.keep(kept.subarray(1))).toThrow(
      `mask: got length ${large.edgeCount - 1}, expected length ${large.edgeCount}, one byte per edge.`,
    );
  });

  it("does not look at the plan's weights again", () => {
    const changing = chain([4, 5, 3], variedWeight());
    const walker = engine.createWalker(changing, PHEW);
    const untouched = engine.createWalker(chain([4, 5, 3], variedWeight()), PHEW);
    for (const layer of changing.layers) layer.weight.fill(0);
    walker.advance(20);
    untouched.advance(20);
    expect(walker.mask()).toEqual(untouched.mask());
  });

  it("does nothing for keepCount 0 and refuses more than there is", () => {
    const walker = engine.createWalker(plan, PHEW);
    expect(walker.advance(0)).toEqual({ keptCount: 0, walkCount: 0, stepCount: 0 });
    expect(() => walker.advance(plan.edgeCount + 1)).toThrow(/^keepCount: got/);
    expect(() => walker.advance(1.5)).toThrow(/^keepCount: got 1.5/);
    expect(() => walker.advance(1, -1)).toThrow(/^maxWalkCount: got -1/);
  });

  it("conserves everything in the end where everything is reachable", () => {
    const walker = engine.createWalker(plan, { ...PHEW, bias: "inverse" });
    expect(walker.advance(plan.edgeCount, 10_000_000).keptCount).toBe(plan.edgeCount);
    expect(walker.mask().every((kept) => kept === 1)).toBe(true);
  });

  it("is of no use after dispose", () => {
    const walker = engine.createWalker(plan, PHEW);
    walker.dispose();
    walker.dispose();
    for (const use of [
      () => walker.advance(1),
      () => walker.mask(),
      () => walker.reachableCount,
      () => walker.progress,
      () => walker.walkEdges(0),
      () => walker.restart(1),
    ]) {
      expect(use).toThrow(
        "walker: got use after dispose(), expected a walker that has not been disposed of.",
      );
    }
  });

  it("is collected without dispose: 3,000 of them, of which each reserves gigabytes of address space", () => {
    const small = chain([4, 5, 3], variedWeight());
    for (let i = 0; i < 3000; i++) engine.createWalker(small, { ...PHEW, seed: i }).advance(10);
  });
});
