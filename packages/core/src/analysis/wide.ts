/**
 * Non-negative numbers with an unlimited exponent: sums over the paths of deep networks leave the range of float64,
 * 1e-308 … 1.8e308, but their ratios do not.
 */

/** value · 2^exponent; 1 ≤ value < 2, or value 0 and exponent 0. */
export interface Wide {
  readonly value: number;
  readonly exponent: number;
}

/** @param value finite, at least 0 @param exponent a whole number */
export function wide(value: number, exponent = 0): Wide {
  if (value === 0) return { value: 0, exponent: 0 };
  // log2 is exact for subnormal numbers too; divided in two steps, since 2 ** own may underflow
  const own = Math.floor(Math.log2(value));
  const half = own >> 1;
  const scaled = value / 2 ** half / 2 ** (own - half);
  // log2 rounds up just below a power of two
  return scaled < 1
    ? { value: 2 * scaled, exponent: exponent + own - 1 }
    : { value: scaled, exponent: exponent + own };
}

/** The nearest float64: 0 or Infinity outside its range. */
export function numberOf({ value, exponent }: Wide): number {
  const half = exponent >> 1;
  return value * 2 ** half * 2 ** (exponent - half);
}

/** −Infinity for 0. */
export function log10Of({ value, exponent }: Wide): number {
  return Math.log10(value) + exponent * Math.log10(2);
}

export function sumOfWide(items: readonly Wide[]): Wide {
  const terms = items.filter(({ value }) => value > 0);
  if (terms.length === 0) return wide(0);
  const highest = terms.reduce((most, { exponent }) => Math.max(most, exponent), Number.NEGATIVE_INFINITY);
  return wide(
    terms.reduce((sum, { value, exponent }) => sum + value * 2 ** (exponent - highest), 0),
    highest,
  );
}

/** 0 if `whole` is 0. */
export function ratioOfWide(part: Wide, whole: Wide): Wide {
  return whole.value === 0 ? wide(0) : wide(part.value / whole.value, part.exponent - whole.exponent);
}
