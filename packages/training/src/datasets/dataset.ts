/** What a data set is to the training loop, whatever it came from. */
import { ArgumentError, type Shape } from "@phew/core";

/** Inputs are (pixel / 255 − mean) / std, one number a channel. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Inputs with their classes; only a batch at a time is held as floats. */
export interface Examples {
  readonly count: number;
  /** Class of each example, length `count`. */
  readonly classes: Uint8Array;
  /** Writes the examples at `indices` into `x`, normalised, row-major `[indices.length, ...inputShape]`. */
  fillInto(x: Float32Array, indices: ArrayLike<number>): void;
}

export interface Dataset {
  readonly name: string;
  readonly classCount: number;
  /** `[channels, height, width]` */
  readonly inputShape: Shape;
  readonly normalisation: Normalisation;
  readonly train: Examples;
  readonly test: Examples;
}

/** Examples held as bytes. */
export class ByteImages implements Examples {
  /** Row-major `[count, ...shape]`. */
  readonly pixels: Uint8Array;
  readonly classes: Uint8Array;
  readonly count: number;
  readonly #pixelCount: number;
  readonly #planeLength: number;
  /** For each channel, the input that each pixel value becomes. */
  readonly #inputs: Float32Array;

  /** @param shape `[channels, height, width]` @param pixels length classes.length · channels · height · width */
  constructor(
    [channels, height, width]: readonly [number, number, number],
    pixels: Uint8Array,
    classes: Uint8Array,
    normalisation: Normalisation,
  ) {
    this.pixels = pixels;
    this.classes = classes;
    this.count = classes.length;
    this.#planeLength = height * width;
    this.#pixelCount = channels * this.#planeLength;
    this.#inputs = Float32Array.from({ length: channels * 256 }, (_, k) => {
      const channel = k >> 8;
      return ((k & 255) / 255 - normalisation.mean[channel]!) / normalisation.std[channel]!;
    });
  }

  fillInto(x: Float32Array, indices: ArrayLike<number>): void {
    const planeLength = this.#planeLength;
    let to = 0;
    for (let i = 0; i < indices.length; i++) {
      let from = indices[i]! * this.#pixelCount;
      for (let table = 0; table < this.#inputs.length; table += 256) {
        const end = from + planeLength;
        for (; from < end; from++, to++) x[to] = this.#inputs[table + this.pixels[from]!]!;
      }
    }
  }
}

/** @throws ArgumentError naming the first label that is not a class */
export function requireClasses(labels: Uint8Array, classCount: number, path: string): void {
  const at = labels.findIndex((label) => label >= classCount);
  if (at < 0) return;
  throw new ArgumentError(path, {
    given: `label ${labels[at]} at example ${at}`,
    expected: `a class, 0 to ${classCount - 1}`,
    remedy: "The file is damaged, or another data set's.",
  });
}
