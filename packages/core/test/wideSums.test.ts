/** Path sums outside float64's range, compared with exact BigInt arithmetic. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { analyse, measures } from "../src/analysis/analyse.ts";
import { widePathKernelShares } from "../src/analysis/pathKernelTrace.ts";
import { log10Of, numberOf, ratioOfWide, sumOfWide, wide } from "../src/analysis/wide.ts";
import { applyMasks, Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { formatMeasure } from "../src/quantity.ts";
import type { Weights } from "../src/weights/weights.ts";
import { randomMasks } from "./randomNetwork.ts";

/** Layers of two units. */
function chain(layerCount: number) {
  const b = new NetworkBuilder("chain", [2]);
  let x = b.input;
  for (let l = 0; l < layerCount; l++) x = b.dense(`layer${l}`, x, 2, { bias: false });
  return b.build(x);
}

const UNIT = 149;
/** A float32 as a whole number of 2^-149. */
const whole = (w: number) => (w === 0 ? 0n : BigInt(Math.round((w * 2 ** 100) / 1)) << BigInt(UNIT - 100));

interface Sums {
  readonly sum: bigint;
  readonly trace: bigint;
}

/** Σ |π|^power in units of 2^-(149·power·layers), Σ ∂R/∂|θ|^power in one factor less. */
function exactSums(layers: readonly (readonly bigint[])[], power: 1 | 2): Sums {
  const theta = layers.map((layer) => layer.map((w) => (w < 0n ? -w : w) ** BigInt(power)));
  const before: bigint[][] = [[1n, 1n]];
  for (const [a, b, c, d] of theta as [bigint, bigint, bigint, bigint][]) {
    const [x, y] = before.at(-1) as [bigint, bigint];
    before.push([a * x + b * y, c * x + d * y]);
  }
  let after = [1n, 1n] as [bigint, bigint];
  let trace = 0n;
  for (let l = theta.length - 1; l >= 0; l--) {
    const [a, b, c, d] = theta[l] as [bigint, bigint, bigint, bigint];
    const [x, y] = before[l] as [bigint, bigint];
    for (const [w, from, to] of [
      [a, x, after[0]],
      [b, y, after[0]],
      [c, x, after[1]],
      [d, y, after[1]],
    ] as const) {
      if (w !== 0n) trace += from * to;
    }
    after = [a * after[0] + c * after[1], b * after[0] + d * after[1]];
  }
  return { sum: before.at(-1)!.reduce((s, v) => s + v, 0n), trace };
}

/** log10 of n / 2^bits. */
function log10(n: bigint, bits: number): number {
  const text = n.toString();
  return Math.log10(Number(text.slice(0, 17))) + Math.max(0, text.length - 17) - bits * Math.log10(2);
}

