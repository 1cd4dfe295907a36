/** Exponential moving average, corrected for its start: v ← βv + (1 − β)y, shown as v / (1 − βⁿ). */
import type { Curve } from "@phew/runs";

/** β of each level; 0 shows the curve as it is. */
export const SMOOTHING_LEVELS = [0, 0.6, 0.8, 0.9, 0.95, 0.98] as const;

/** The smoothed curve; a y that is no number stays so and is left out of the mean. */
export function smoothed(curve: Curve, level: number): Curve {
  const beta = SMOOTHING_LEVELS[level] ?? 0;
  if (beta === 0) return curve;
  let value = 0;
  let weight = 0;
  const y = curve.y.map((point) => {
    if (!Number.isFinite(point)) return point;
    value = beta * value + (1 - beta) * point;
    weight = beta * weight + (1 - beta);
    return value / weight;
  });
  return { x: curve.x, y };
}
