import {
  counted,
  formatAccuracy,
  formatCount,
  formatDuration,
  formatEta,
  formatMeasure,
  formatPercent,
  formatShortCount,
} from "@phew/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

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
  [12_345 * 3_600_000, "12,345 h"],
  [1e300, "2.78e+293 h"],
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

it.each([
  [0, "weight", undefined, "0 weights"],
  [1, "epoch", undefined, "1 epoch"],
  [2, "epoch", undefined, "2 epochs"],
  [61_470, "weight", undefined, "61,470 weights"],
  [1, "class", "classes", "1 class"],
  [10, "class", "classes", "10 classes"],
  [-0, "weight", undefined, "0 weights"],
  [-3, "group", undefined, "-3 groups"],
  [2n ** 64n, "byte", undefined, "18,446,744,073,709,551,616 bytes"],
  // as they came, for errors
  [Number.NaN, "step", undefined, "NaN steps"],
  [Number.POSITIVE_INFINITY, "byte", undefined, "Infinity bytes"],
  [1e308, "byte", undefined, "1e+308 bytes"],
  [1.5, "group", undefined, "1.5 groups"],
  [0.9999, "example", undefined, "0.9999 examples"],
  ["abc" as unknown as number, "example", undefined, "abc examples"],
])("counts %s %s", (count, noun, plural, text) => expect(counted(count, noun, plural)).toBe(text));

describe("whatever the number", () => {
  const fraction = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    // what prints badly where nobody rounds: 100 * 0.07 is 7.000000000000001
    fc.integer({ min: 0, max: 1000 }).map((k) => k / 1000),
    fc.double(),
  );
  const tidy = /^(–|-?\d[\d,]*(\.\d{1,5})?(e[+-]?\d+)?( (%|ms|s|min|h|MB))?|\d+(:\d\d){1,2} (min|h))$/;

  it("a percentage has at most three significant digits, and is the nearest such number", () =>
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1, noNaN: true }), (value) => {
        const text = formatPercent(value);
        expect(text).toMatch(/^\d+(\.\d+)? %$/);
        expect(text.replace(/^0\.0*|[. %]/g, "").replace(/^0+/, "").length).toBeLessThanOrEqual(3);
        expect(Math.abs(Number.parseFloat(text) - 100 * value)).toBeLessThanOrEqual(0.5 * value + 1e-12);
      }),
    ));

  it("percentages and accuracies have no tail of digits and no negative zero", () =>
    fc.assert(
      fc.property(fraction, (value) => {
        for (const text of [formatAccuracy(value), formatPercent(value)]) {
          expect(text).toMatch(/^(–|-?\d+(\.\d+)?(e[+-]\d+)? %)$/);
          expect(text).not.toMatch(/^-0(\.0*)? %/);
        }
        expect(formatPercent(value).length).toBeLessThan(Math.abs(value) > 1e3 ? 400 : 16);
      }),
    ));

  it("durations, estimates, counts and measures are short", () =>
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), fc.double({ min: 0, max: 1e9 })), (value) => {
        for (const text of [formatDuration(value), formatEta(value), formatMeasure(value)]) {
          expect(text).toMatch(tidy);
          expect(text.length).toBeLessThan(16);
        }
        expect(formatCount(value)).toMatch(/^(–|-?\d[\d,]*)$/);
        expect(formatCount(value)).not.toBe("-0");
      }),
    ));

  it("a noun has its plural where there is not one of it", () =>
    fc.assert(
      fc.property(fc.nat(), (count) => {
        expect(counted(count, "run")).toMatch(count === 1 ? /^1 run$/ : /^[\d,]+ runs$/);
      }),
    ));
});
