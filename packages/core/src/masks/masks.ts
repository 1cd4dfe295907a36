/** Which prunable weights of a network are kept. */

import { ArgumentError } from "../errors.ts";
import type { Network, PrunableParameter } from "../network/network.ts";
import { counted } from "../quantity.ts";
import type { Weights } from "../weights/weights.ts";

/** One byte per prunable weight, 1 = kept, in the order of `network.prunable`; a layer's mask is a view of it. */
export class Masks {
  readonly network: Network;
  /** Length `network.prunableCount`. */
  readonly bytes: Uint8Array;

  /** @param bytes length `network.prunableCount`, 0 or 1; not copied. Absent: nothing is kept. */
  constructor(network: Network, bytes: Uint8Array = new Uint8Array(network.prunableCount)) {
    if (bytes.length !== network.prunableCount) {
      throw new ArgumentError("masks", {
        given: counted(bytes.length, "byte"),
        expected: `${network.prunableCount}, one for each prunable weight of ${network.name}`,
      });
    }
    this.network = network;
    // slice() of a Buffer is a view: masks would write into the caller's bytes
    this.bytes =
      bytes.constructor === Uint8Array
        ? bytes
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** All weights kept. */
  static dense(network: Network): Masks {
    return new Masks(network, new Uint8Array(network.prunableCount).fill(1));
  }

  /** The mask of one layer: a view, row-major over the parameter's shape. */
  of(parameter: PrunableParameter): Uint8Array {
    return this.bytes.subarray(parameter.start, parameter.start + parameter.length);
  }

  /** The mask of a parameter by name; undefined if it is not prunable. */
  get(name: string): Uint8Array | undefined {
    const parameter = this.network.prunable.find((candidate) => candidate.name === name);
    return parameter && this.of(parameter);
  }

  get keptCount(): number {
    return countKept(this.bytes);
  }

  /** Kept fraction of all prunable weights. */
  get density(): number {
    return this.keptCount / this.network.prunableCount;
  }
}

/** Number of ones in a mask of zeros and ones. */
export function countKept(mask: Uint8Array): number {
  const { head, words } = wordsOf(mask);
  const wordCount = words.length;
  let count = 0;
  // four bytes at a time: sums of up to 255 words do not carry from byte to byte
  for (let start = 0; start < wordCount; start += 255) {
    const end = Math.min(wordCount, start + 255);
    let sums = 0;
    for (let k = start; k < end; k++) sums += words[k]!;
    count += (sums & 255) + ((sums >>> 8) & 255) + ((sums >>> 16) & 255) + (sums >>> 24);
  }
  for (let k = 0; k < head; k++) count += mask[k]!;
  for (let k = head + 4 * wordCount; k < mask.length; k++) count += mask[k]!;
  return count;
}

/** A mask four bytes at a time: the bytes before the first word, and the words. Fewer than four bytes are behind them. */
function wordsOf(mask: Uint8Array): { readonly head: number; readonly words: Uint32Array } {
  // 32-bit views start at multiples of 4; a very short mask is all head
  const head = mask.length < 8 ? mask.length : -mask.byteOffset & 3;
  const wordCount = (mask.length - head) >>> 2;
  const words =
    wordCount === 0 ? new Uint32Array(0) : new Uint32Array(mask.buffer, mask.byteOffset + head, wordCount);
  return { head, words };
}

/** Indices of the ones in a mask of zeros and ones, ascending. */
export function keptIndices(mask: Uint8Array): Uint32Array {
  const indices = new Uint32Array(countKept(mask));
  const { head, words } = wordsOf(mask);
  let count = 0;
  const take = (from: number, to: number): void => {
    for (let k = from; k < to; k++) if (mask[k] === 1) indices[count++] = k;
  };
  take(0, head);
  // most words of a sparse mask are 0
  for (let w = 0; w < words.length; w++) if (words[w] !== 0) take(head + 4 * w, head + 4 * w + 4);
  take(head + 4 * words.length, mask.length);
  return indices;
}

/**
 * Number of weights to keep: ⌊density · count⌋.
 * @throws ArgumentError unless 0 < density ≤ 1 and at least one weight is kept
 */
export function keepCountAt(density: number, count: number): number {
  if (!(density > 0 && density <= 1)) {
    throw new ArgumentError("density", {
      given: `${density}`,
      expected: "the fraction of weights kept, 0 < density ≤ 1",
      remedy:
        density > 1 && density <= 100
          ? `If you meant ${density} %, pass ${Number((density / 100).toPrecision(12))}.`
          : undefined,
    });
  }
  // a product just below a whole number counts as that number: 0.57 · 100 is 56.99999999999999 in floating point
  const keepCount = Math.min(count, Math.floor(density * count * (1 + 2 * Number.EPSILON)));
  if (keepCount === 0) {
    throw new ArgumentError("density", {
      given: `${density}, less than one of ${counted(count, "weight")}`,
      expected: `at least ${(1 / count).toPrecision(2)} for this network`,
    });
  }
  return keepCount;
}

/** Weights with the removed ones set to 0; other parameters are shared, not copied. */
export function applyMasks(weights: Weights, masks: Masks): Weights {
  const masked = new Map(weights);
  for (const parameter of masks.network.prunable) {
    const mask = masks.of(parameter);
    masked.set(
      parameter.name,
      weights.get(parameter.name)!.map((w, k) => (mask[k] === 1 ? w : 0)),
    );
  }
  return masked;
}
