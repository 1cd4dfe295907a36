import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countKept, Masks } from "../src/masks/masks.ts";
import { keepTop, keepTopInto } from "../src/masks/select.ts";
import { NetworkBuilder } from "../src/network/builder.ts";

function top(scores: Float32Array | Float64Array, keepCount: number, magnitude = false): Uint8Array {
  const mask = new Uint8Array(scores.length);
  keepTopInto([{ name: "w", scores, mask }], keepCount, { magnitude });
  return mask;
}

/** By sorting: highest score first, lower index first among equals. */
function topBySorting(
  scores: ArrayLike<number>,
  keepCount: number,
  magnitude = false,
  from?: Uint8Array,
): Uint8Array {
  const score = (k: number) => (magnitude ? Math.abs(scores[k]!) : scores[k]!);
  const order = Array.from({ length: scores.length }, (_, k) => k).filter((k) => from?.[k] !== 1);
  order.sort((a, b) => (score(a) === score(b) ? a - b : score(a) > score(b) ? -1 : 1));
  const mask = from?.slice() ?? new Uint8Array(scores.length);
  for (const k of order.slice(0, keepCount - countKept(mask))) mask[k] = 1;
  return mask;
}

/** Few values, so that ties are common, or any float at all. */
const someScores = (float: fc.Arbitrary<number>) =>
  fc.array(fc.oneof(float, fc.constantFrom(0, -0, 1, -1, 0.5, -0.5, 1e-45, -1e-45)), {
    minLength: 1,
    maxLength: 60,
  });
const singles = someScores(fc.float({ noNaN: true })).map((values) => new Float32Array(values));
const doubles = someScores(fc.double({ noNaN: true })).map((values) => new Float64Array(values));

