/**
 * Overlap of two masks of one network, and its expectation by chance: for masks drawn independently and uniformly
 * with the same number of kept weights per layer. With a_l and b_l of n_l weights kept,
 *   Jaccard J = I / U,   I = Σ_l I_l weights kept by both,   U = Σ_l (a_l + b_l) − I weights kept by either.
 * By chance I_l is hypergeometric:
 *   E I_l = a_l·b_l / n_l,   Var I_l = a_l·b_l·(n_l − a_l)·(n_l − b_l) / (n_l²·(n_l − 1)),
 * and with S = Σ (a_l + b_l), μ = E I, σ² = Var I, to second order around μ:
 *   E J ≈ μ / (S − μ) + S·σ² / (S − μ)³,   sd J ≈ S·σ / (S − μ)².
 */
import { ArgumentError } from "../errors.ts";
import { countKept, type Masks } from "../masks/masks.ts";

export interface Overlap {
  /** Weights kept by both, and by either. */
  readonly bothCount: number;
  readonly eitherCount: number;
  /** both / either, 0 … 1; 1 if neither keeps any. */
  readonly jaccard: number;
  /** Mean and standard deviation of `jaccard` by chance. */
  readonly chance: number;
  readonly chanceDeviation: number;
  /** (both − its mean by chance) / its standard deviation by chance; 0 if that deviation is 0. */
  readonly standardScore: number;
}

export interface MaskOverlap extends Overlap {
  /** In the order of `network.prunable`. */
  readonly layers: readonly (Overlap & { readonly name: string })[];
}

/**
 * O(weights).
 * @throws ArgumentError if the networks of the masks have different layers
 */
export function overlap(a: Masks, b: Masks): MaskOverlap {
  requireSameLayers(a, b);
  const layers = a.network.prunable.map((parameter, l) => ({
    name: parameter.name,
    ...tally(a.of(parameter), b.of(b.network.prunable[l]!)),
  }));
  return {
    ...overlapOf(layers),
    layers: layers.map(({ name, ...counts }) => ({ name, ...overlapOf([counts]) })),
  };
}

interface Tally {
  readonly count: number;
  readonly a: number;
  readonly b: number;
  readonly both: number;
}

function tally(a: Uint8Array, b: Uint8Array): Tally {
  let both = 0;
  for (let k = 0; k < a.length; k++) both += a[k]! & b[k]!;
  return { count: a.length, a: countKept(a), b: countKept(b), both };
}

function overlapOf(layers: readonly Tally[]): Overlap {
  let [kept, both, mean, variance] = [0, 0, 0, 0];
  for (const { count: n, a, b, both: inBoth } of layers) {
    kept += a + b;
    both += inBoth;
    mean += (a * b) / n;
    if (n > 1) variance += (a * b * ((n - a) * (n - b))) / (n * n * (n - 1));
  }
  const deviation = Math.sqrt(variance);
  const either = kept - both;
  const expectedEither = kept - mean;
  return {
    bothCount: both,
    eitherCount: either,
    jaccard: either === 0 ? 1 : both / either,
    chance: kept === 0 ? 1 : mean / expectedEither + (kept * variance) / expectedEither ** 3,
    chanceDeviation: kept === 0 ? 0 : (kept * deviation) / expectedEither ** 2,
    standardScore: deviation === 0 ? 0 : (both - mean) / deviation,
  };
}

function requireSameLayers({ network: a }: Masks, { network: b }: Masks): void {
  const same =
    a === b ||
    (a.prunable.length === b.prunable.length &&
      a.prunable.every(
        ({ name, length }, l) => name === b.prunable[l]!.name && length === b.prunable[l]!.length,
      ));
  if (same) return;
  throw new ArgumentError("masks", {
    given: `masks of ${a.name} and of ${b.name}, which differ in their layers`,
    expected: "masks of one network",
  });
}
