/**
 * Keeps the weights with the highest scores: exactly as many as requested. Among equal scores the lower index is kept
 * (0 and −0 are equal).
 */
import { ArgumentError } from "../errors.ts";
import type { Network } from "../network/network.ts";
import { countKept, Masks } from "./masks.ts";
import { findThreshold, type ScoredMask } from "./threshold.ts";

export interface SelectOptions {
  /** True: scores are compared by magnitude. Default false. */
  readonly magnitude?: boolean | undefined;
}

/**
 * Keeps the keepCount prunable weights with the highest scores.
 * @param scores the scores of each layer by its parameter's name; row-major over the parameter's shape
 * @param options.from weights that are kept in any case, and count
 * @throws ArgumentError for NaN (naming layer and index), or a keepCount out of range
 */
export function keepTop(
  network: Network,
  scores: (parameter: string) => Float32Array | Float64Array,
  keepCount: number,
  options: SelectOptions & { readonly from?: Masks | undefined } = {},
): Masks {
  const masks = new Masks(network, options.from?.bytes.slice());
  const layers = network.prunable.map((parameter) => ({
    name: parameter.name,
    scores: scores(parameter.name),
    mask: masks.of(parameter),
  }));
  keepTopInto(layers, keepCount, options);
  return masks;
}

/**
 * Adds the weights with the highest scores until keepCount are kept. All given layers are compared together; to
 * select within layers, call it for each layer.
 * @returns the lowest score added; undefined if none was added
 * @throws ArgumentError as {@link keepTop}
 */
export function keepTopInto(
  layers: readonly ScoredMask[],
  keepCount: number,
  options: SelectOptions = {},
): number | undefined {
  for (const { name, scores, mask } of layers) {
    if (scores.length !== mask.length) {
      throw new ArgumentError(`scores of "${name}"`, {
        given: `${scores.length}`,
        expected: `${mask.length}, one for each weight`,
      });
    }
  }
  const weightCount = layers.reduce((sum, { mask }) => sum + mask.length, 0);
  const keptCount = layers.reduce((sum, { mask }) => sum + countKept(mask), 0);
  requireKeepCount(keepCount, keptCount, weightCount);
  if (keepCount === keptCount) return undefined;
  const magnitude = options.magnitude ?? false;
  const [wanted, candidateCount] = [keepCount - keptCount, weightCount - keptCount];
  const { score, equalCount } = findThreshold(layers, wanted, candidateCount, magnitude);
  let equalsLeft = equalCount;
  for (const { scores, mask } of layers)
    equalsLeft = keepFromInto(mask, scores, magnitude, score, equalsLeft);
  return score;
}

/**
 * Keeps scores above the threshold, and the first of those equal to it. @returns how many equal ones remain to be
 * kept
 */
function keepFromInto(
  mask: Uint8Array,
  scores: Float32Array | Float64Array,
  magnitude: boolean,
  threshold: number,
  equalCount: number,
): number {
  let equalsLeft = equalCount;
  for (let k = 0; k < mask.length; k++) {
    const s = magnitude ? Math.abs(scores[k]!) : scores[k]!;
    if (s > threshold) mask[k] = 1;
    else if (s === threshold && equalsLeft > 0 && mask[k] === 0) {
      mask[k] = 1;
      equalsLeft--;
    }
  }
  return equalsLeft;
}

/** @throws ArgumentError unless keepCount is a whole number from 1, and from the number kept already, to all */
export function requireKeepCount(keepCount: number, keptCount: number, weightCount: number): void {
  if (Number.isInteger(keepCount) && keepCount >= Math.max(1, keptCount) && keepCount <= weightCount) return;
  const least = keptCount > 0 ? `${keptCount}, the weights kept already,` : "1";
  throw new ArgumentError("keepCount", {
    given: `${keepCount}`,
    expected: `a whole number from ${least} to ${weightCount}`,
  });
}
