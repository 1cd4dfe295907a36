/** Logistic curves of accuracy over density: the curve that points lie on is found again. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { fitLogistic, logisticAt } from "../src/analysis/logisticFit.ts";

const DENSITIES = [0.01, 0.02, 0.03, 0.05, 0.08, 0.13, 0.2];

it("finds the curve that the points lie on", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.3, max: 1, noNaN: true }),
      fc.double({ min: 0.5, max: 3, noNaN: true }),
      fc.double({ min: 0.01, max: 0.06, noNaN: true }),
      (plateau, slope, half) => {
        const curve = { plateau, slope, middle: Math.log(half), residual: 0 };
        const found = fitLogistic(
          DENSITIES,
          DENSITIES.map((density) => plateau / (1 + (half / density) ** slope)),
        );
        expect(found.residual).toBeLessThan(1e-4);
        expect(found.plateau).toBeCloseTo(plateau, 2);
        for (const density of DENSITIES)
          expect(logisticAt(found, density)).toBeCloseTo(logisticAt(curve, density), 3);
      },
    ),
    { numRuns: 15 },
  );
});

it("is at half its plateau at d₀, and refuses fewer than four densities", () => {
  const curve = { plateau: 0.8, slope: 2, middle: Math.log(0.05), residual: 0 };
  expect(logisticAt(curve, 0.05)).toBeCloseTo(0.4, 12);
  expect(() => fitLogistic([0.1, 0.2, 0.2, 0.3], [0.1, 0.2, 0.2, 0.3])).toThrow("at least 4 different");
});
