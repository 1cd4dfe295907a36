/**
 * Keeps the weights with the highest scores: exactly as many as asked for; among equal scores the lower index
 * survives (0 and −0 are equal).
 * A radix selection over the bits of the scores: three passes over all, 256 KiB of counters, and 9 bytes for each of
 * those that share the first sixteen bits with the last one kept; nothing is sorted.
 */
import { ArgumentError } from "../errors.ts";
import type { Network } from "../network/network.ts";
import { countKept, Masks } from "./masks.ts";
import { BLOCK_LENGTH, type KeyBlock, KeyReader } from "./scoreKeys.ts";

/** Scores of a run of weights, with the mask they decide about; both of one length. */
export interface ScoredMask {
  /** The layer, for error messages. */
  readonly name: string;
  readonly scores: Float32Array | Float64Array;
  /** 0 or 1 a weight. Those that are 1 already stay, whatever their scores. */
  readonly mask: Uint8Array;
}

export interface SelectOptions {
  /** True: scores are compared by magnitude. Default false. */
  readonly magnitude?: boolean;
}

/**
 * The keepCount best of all prunable weights.
 * @param scores the scores of one layer, by its parameter's name; row-major over the parameter's shape
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
 * Adds the best of all weights that are not kept, until keepCount are. Layers compete with each other; call it once
 * for each layer to select within layers.
 * @throws ArgumentError as {@link keepTop}
 */
export function keepTopInto(
  layers: readonly ScoredMask[],
  keepCount: number,
  options: SelectOptions = {},
): void {
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
  const wide = layers.some(({ scores }) => scores instanceof Float64Array);
  const reader = new KeyReader(options.magnitude ?? false, wide);
  const threshold = findThreshold(layers, reader, keepCount - keptCount);
  forEachBlock(layers, reader, (keys, mask) => keepAboveInto(mask, keys, threshold));
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

/** A key, and how many of the weights that have it are kept; all with a higher key are. */
interface Threshold {
  readonly high: number;
  readonly low: number;
  equalCount: number;
}

/** Finds the key of the last weight kept, digit by digit from the top. */
function findThreshold(layers: readonly ScoredMask[], reader: KeyReader, wantedCount: number): Threshold {
  const counts = new Uint32Array(1 << 16);
  let [high, low, wanted] = [0, 0, wantedCount];
  let rivals: { readonly keys: KeyBlock; readonly mask: Uint8Array } | undefined;
  for (let digit = 0; digit < reader.digitCount; digit++) {
    counts.fill(0);
    if (rivals !== undefined) countDigits(counts, digit, rivals.keys, rivals.mask, high, low);
    else forEachBlock(layers, reader, (keys, mask) => countDigits(counts, digit, keys, mask, high, low));
    let value = counts.length - 1;
    while (counts[value]! < wanted) wanted -= counts[value--]!;
    if (digit === 0) high = (value << 16) >>> 0;
    else if (digit === 1) high = (high | value) >>> 0;
    else if (digit === 2) low = (value << 16) >>> 0;
    else low = (low | value) >>> 0;
    // where all that share the digits so far are kept, the rest of their keys does not matter
    if (counts[value] === wanted) break;
    rivals ??= keysOf(layers, reader, high, counts[value]!);
  }
  return { high, low, equalCount: wanted };
}

/** The keys that share the first digit of `top`, side by side: few of all, and the rest is found among them. */
function keysOf(layers: readonly ScoredMask[], reader: KeyReader, top: number, count: number) {
  const keys = { high: new Uint32Array(count), low: new Uint32Array(count) };
  const digit = top >>> 16;
  let at = 0;
  forEachBlock(layers, reader, ({ high, low }, mask) => {
    for (let k = 0; k < mask.length; k++) {
      if (high[k]! >>> 16 !== digit || mask[k] !== 0) continue;
      keys.high[at] = high[k]!;
      keys.low[at++] = low[k]!;
    }
  });
  return { keys, mask: new Uint8Array(count) };
}

/** Counts the values of one digit among the keys whose higher digits are those of (high, low). */
function countDigits(
  counts: Uint32Array,
  digit: number,
  { high, low }: KeyBlock,
  mask: Uint8Array,
  thresholdHigh: number,
  thresholdLow: number,
): void {
  const length = mask.length;
  if (digit === 0) {
    for (let k = 0; k < length; k++) if (mask[k] === 0) counts[high[k]! >>> 16]!++;
  } else if (digit === 1) {
    const top = thresholdHigh >>> 16;
    for (let k = 0; k < length; k++) {
      if (high[k]! >>> 16 === top && mask[k] === 0) counts[high[k]! & 0xffff]!++;
    }
  } else if (digit === 2) {
    for (let k = 0; k < length; k++) {
      if (high[k] === thresholdHigh && mask[k] === 0) counts[low[k]! >>> 16]!++;
    }
  } else {
    const top = thresholdLow >>> 16;
    for (let k = 0; k < length; k++) {
      if (high[k] === thresholdHigh && low[k]! >>> 16 === top && mask[k] === 0) counts[low[k]! & 0xffff]!++;
    }
  }
}

/** Keeps what lies above the threshold, and of its equals the first ones. */
function keepAboveInto(mask: Uint8Array, { high, low }: KeyBlock, threshold: Threshold): void {
  const { high: thresholdHigh, low: thresholdLow } = threshold;
  for (let k = 0; k < mask.length; k++) {
    if (high[k]! < thresholdHigh || mask[k] === 1) continue;
    if (high[k]! > thresholdHigh || low[k]! > thresholdLow) mask[k] = 1;
    else if (low[k] === thresholdLow && threshold.equalCount > 0) {
      mask[k] = 1;
      threshold.equalCount--;
    }
  }
}

function forEachBlock(
  layers: readonly ScoredMask[],
  reader: KeyReader,
  visit: (keys: KeyBlock, mask: Uint8Array) => void,
): void {
  for (const { name, scores, mask } of layers) {
    for (let start = 0; start < scores.length; start += BLOCK_LENGTH) {
      const length = Math.min(BLOCK_LENGTH, scores.length - start);
      visit(reader.read(name, scores, start, length), mask.subarray(start, start + length));
    }
  }
}
