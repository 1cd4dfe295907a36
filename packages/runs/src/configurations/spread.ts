/** Statistics of a sample: of runs that differ only in their seed, or of masks. */

export interface Spread {
  readonly count: number;
  /** Absent of none. */
  readonly mean?: number;
  /** √(Σ (x − mean)² / (n − 1)), from two on. */
  readonly deviation?: number;
  /** Half of the 95 % confidence interval of the mean, t(n − 1) · deviation / √n, from two on. */
  readonly interval?: number;
}

const CONFIDENCE = 0.95;
const HALVINGS = 60;

/** Sums in the order given, in float64. */
export function spreadOf(sample: readonly number[]): Spread {
  const count = sample.length;
  if (count === 0) return { count };
  const mean = sample.reduce((sum, x) => sum + x, 0) / count;
  if (count === 1) return { count, mean };
  const squares = sample.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 1));
  return { count, mean, deviation, interval: (studentT(count - 1) * deviation) / Math.sqrt(count) };
}

const known = new Map<string, number>();

/**
 * The t that |T| of Student's distribution is at most with a probability.
 * @param freedom degrees of freedom, whole, at least 1
 * @param share the probability, above 0 and below 1; 95 % unless given
 */
export function studentT(freedom: number, share = CONFIDENCE): number {
  const key = `${freedom} ${share}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  let [low, high] = [0, Math.PI / 2];
  for (let k = 0; k < HALVINGS; k++) {
    const angle = (low + high) / 2;
    if (shareWithin(angle, freedom) < share) low = angle;
    else high = angle;
  }
  const t = Math.sqrt(freedom) * Math.tan(high);
  known.set(key, t);
  return t;
}

/** P(|T| > |t|) of Student's distribution: the two-sided p-value. @param freedom as for {@link studentT} */
export function studentTail(t: number, freedom: number): number {
  return 1 - shareWithin(Math.atan(Math.abs(t) / Math.sqrt(freedom)), freedom);
}

/** P(|T| ≤ √freedom · tan angle). @see Abramowitz & Stegun 1964, 26.7.3 and 26.7.4 */
function shareWithin(angle: number, freedom: number): number {
  const square = Math.cos(angle) ** 2;
  const isOdd = freedom % 2 === 1;
  let term = isOdd ? Math.cos(angle) : 1;
  let sum = 0;
  for (let k = isOdd ? 1 : 0; k < freedom - 1; k += 2) {
    sum += term;
    term *= ((k + 1) / (k + 2)) * square;
  }
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}
