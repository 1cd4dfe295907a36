/** Tests of whether two sets of random masks come from one distribution, with their false-alarm rates. */

/** Quantile of the standard normal distribution, 0 < p < 1 (Acklam's rational approximation, error below 1.2e-9). */
export function normalQuantile(p: number): number {
  const a = [
    -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
    2.506628277459239,
  ];
  const b = [
    -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1,
    -1.328068155288572e1, 1,
  ];
  const c = [
    -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1];
  const polynomial = (coefficients: number[], x: number) => coefficients.reduce((sum, k) => sum * x + k, 0);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(c, q) / polynomial(d, q);
  }
  if (p > 1 - 0.02425) return -normalQuantile(1 - p);
  const q = p - 0.5;
  return (polynomial(a, q * q) * q) / polynomial(b, q * q);
}

/** Quantile of χ² with `freedom` degrees of freedom, need not be whole (Wilson & Hilferty 1931). */
export function chiSquareQuantile(p: number, freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + normalQuantile(p) * Math.sqrt(spread)) ** 3;
}

/** How often each weight was kept over some runs. */
export interface Frequencies {
  /** Kept fraction of the runs, one a weight. */
  readonly share: ArrayLike<number>;
  readonly runCount: number;
}

/**
 * Two-sided probability under "one distribution" of counts that lie as far apart or farther, by the arcsine
 * transform: 2·(asin √p₁ − asin √p₂) / √(1/n₁ + 1/n₂), with Anscombe's (k + 3/8) / (n + 3/4) for p, is close to
 * standard normal even where p is close to 0 or 1.
 */
export function deviation(a: Frequencies, b: Frequencies, weight: number): number {
  const angle = ({ share, runCount }: Frequencies) =>
    2 * Math.asin(Math.sqrt((share[weight]! * runCount + 0.375) / (runCount + 0.75)));
  return (angle(a) - angle(b)) / Math.sqrt(1 / a.runCount + 1 / b.runCount);
}

/** Weights that are kept in some runs and removed in others: only these are informative. */
function variable(share: ArrayLike<number>, runCount: number): number[] {
  return Array.from({ length: share.length }, (_, k) => k).filter(
    (k) => share[k]! * runCount >= 5 && (1 - share[k]!) * runCount >= 5,
  );
}

export interface GlobalTest {
  /** Σ (p₁ − p₂)² / (p (1 − p) (1/n₁ + 1/n₂)) over the weights, p the pooled share. */
  readonly statistic: number;
  /** It exceeds this with the given probability if both come from one distribution. */
  readonly threshold: number;
  /** Number of weights, and the degrees of freedom left after their correlation. */
  readonly weightCount: number;
  readonly freedom: number;
}

/**
 * One test of all weights together. The weights of one mask are correlated (their number is fixed, and paths connect
 * them), so the statistic is Σ λ_i χ²_1 with λ the eigenvalues of their correlation matrix C, not χ². By Satterthwaite
 * it is taken as c·χ²_f with its mean and variance: c = tr C² / tr C, f = (tr C)² / tr C². tr C² is estimated without
 * bias from pairs of runs: E (x_a · x_b)² = tr C² for standardised masks x of two independent runs.
 * @param masks of the runs that `ours` counts
 */
export function globalTest(
  ours: Frequencies,
  reference: Frequencies,
  masks: readonly Uint8Array[],
  falseAlarmRate: number,
): GlobalTest {
  const pooled = Array.from(
    ours.share,
    (share, k) =>
      (share * ours.runCount + reference.share[k]! * reference.runCount) /
      (ours.runCount + reference.runCount),
  );
  const weights = variable(pooled, ours.runCount + reference.runCount);
  const scale = 1 / ours.runCount + 1 / reference.runCount;
  let statistic = 0;
  for (const k of weights) {
    const p = pooled[k]!;
    statistic += (ours.share[k]! - reference.share[k]!) ** 2 / (p * (1 - p) * scale);
  }
  const standardised = masks.map((mask) =>
    Float64Array.from(weights, (k) => (mask[k]! - ours.share[k]!) / Math.sqrt(pooled[k]! * (1 - pooled[k]!))),
  );
  let [squares, pairCount] = [0, 0];
  for (let a = 0; a < standardised.length; a++) {
    for (let step = 1; step <= 12; step++) {
      const [x, y] = [standardised[a]!, standardised[(a + step) % standardised.length]!];
      let dot = 0;
      for (let k = 0; k < x.length; k++) dot += x[k]! * y[k]!;
      squares += dot * dot;
      pairCount++;
    }
  }
  const traceOfSquare = squares / pairCount;
  const weightCount = weights.length;
  const freedom = weightCount ** 2 / traceOfSquare;
  const threshold = (traceOfSquare / weightCount) * chiSquareQuantile(1 - falseAlarmRate, freedom);
  return { statistic, threshold, weightCount, freedom };
}

export function frequenciesOf(masks: readonly Uint8Array[]): Frequencies {
  const share = new Float64Array(masks[0]!.length);
  for (const mask of masks) for (let k = 0; k < mask.length; k++) share[k]! += mask[k]! / masks.length;
  return { share, runCount: masks.length };
}