describe("keeping the highest scores", () => {
  it("keeps exactly keepCount among ties, lower index first", () => {
    expect([...top(new Float64Array(8).fill(1), 3)]).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
    expect([...top(new Float32Array([0, -0, 0, -0]), 2)]).toEqual([1, 1, 0, 0]);
    expect([...top(new Float64Array([-0, 0, 5, -0]), 3)]).toEqual([1, 1, 1, 0]);
    expect([...top(new Float32Array([1, -2, 2, -2]), 2, true)]).toEqual([0, 1, 1, 0]);
  });

  it("agrees with sorting, for float32 and float64, signed and by magnitude, with weights kept already", () => {
    fc.assert(
      fc.property(
        fc.oneof(singles, doubles),
        fc.boolean(),
        fc.nat(),
        fc.infiniteStream(fc.boolean()),
        (scores, magnitude, pick, kept) => {
          const from = Uint8Array.from(scores, () => (kept.next().value && kept.next().value ? 1 : 0));
          const least = Math.max(1, countKept(from));
          const keepCount = least + (pick % (scores.length - least + 1));
          const mask = from.slice();
          keepTopInto([{ name: "w", scores, mask }], keepCount, { magnitude });
          expect(mask).toEqual(topBySorting(scores, keepCount, magnitude, from));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("keeps the same scores, however the weights are ordered", () => {
    fc.assert(
      fc.property(doubles, fc.nat(), fc.infiniteStream(fc.nat()), (scores, pick, keys) => {
        const keepCount = 1 + (pick % scores.length);
        const order = Array.from(scores, (_, k) => k);
        const key = order.map(() => keys.next().value!);
        order.sort((a, b) => key[a]! - key[b]!);
        const kept = (values: Float64Array) => {
          const mask = top(values, keepCount);
          return values
            .filter((_, k) => mask[k] === 1)
            .map((v) => v + 0)
            .sort();
        };
        expect(kept(scores.map((_, k) => scores[order[k]!]!))).toEqual(kept(scores));
      }),
    );
  });

  it("compares layers across block borders, and compares float32 with float64 by value", () => {
    const narrow = Float32Array.from({ length: 9_000 }, (_, k) => Math.fround(Math.sin(k * k)));
    const wide = Float64Array.from({ length: 5_000 }, (_, k) => Math.sin(k * k + 0.5));
    const layers = [narrow, wide].map((scores) => ({
      name: "w",
      scores,
      mask: new Uint8Array(scores.length),
    }));
    keepTopInto(layers, 4_321);
    const both = [...layers[0]!.mask, ...layers[1]!.mask];
    expect(Uint8Array.from(both)).toEqual(topBySorting([...narrow, ...wide], 4_321));
  });

  // beyond 32,768 scores a sample (every 25th score) gives the bounds; the last two cases mislead it
  const many: readonly [string, (k: number) => number][] = [
    ["smooth", (k) => Math.sin(k * k) * 10 ** (k % 7)],
    ["ascending", (k) => k - 20_000],
    ["of five values", (k) => (k * 7919) % 5],
    ["all equal", () => 0.25],
    ["zeros of both signs and a few others", (k) => (k % 1000 === 3 ? k - 25_000 : k % 2 === 0 ? 0 : -0)],
    ["infinite at times", (k) => (k % 3 === 0 ? Infinity : k % 3 === 1 ? -Infinity : k)],
    ["low where the sample looks", (k) => (k % 25 === 0 ? 0 : 1 + ((k * 31) % 977))],
    ["high where the sample looks", (k) => (k % 25 === 0 ? 1000 : (k * 31) % 977)],
  ];
  it.each(many)("agrees with sorting for many scores, %s", (_name, score) => {
    const scores = Float64Array.from({ length: 51_200 }, (_, k) => score(k));
    const order = Array.from(scores, (_, k) => k).sort((a, b) =>
      scores[a] === scores[b] ? a - b : scores[a]! > scores[b]! ? -1 : 1,
    );
    for (const keepCount of [1, 2_000, 30_000, 51_199, 51_200]) {
      const expected = new Uint8Array(scores.length);
      for (const k of order.slice(0, keepCount)) expected[k] = 1;
      expect(Buffer.compare(top(scores, keepCount), expected)).toBe(0);
    }
    const from = Uint8Array.from(scores, (_, k) => (k % 4 === 0 ? 1 : 0));
    const mask = from.slice();
    keepTopInto([{ name: "w", scores, mask }], 20_000, { magnitude: true });
    expect(Buffer.compare(mask, topBySorting(scores, 20_000, true, from))).toBe(0);
  });

  const b = new NetworkBuilder("two", [2]);
  const network = b.build(b.dense("b", b.dense("a", b.input, 3, { bias: false }), 2, { bias: false }));
  const scores = (name: string) =>
    new Float32Array(name === "a.weight" ? [1, 2, 3, 4, 5, 6] : [6, 5, 4, 3, 2, 1]);

  it("selects over all layers of a network, and grows from masks without changing them", () => {
    expect([...keepTop(network, scores, 3).bytes]).toEqual([0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0]);
    const from = new Masks(network);
    from.bytes[0] = 1;
    expect([...keepTop(network, scores, 3, { from }).bytes]).toEqual([1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
    expect(from.keptCount).toBe(1);
  });

  it("refuses NaN by layer and index, and counts out of range", () => {
    const nan = (name: string) =>
      scores(name).map((s, k) => (name === "b.weight" && k === 2 ? Number.NaN : s));
    expect(() => keepTop(network, nan, 3)).toThrow('layer "b.weight", score 2: got NaN');
    expect(() => top(new Float64Array([1, Number.NaN]), 2)).toThrow('layer "w", score 1: got NaN');
    const late = Float64Array.from({ length: 50_000 }, (_, k) => (k === 49_999 ? Number.NaN : k));
    expect(() => top(late, 2)).toThrow('layer "w", score 49999: got NaN');
    for (const keepCount of [0, -1, 13, 1.5, Number.NaN])
      expect(() => keepTop(network, scores, keepCount)).toThrow(
        /keepCount: got .* a whole number from 1 to 12/,
      );
    expect(() => keepTop(network, scores, 5, { from: Masks.dense(network) })).toThrow(
      /from 12, the weights kept already, to 12/,
    );
    expect(() => keepTop(network, () => new Float32Array(6).subarray(1), 3)).toThrow(
      /scores of "a.weight": got 5, expected 6/,
    );
  });
});
