import {
  formatAccuracy,
  formatCount,
  formatDuration,
  formatMeasure,
  formatPercent,
  formatShortCount,
} from "@phew/runs";
import { expect, it } from "vitest";

it.each([
  [0, "0 ms"],
  [999.4, "999 ms"],
  [999.6, "1.0 s"],
  [59_940, "59.9 s"],
  [59_960, "1:00 min"],
  [125_000, "2:05 min"],
  [3_599_600, "1:00:00 h"],
  [3_725_000, "1:02:05 h"],
  [100 * 3_600_000, "100:00:00 h"],
  [Number.NaN, "–"],
  [-1, "–"],
  [Number.POSITIVE_INFINITY, "–"],
])("writes %d ms as %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

it.each([
  [0, "0"],
  [999, "999"],
  [999.7, "1.0k"],
  [61_470, "61.5k"],
  [99_960, "100k"],
  [999_600, "1.0M"],
  [20_034_216, "20.0M"],
  [Number.NaN, "–"],
])("shortens %d to %s", (count, text) => expect(formatShortCount(count)).toBe(text));

it.each([
  [1, "100 %"],
  [0.05, "5 %"],
  [0.050_16, "5.02 %"],
  [0.002, "0.2 %"],
  [0.000_012_3, "0.00123 %"],
  [0, "0 %"],
  [Number.NaN, "–"],
])("writes the fraction %d as %s", (fraction, text) => expect(formatPercent(fraction)).toBe(text));

it("writes counts with separators, accuracies with one decimal, measures with three digits", () => {
  expect(formatCount(20_034_216)).toBe("20,034,216");
  expect(formatAccuracy(0.931_2)).toBe("93.1 %");
  expect([0, 1, 0.032_44, 16.62, 43_100, 1.274e-7, 5.5e9, -0.5].map((value) => formatMeasure(value))).toEqual(
    ["0", "1", "0.0324", "16.6", "43,100", "1.27e-7", "5.50e+9", "-0.5"],
  );
});
