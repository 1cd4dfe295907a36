import { describe, expect, it } from "vitest";
import { builtEngine } from "./builtEngine.ts";

const engine = builtEngine();

function normal(length: number, seed = 1, stream = 0): Float32Array {
  const out = new Float32Array(length);
  engine.fillNormal(out, { seed, stream, standardDeviation: 1 });
  return out;
}

/** Abramowitz & Stegun 7.1.26 is too coarse; this is erfc by continued fraction and series, to 1e-14. */
function cumulative(x: number): number {
  const z = Math.abs(x);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  let upper: number;
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-17 * sum && n < 200; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    upper = 0.5 - density * sum;
  } else {
    let fraction = 0;
    for (let n = 100; n > 0; n--) fraction = n / (z + fraction);
    upper = density / (z + fraction);
  }
  return x < 0 ? upper : 1 - upper;
}

/** Greatest distance between a sample's and a distribution's cumulative, times √n. */
function kolmogorovSmirnov(sample: Float32Array, distribution: (x: number) => number): number {
  const sorted = sample.slice().sort();
  let most = 0;
  for (const [i, x] of sorted.entries()) {
    const p = distribution(x);
    most = Math.max(most, (i + 1) / sorted.length - p, p - i / sorted.length);
  }
  return most * Math.sqrt(sample.length);
}

describe("fillNormal", () => {
  it("has the moments of a normal distribution, each within six standard errors (once in 5·10^8)", () => {
    const count = 1_000_000;
    const sample = normal(count);
    const moment = (power: number): number => sample.reduce((sum, x) => sum + x ** power, 0) / count;
    // E x^2k = 1, 3, 15, 105, 945, 10395 at k = 1 … 6
    for (const [power, expected, square] of [
      [1, 0, 1],
      [2, 1, 3],
      [3, 0, 15],
      [4, 3, 105],
      [5, 0, 945],
      [6, 15, 10_395],
    ] as const) {
      expect(Math.abs(moment(power) - expected)).toBeLessThan(
        6 * Math.sqrt((square - expected ** 2) / count),
      );
    }
  });

  it("passes the Kolmogorov–Smirnov test (greater than 2.5 once in 130,000)", () => {
    for (const seed of [1, 2, 3])
      expect(kolmogorovSmirnov(normal(200_000, seed), cumulative)).toBeLessThan(2.5);
  });

  it("reaches the tails: beyond 4.5 standard deviations as often as it should, ± 6 standard errors", () => {
    const count = 4_000_000;
    const sample = normal(count, 9);
    const expected = count * 2 * cumulative(-4.5);
    expect(Math.abs(sample.filter((x) => Math.abs(x) > 4.5).length - expected)).toBeLessThan(
      6 * Math.sqrt(expected),
    );
  });

  it("is the inverse of the cumulative distribution: the uniform of the same number, to float32", () => {
    const uniform = new Float64Array(20_000);
    const coarse = new Float32Array(uniform.length);
    engine.fillUniform(coarse, { seed: 4, stream: 2, low: -0.5, high: 0.5 });
    const sample = normal(uniform.length, 4, 2);
    for (const [k, x] of sample.entries()) {
      // signed in one, unsigned in the other: half a turn apart
      const p = cumulative(x) - 0.5;
      const q = coarse[k]! < 0 ? coarse[k]! + 0.5 : coarse[k]! - 0.5;
      expect(Math.abs(p - q)).toBeLessThan(2e-7);
    }
  });

  it("scales and shifts, and lets seed and stream alone decide", () => {
    const scaled = new Float32Array(100);
    engine.fillNormal(scaled, { seed: 1, stream: 0, standardDeviation: 3, mean: -2 });
    const plain = normal(100);
    for (const [k, x] of scaled.entries()) expect(x).toBeCloseTo(3 * plain[k]! - 2, 5);
    expect(normal(100)).toEqual(plain);
    expect(normal(100, 2)).not.toEqual(plain);
    expect(normal(100, 1, 1)).not.toEqual(plain);
  });

  it("gives element k whatever the length, over the chunks too", () => {
    const long = normal(50_000);
    expect(normal(20_001)).toEqual(long.subarray(0, 20_001));
  });

  it("gives the same bytes for ever: seed 42, stream 7", () => {
    const sample = normal(6, 42, 7);
    expect([...new Uint32Array(sample.buffer)].map((bits) => bits.toString(16))).toMatchInlineSnapshot(`
      [
        "bfdb0664",
        "bf2cb930",
        "beac7b20",
        "bf022691",
        "bce10105",
        "bd667dfd",
      ]
    `);
  });

  it("refuses deviations that are no numbers", () => {
    const out = new Float32Array(1);
    expect(() => engine.fillNormal(out, { seed: 1, stream: 0, standardDeviation: Number.NaN })).toThrow(
      "standardDeviation: got NaN, expected a finite number.",
    );
  });
});

describe("fillUniform", () => {
  it("is uniform between low and high (Kolmogorov–Smirnov, greater than 2.5 once in 130,000)", () => {
    const out = new Float32Array(200_000);
    engine.fillUniform(out, { seed: 1, stream: 0, low: -2, high: 5 });
    expect(out.every((x) => x >= -2 && x <= 5)).toBe(true);
    expect(kolmogorovSmirnov(out, (x) => (x + 2) / 7)).toBeLessThan(2.5);
  });

  it("gives the same bytes for ever: seed 42, stream 7", () => {
    const out = new Float32Array(4);
    engine.fillUniform(out, { seed: 42, stream: 7, low: -1, high: 1 });
    expect([...new Uint32Array(out.buffer)].map((bits) => bits.toString(16))).toMatchInlineSnapshot(`
      [
        "3db24ac1",
        "3effee6d",
        "3f3c783e",
        "3f1c75c7",
      ]
    `);
  });
});
