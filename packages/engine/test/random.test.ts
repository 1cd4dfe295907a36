import { describe, expect, it } from "vitest";
import { Random, randomU32 } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { chiSquareProbability } from "./chiSquare.ts";

const engine = builtEngine();
const LAST = Number.MAX_SAFE_INTEGER;

/** The definition in the file's header, in BigInt. */
function definition(seed: number, stream: number, k: number): number {
  const word = (value: bigint): bigint => BigInt.asUintN(64, value);
  const mix = (z: bigint): bigint => {
    let mixed = word((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = word((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  };
  const golden = 0x9e3779b97f4a7c15n;
  const key = mix(word(mix(word(BigInt(seed) + golden)) + BigInt(stream) * 0xd1342543de82ef95n));
  return Number(mix(word(key + BigInt(k) * golden)) >> 32n);
}

describe("the counter-based generator", () => {
  it("is its definition, in TypeScript and in wasm, at both ends of every argument", () => {
    for (const seed of [0, 1, 42, 2 ** 32 - 1, 2 ** 32, 2 ** 45 + 12_345, LAST]) {
      for (const stream of [0, 1, 7, 2 ** 32, LAST]) {
        const drawn = new Uint32Array(40);
        engine.fillU32(drawn, { seed, stream });
        const inTurn = new Random(seed, stream);
        for (const [k, value] of drawn.entries()) {
          expect(value).toBe(definition(seed, stream, k));
          expect(randomU32(seed, stream, k)).toBe(value);
          expect(inTurn.nextU32()).toBe(value);
        }
        for (const k of [2 ** 31, 2 ** 32 + 5, LAST]) {
          expect(randomU32(seed, stream, k)).toBe(definition(seed, stream, k));
        }
      }
    }
  });

  it("gives the same numbers for ever: seed 42, stream 0", () => {
    expect([0, 1, 2, 3].map((k) => randomU32(42, 0, k))).toEqual(
      [0, 1, 2, 3].map((k) => definition(42, 0, k)),
    );
    expect([0, 1, 2, 3].map((k) => randomU32(42, 0, k))).toMatchInlineSnapshot(`
      [
        1805317444,
        3315957377,
        1639179540,
        3031586141,
      ]
    `);
  });

  it("goes on over the engine's chunks of 16,384 as if there were none", () => {
    const drawn = new Uint32Array(40_000);
    engine.fillU32(drawn, { seed: 5, stream: 3 });
    for (const k of [16_383, 16_384, 32_768, 39_999]) expect(drawn[k]).toBe(randomU32(5, 3, k));
  });

  it("gives neighbouring seeds and streams unrelated numbers: every bit changes half of the time", () => {
    // 3000 fair coins for each of 32 bits: outside 1500 ± 170 once in 10^9 per bit
    for (const [seedStep, streamStep] of [
      [1, 0],
      [0, 1],
    ] as const) {
      const flips = new Array<number>(32).fill(0);
      for (let k = 0; k < 3000; k++) {
        const changed = randomU32(k, k, 9) ^ randomU32(k + seedStep, k + streamStep, 9);
        for (let bit = 0; bit < 32; bit++) flips[bit]! += (changed >>> bit) & 1;
      }
      for (const count of flips) expect(Math.abs(count - 1500)).toBeLessThan(170);
    }
  });

  it("refuses seeds that are not whole numbers from 0 to 2^53 − 1", () => {
    for (const seed of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => randomU32(seed, 0, 0)).toThrow(/^seed: got/);
      expect(() => new Random(seed)).toThrow(/^seed: got/);
    }
  });
});

describe("Random", () => {
  it("draws floats in [0, 1) with mean 1/2 and variance 1/12", () => {
    const random = new Random(1);
    const count = 100_000;
    let [sum, squares] = [0, 0];
    for (let i = 0; i < count; i++) {
      const x = random.nextFloat();
      expect(x >= 0 && x < 1).toBe(true);
      sum += x;
      squares += x * x;
    }
    // six standard errors: once in 5·10^8
    expect(Math.abs(sum / count - 0.5)).toBeLessThan(6 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(squares / count - 1 / 3)).toBeLessThan(6 * Math.sqrt(4 / 45 / count));
  });

  it("draws every number below a bound equally often (false alarm 10^-6)", () => {
    for (const bound of [2, 3, 10, 1000, 3_000_000_000]) {
      const random = new Random(2, bound);
      const cells = Array.from({ length: Math.min(bound, 100) }, () => ({ observed: 0, expected: 300 }));
      for (let i = 0; i < cells.length * 300; i++) {
        const drawn = random.below(bound);
        expect(drawn < bound).toBe(true);
        cells[Math.floor((drawn / bound) * cells.length)]!.observed++;
      }
      expect(chiSquareProbability(cells)).toBeGreaterThan(1e-6);
    }
    expect(() => new Random(1).below(0)).toThrow(/^bound: got 0/);
  });

  it("shuffles into each of the 24 orders of four equally often (false alarm 10^-6)", () => {
    const random = new Random(3);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24 * 200; i++) {
      const order = Uint8Array.of(1, 2, 3, 4);
      random.shuffleInto(order);
      counts.set(order.join(""), (counts.get(order.join("")) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const cells = [...counts.values()].map((observed) => ({ observed, expected: 200 }));
    expect(chiSquareProbability(cells)).toBeGreaterThan(1e-6);
  });
});
