import { appendPoint, EMPTY_HISTORY, fullCurve, type History, recentCurve } from "@phew/runs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { FULL_CAPACITY, RECENT_COUNT } from "../src/history.ts";

function historyOf(values: readonly number[]): History {
  return values.reduce((history, y, k) => appendPoint(history, k + 1, y), EMPTY_HISTORY);
}

it("keeps every point while there are few", () => {
  const history = historyOf([3, 1, 2]);
  expect(fullCurve(history)).toEqual({ x: [1, 2, 3], y: [3, 1, 2] });
  expect(recentCurve(history)).toEqual({ x: [1, 2, 3], y: [3, 1, 2] });
});

it("gives means over equal strides, computed here from all points, and the last points as they were", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9000 }), fc.nat(), (length, salt) => {
      const values = Array.from({ length }, (_, k) => ((k * 7919 + salt) % 1000) / 8);
      const history = historyOf(values);
      const { x, y } = fullCurve(history);
      const expected: number[] = [];
      for (let k = 0; k < length; k += history.stride) {
        const part = values.slice(k, k + history.stride);
        expected.push(part.reduce((sum, value) => sum + value, 0) / part.length);
      }
      expect(y.length).toBe(expected.length);
      // eighths are exact in float64, so only the division rounds
      y.forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k]!, 9);
      });
      expect(x.at(-1)).toBe(length);
      expect(recentCurve(history).y).toEqual(values.slice(-RECENT_COUNT));
    }),
    { numRuns: 30 },
  );
});

it("stays within its bounds, and above half of them, for 200,000 points", () => {
  let history = EMPTY_HISTORY;
  for (let step = 1; step <= 200_000; step++) {
    history = appendPoint(history, step, step);
    if (step % 9_991 === 0) {
      expect(history.full.x.length).toBeLessThanOrEqual(FULL_CAPACITY);
      expect(history.fullLength).toBeGreaterThanOrEqual(FULL_CAPACITY / 2);
      expect(history.recent.x.length).toBeLessThanOrEqual(2 * RECENT_COUNT);
    }
  }
  expect(history.count).toBe(200_000);
});

it("leaves older histories as they were, and lets two go on from one", () => {
  const base = historyOf(Array.from({ length: 700 }, (_, k) => k));
  const before = structuredClone({ full: fullCurve(base), recent: recentCurve(base) });
  const left = appendPoint(base, 701, -1);
  const right = appendPoint(base, 701, -2);
  for (let k = 0, grown = left; k < 3000; k++) grown = appendPoint(grown, 702 + k, 5);
  expect({ full: fullCurve(base), recent: recentCurve(base) }).toEqual(before);
  expect(fullCurve(left).y.at(-1)).toBe(-1);
  expect(fullCurve(right).y.at(-1)).toBe(-2);
  expect(recentCurve(right).y.at(-1)).toBe(-2);
});
