/**
 * Floats as unsigned integers of the same order, so that they can be selected digit by digit: a positive float's bits
 * with the sign bit set, a negative one's inverted. Equal floats have equal keys (0 and −0 too); NaN has none.
 */
import { ArgumentError } from "../errors.ts";

/** Keys of up to BLOCK_LENGTH scores: their upper and lower 32 bits; of float32 scores the lower are 0. */
export interface KeyBlock {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

export const BLOCK_LENGTH = 4096;

const SIGN = 0x80000000;
// typed arrays see memory in the order of the machine: little-endian wherever JavaScript runs today, but not by law
const HIGH_WORD = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Turns runs of scores into keys. One reader serves all layers whose keys are compared with each other. */
export class KeyReader {
  readonly #magnitude: boolean;
  /** True: float32 scores are read as float64, because others are. */
  readonly #wide: boolean;
  readonly #block: KeyBlock = {
    high: new Uint32Array(BLOCK_LENGTH),
    low: new Uint32Array(BLOCK_LENGTH),
  };
  readonly #widened = new Float64Array(BLOCK_LENGTH);

  /** @param magnitude true: keys of the scores' magnitudes */
  constructor(magnitude: boolean, wide: boolean) {
    this.#magnitude = magnitude;
    this.#wide = wide;
  }

  /** Number of 16-bit digits of a key. */
  get digitCount(): number {
    return this.#wide ? 4 : 2;
  }

  /**
   * Keys of scores[start … start + length − 1], length at most BLOCK_LENGTH; good until the next call.
   * @throws ArgumentError naming layer and index for NaN
   */
  read(name: string, scores: Float32Array | Float64Array, start: number, length: number): KeyBlock {
    let nanAt: number;
    if (scores instanceof Float64Array) nanAt = this.#readWide(scores, start, length);
    else if (this.#wide) {
      this.#widened.set(scores.subarray(start, start + length));
      nanAt = this.#readWide(this.#widened, 0, length);
    } else nanAt = this.#readNarrow(scores, start, length);
    if (nanAt >= 0) {
      throw new ArgumentError(`layer "${name}", score ${start + nanAt}`, {
        given: "NaN",
        expected: "a number",
        remedy: "Check that the weights, and the batch if one was used, are finite.",
      });
    }
    return this.#block;
  }

  /** @returns index within the block of the last NaN, or −1 */
  #readNarrow(scores: Float32Array, start: number, length: number): number {
    const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
    const { high } = this.#block;
    const magnitude = this.#magnitude;
    let nanAt = -1;
    for (let k = 0; k < length; k++) {
      const b = bits[start + k]!;
      const size = b & 0x7fffffff;
      if (size > 0x7f800000) nanAt = k;
      high[k] = magnitude || size === b || size === 0 ? size | SIGN : ~b;
    }
    return nanAt;
  }

  #readWide(scores: Float64Array, start: number, length: number): number {
    const bits = new Uint32Array(scores.buffer, scores.byteOffset, 2 * scores.length);
    const { high, low } = this.#block;
    const magnitude = this.#magnitude;
    let nanAt = -1;
    for (let k = 0; k < length; k++) {
      const at = 2 * (start + k);
      const h = bits[at + HIGH_WORD]!;
      const l = bits[at + 1 - HIGH_WORD]!;
      const size = h & 0x7fffffff;
      if (size > 0x7ff00000 || (size === 0x7ff00000 && l !== 0)) nanAt = k;
      const positive = magnitude || size === h || (size | l) === 0;
      high[k] = positive ? size | SIGN : ~h;
      low[k] = positive ? l : ~l;
    }
    return nanAt;
  }
}
