import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocate, allocateByShare } from "../src/masks/allocate.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { zooModel } from "../src/zoo/zoo.ts";

const sumOf = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0);

/** Layers with shares, counts, least counts, and a keepCount from the sum of least counts to the sum of counts. */
const tasks = fc
  .record({
    layers: fc.array(
      fc.record({
        share: fc.double({ min: 1e-3, max: 10, noNaN: true }),
        count: fc.integer({ min: 1, max: 5000 }),
        least: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    grows: fc.boolean(),
    pick: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ layers, grows, pick }) => {
    const counts = layers.map(({ count }) => count);
    const least = layers.map(({ count, least: part }) => (grows ? Math.floor(part * count) : 0));
    const lowest = Math.max(1, sumOf(least));
    const keepCount = lowest + Math.floor(pick * (sumOf(counts) - lowest));
    return { shares: layers.map(({ share }) => share), counts, least, keepCount };
  });

describe("allocation over layers", () => {
  it("is exact in total, within bounds, and in proportion to the shares between them", () => {
    fc.assert(
      fc.property(tasks, ({ shares, counts, least, keepCount }) => {
        const kept = allocateByShare(shares, counts, keepCount, least);
        expect(sumOf(kept)).toBe(keepCount);
        for (const [l, k] of kept.entries()) {
          expect(Number.isInteger(k)).toBe(true);
          expect(k).toBeGreaterThanOrEqual(least[l]!);
          expect(k).toBeLessThanOrEqual(counts[l]!);
        }
        // ε by layer l, within its rounding
        const low = (l: number) => (kept[l]! - 1) / (shares[l]! * counts[l]!);
        const high = (l: number) => (kept[l]! + 1) / (shares[l]! * counts[l]!);
        for (const l of kept.keys()) {
          for (const m of kept.keys()) {
            // one layer's ε lies above another's only if a bound holds one of them
            if (low(l) > high(m)) expect(kept[l] === least[l] || kept[m] === counts[m]).toBe(true);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("depends on the order of the layers by one weight of rounding at most", () => {
    fc.assert(
      fc.property(tasks, ({ shares, counts, least, keepCount }) => {
        const kept = allocateByShare(shares, counts, keepCount, least);
        const flip = <T>(values: readonly T[]) => [...values].reverse();
        const flipped = flip(allocateByShare(flip(shares), flip(counts), keepCount, flip(least)));
        for (const [l, k] of kept.entries()) expect(Math.abs(k - flipped[l]!)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("rounds by largest remainder, the earlier layer first among equals", () => {
    expect(allocateByShare([1, 1, 1], [10, 10, 10], 10, [0, 0, 0])).toEqual([4, 3, 3]);
    expect(allocateByShare([1, 1, 1], [10, 10, 10], 11, [0, 0, 0])).toEqual([4, 4, 3]);
    expect(allocateByShare([1, 3], [10, 10], 9, [0, 0])).toEqual([2, 7]);
  });

  it("fills capped layers, shares the rest anew, and keeps at least what layers have already", () => {
    expect(allocateByShare([8, 1, 1], [10, 100, 100], 110, [0, 0, 0])).toEqual([10, 50, 50]);
    expect(allocateByShare([1, 1, 1], [100, 100, 100], 60, [40, 0, 0])).toEqual([40, 10, 10]);
    expect(allocateByShare([8, 1, 1], [10, 50, 50], 60, [0, 0, 40])).toEqual([10, 10, 40]);
    expect(allocateByShare([1, 9], [5, 5], 10, [0, 0])).toEqual([5, 5]);
  });

  it("gives every layer the same density when uniform", () => {
    const network = zooModel("resnet20");
    const kept = allocate(network, "uniform", 27_090);
    expect(sumOf(kept)).toBe(27_090);
    for (const [l, { length }] of network.prunable.entries())
      expect(Math.abs(kept[l]! - (length * 27_090) / 270_896)).toBeLessThan(1);
  });

  it("gives ERK densities in proportion to (out + in + kh + kw) / (out · in · kh · kw), at most 1", () => {
    const network = zooModel("resnet20");
    const kept = allocate(network, "erk", 27_090);
    const density = kept.map((k, l) => k / network.prunable[l]!.length);
    const share = network.prunable.map(({ shape }) => sumOf(shape) / shape.reduce((a, b) => a * b));
    // solved as the papers do: ε of the rest, layers above 1 filled one after the other
    const full = new Set<number>();
    let epsilon = 0;
    for (;;) {
      const free = network.prunable.map((_, l) => l).filter((l) => !full.has(l));
      const filled = sumOf([...full].map((l) => network.prunable[l]!.length));
      epsilon = (27_090 - filled) / sumOf(free.map((l) => sumOf(network.prunable[l]!.shape)));
      const densest = free.reduce((a, b) => (share[a]! >= share[b]! ? a : b));
      if (epsilon * share[densest]! <= 1) break;
      full.add(densest);
    }
    expect(full.size).toBeGreaterThan(0);
    for (const [l, d] of density.entries())
      expect(Math.abs(d - (full.has(l) ? 1 : epsilon * share[l]!))).toBeLessThan(
        1 / network.prunable[l]!.length,
      );
  });

  it("refuses counts out of range", () => {
    const b = new NetworkBuilder("one", [3]);
    const network = b.build(b.dense("fc", b.input, 2));
    for (const keepCount of [0, 7, 2.5])
      expect(() => allocate(network, "erk", keepCount)).toThrow(/keepCount: got/);
    expect(() => allocate(network, "uniform", 2, [3])).toThrow(
      /keepCount: got 2, expected a whole number from 3/,
    );
  });
});