describe("sums over the paths of chains of extreme weights", () => {
  it("equal those in BigInt, whether they vanish, are ordinary, or overflow", () => {
    const seen = { vanished: 0, overflown: 0 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: -60, max: 60 }),
        fc.array(fc.double({ min: 0.25, max: 1, noNaN: true }), { minLength: 96, maxLength: 96 }),
        fc.nat(),
        (layerCount, scale, draws, seed) => {
          const network = chain(layerCount);
          const weights: Weights = new Map(
            network.prunable.map(({ name }, l) => [
              name,
              Float32Array.from(
                { length: 4 },
                (_, k) => draws[4 * l + k]! * 2 ** scale * (k % 3 === 0 ? -1 : 1),
              ),
            ]),
          );
          const masks = randomMasks(network, 0.8, seed);
          const found = analyse(weights, masks);
          const exact = (own: Weights, power: 1 | 2) =>
            exactSums(
              network.prunable.map(({ name }) => [...own.get(name)!].map(whole)),
              power,
            );
          for (const [power, sumKey, ratioKey] of [
            [1, "pathSum", "relativePathSum"],
            [2, "squaredPathSum", "relativeSquaredPathSum"],
          ] as const) {
            const [own, dense] = [exact(applyMasks(weights, masks), power), exact(weights, power)];
            const bits = UNIT * power * layerCount;
            if (own.sum === 0n) {
              expect(found[sumKey]).toBe(0);
              expect(found.log10[sumKey]).toBe(Number.NEGATIVE_INFINITY);
              continue;
            }
            expect(found.log10[sumKey]).toBeCloseTo(log10(own.sum, bits), 8);
            const ratio = Number((own.sum * 10n ** 18n) / dense.sum) / 1e18;
            expect(found[ratioKey]).toBeCloseTo(ratio, 10);
            if (found[sumKey] === 0) seen.vanished++;
            if (found[sumKey] === Number.POSITIVE_INFINITY) seen.overflown++;
            if (power === 1) continue;
            const traceBits = UNIT * 2 * (layerCount - 1);
            expect(found.log10.pathKernelTrace).toBeCloseTo(log10(own.trace, traceBits), 8);
            expect(found.relativeTrace).toBeCloseTo(
              Number((own.trace * 10n ** 18n) / dense.trace) / 1e18,
              10,
            );
            const { values, exponent } = widePathKernelShares(network, weights, masks);
            const total = wide(
              values.reduce((a, b) => a + b, 0),
              exponent,
            );
            expect(log10Of(total)).toBeCloseTo(found.log10.pathKernelTrace!, 8);
            const shares = found.layers.map(
              ({ log10: own }) => 10 ** (own!.pathKernelTrace - found.log10.pathKernelTrace!),
            );
            expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 8);
          }
        },
      ),
      { numRuns: 100, seed: 1 },
    );
    expect(seen.vanished).toBeGreaterThan(5);
    expect(seen.overflown).toBeGreaterThan(5);
  });

  it("have a ratio of 0.0687 to the dense network's if both vanish, and a logarithm in events", () => {
    const network = chain(30);
    const weights = new Map(
      network.prunable.map(({ name }) => [name, Float32Array.from([1e-14, 5e-15, 5e-15, 1e-14])]),
    );
    const diagonal = new Masks(
      network,
      Uint8Array.from({ length: 120 }, (_, k) => (k % 4 === 0 || k % 4 === 3 ? 1 : 0)),
    );
    const found = analyse(weights, diagonal);
    expect(found.squaredPathSum).toBe(0);
    expect(found.relativeSquaredPathSum).toBeCloseTo(0.8 ** 30, 12);
    expect(formatMeasure(0, 3, found.log10.squaredPathSum)).toBe("2.00e-840");
    expect(measures(weights, diagonal).log10Trace).toBeCloseTo(Math.log10(60) - 28 * 29, 5);
    expect(measures(weights, diagonal)).not.toHaveProperty("log10RelativeTrace");
  });
});

describe("wide numbers", () => {
  it("are the float64 numbers if float64 holds them", () =>
    fc.assert(
      fc.property(
        fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        fc.double({ min: 0, max: 1e300, noNaN: true }),
        (a, b) => {
          expect(numberOf(wide(a))).toBe(a);
          const { value } = wide(a);
          expect(a === 0 ? value === 0 : value >= 1 && value < 2).toBe(true);
          const sum = numberOf(sumOfWide([wide(a / 2), wide(b)]));
          expect(Math.abs(sum - (a / 2 + b))).toBeLessThanOrEqual(1e-15 * sum);
          if (b > 1e-300 && a / b < 1e300) {
            expect(Math.abs(numberOf(ratioOfWide(wide(a), wide(b))) - a / b)).toBeLessThanOrEqual(
              1e-15 * (a / b) + 5e-324,
            );
          }
        },
      ),
    ));

  it("are written with an exponent of any length", () => {
    expect(formatMeasure(0, 3, -412.0458)).toBe("9.00e-413");
    expect(formatMeasure(Number.POSITIVE_INFINITY, 3, 400.99999)).toBe("1.00e+401");
    expect(formatMeasure(0.5, 3, Math.log10(0.5))).toBe("0.5");
    expect(formatMeasure(0, 3, Number.NEGATIVE_INFINITY)).toBe("0");
  });
});
