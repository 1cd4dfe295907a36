import { crossEntropy as oracleCrossEntropy } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crossEntropy } from "../src/crossEntropy.ts";

describe("crossEntropy", () => {
  it("is ln(classes) for equal logits, whatever the smoothing, and its gradient pulls the class up", () => {
    for (const smoothing of [0, 0.1, 0.5]) {
      const { loss, gradient } = crossEntropy(new Float32Array(5), Int32Array.of(3), 5, smoothing);
      expect(loss).toBeCloseTo(Math.log(5), 12);
      gradient.forEach((g, c) => {
        expect(g).toBeCloseTo(0.2 - (c === 3 ? 1 - smoothing : 0) - smoothing / 5, 6);
      });
    }
  });

  it("with label smoothing is (1 − s)·H(class) + s·mean over classes, on two classes in closed form", () => {
    const z = 1.25;
    const [right, wrong] = [Math.log1p(Math.exp(-z)), z + Math.log1p(Math.exp(-z))];
    const { loss } = crossEntropy(Float32Array.of(z, 0), Int32Array.of(0), 2, 0.2);
    expect(loss).toBeCloseTo(0.8 * right + (0.2 * (right + wrong)) / 2, 12);
  });

  it("agrees with the oracle, and its gradient with central differences", () => {
    const logits = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 12, maxLength: 12 });
    const classes = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(logits, classes, fc.double({ min: 0, max: 0.9, noNaN: true }), (z, y, labelSmoothing) => {
        const { loss, gradient } = crossEntropy(Float32Array.from(z), Int32Array.from(y), 4, labelSmoothing);
        const exact = (at: readonly number[]) => oracleCrossEntropy(at, y, { labelSmoothing });
        expect(loss).toBeCloseTo(exact(z), 9);
        for (const k of [0, 5, 11]) {
          const difference = exact(z.with(k, z[k]! + 1e-5)) - exact(z.with(k, z[k]! - 1e-5));
          expect(gradient[k]).toBeCloseTo(difference / 2e-5, 5);
        }
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it("stays finite where the logits are far apart", () => {
    const { loss, gradient, correctCount } = crossEntropy(Float32Array.of(1e4, -1e4), Int32Array.of(1), 2, 0);
    expect(loss).toBe(2e4);
    expect([...gradient]).toEqual([1, -1]);
    expect(correctCount).toBe(0);
  });

  it("counts what is right; among equal logits the lowest class is the answer", () => {
    const logits = Float32Array.of(0, 1, 2, 5, 5, 0, 3, 1, 3);
    expect(crossEntropy(logits, Int32Array.of(2, 0, 2), 3, 0).correctCount).toBe(2);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("is not finite where a logit is %f", (value) => {
    for (const place of [0, 1, 2]) {
      const logits = Float32Array.of(0, 1, 2).with(place, value);
      expect(crossEntropy(logits, Int32Array.of(0), 3, 0).loss).not.toSatisfy(Number.isFinite);
    }
  });
});
