/** Pearson's χ² test. */

export interface Cell {
  readonly observed: number;
  readonly expected: number;
}

/**
 * Probability of a χ² at least as great where the expectations are true.
 * @param tables each with a total of its own, which costs it a degree of freedom; within one, cells expected fewer
 *   than 5 times count as one. Observations where none are expected make the probability 0.
 */
export function chiSquareProbability(...tables: readonly (readonly Cell[])[]): number {
  let statistic = 0;
  let freedom = 0;
  for (const table of tables) {
    if (table.some(({ observed, expected }) => expected === 0 && observed > 0)) return 0;
    const tested = table.filter(({ expected }) => expected >= 5);
    const rare = { observed: 0, expected: 0 };
    for (const { observed, expected } of table.filter((cell) => cell.expected < 5)) {
      rare.observed += observed;
      rare.expected += expected;
    }
    if (rare.expected >= 5) tested.push(rare);
    for (const { observed, expected } of tested) statistic += (observed - expected) ** 2 / expected;
    freedom += Math.max(0, tested.length - 1);
  }
  return upperGamma(freedom / 2, statistic / 2);
}

/** Regularised upper incomplete gamma function Q(a, x); by series below a + 1, by continued fraction above. */
function upperGamma(a: number, x: number): number {
  if (a === 0) return 1;
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * 1e-15; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - front * sum;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return front * fraction;
}

/** Lanczos' approximation (g = 7, 9 terms). */
function logGamma(x: number): number {
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  let sum = 0.99999999999980993;
  for (const [i, term] of terms.entries()) sum += term / (x + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}
