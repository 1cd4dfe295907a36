/** A data set as the training loop uses it, from any source. */
import { ArgumentError, type Shape } from "@phew/core";
import { type ImageFrame, type Normalisation, type Views, WindowWriter } from "./window.ts";

export type { Normalisation };

/** Inputs with their classes; only a batch at a time is held as floats. */
export interface Examples {
  readonly count: number;
  /** The first so many are different, the others repeat them; absent: all are. */
  readonly differentCount?: number | undefined;
  /** Class of each example, length `count`. */
  readonly classes: Classes;
  /**
   * Writes the examples at `indices` into `x`, normalised, row-major `[indices.length, ...inputShape]`.
   * @param views the window of each that is drawn; absent: the middle, as it is
   */
  fillInto(x: Float32Array, indices: ArrayLike<number>, views?: Views): void;
  /** Location of the inputs, for threads that read them too; absent: only this object has them. */
  readonly source?: ExamplesSource;
}

/** One number per class; 16 bits for more than 256 classes. */
export type Classes = Uint8Array | Uint16Array;

/** Plain data that can be sent to another thread: inputs, and the selection of examples. */
export interface ExamplesSource {
  readonly store: InputStore;
  /** Place in the store of each example; absent: the same number. */
  readonly places?: Uint32Array;
}

/** Inputs by their place. */
export type InputStore = ByteStore | FloatStore | ImageFileStore;

export interface ByteStore {
  readonly kind: "bytes";
  readonly frame: ImageFrame;
  /** Row-major `[count, ...frame.stored]`; in shared memory, if available. */
  readonly pixels: Uint8Array;
}

export interface FloatStore {
  readonly kind: "floats";
  readonly frame: ImageFrame;
  /** As `pixels`; inputs as they are. */
  readonly values: Float32Array;
}

/** Images too many for memory: read on demand. See images/imageFiles.ts. */
export interface ImageFileStore {
  readonly kind: "imageFiles";
  readonly frame: ImageFrame;
  readonly files: readonly ImageFile[];
  /** Bytes of decoded images that are kept. */
  readonly cacheBytes: number;
}

/** Location of an image: a file, or a part of an archive. */
export interface ImageFile {
  /** For messages. */
  readonly name: string;
  readonly path: string;
  /** Of a zip archive's entry, from its local header on; absent: the whole file. */
  readonly part?: {
    readonly offset: number;
    readonly packedSize: number;
    readonly size: number;
    readonly deflated: boolean;
    /** Of the content. */
    readonly crc: number;
  };
}

/** How windows of images are drawn at random in training. */
export interface Augmentation {
  /** Black pixels added on every side before a random crop; 0: crops are inside the image. */
  readonly padding: number;
  /** Mirrored left to right, every second time. */
  readonly flip: boolean;
}

export interface Dataset {
  readonly name: string;
  readonly classCount: number;
  /** `[channels, height, width]`, or `[features]` */
  readonly inputShape: Shape;
  readonly normalisation: Normalisation;
  /** Of all data read, before parts are selected; absent for generated sets. See digest.ts. */
  readonly digest?: string;
  /** What training images of this set usually go through. */
  readonly usualAugmentation?: Augmentation;
  /** By class, if they have names. */
  readonly classNames?: readonly string[];
  readonly train: Examples;
  /** Taken off the training examples, to choose by. */
  readonly validation?: Examples;
  /** Never used to choose anything. */
  readonly test: Examples;
}

/** Examples held as bytes. */
export class ByteImages implements Examples {
  /** Row-major `[count, ...stored]`. */
  readonly pixels: Uint8Array;
  readonly classes: Classes;
  readonly count: number;
  readonly source: ExamplesSource;
  readonly #writer: WindowWriter;

  /**
   * @param stored `[channels, height, width]` @param pixels length classes.length · channels · height · width
   * @param input the window of an image that is an input, no larger; the whole image unless given
   */
  constructor(
    stored: readonly [number, number, number],
    pixels: Uint8Array,
    classes: Classes,
    normalisation: Normalisation,
    input: readonly [number, number, number] = stored,
  ) {
    const frame = { stored, input, normalisation };
    this.pixels = pixels;
    this.classes = classes;
    this.count = classes.length;
    this.source = { store: { kind: "bytes", frame, pixels } };
    this.#writer = new WindowWriter(frame);
  }

  fillInto(x: Float32Array, indices: ArrayLike<number>, views?: Views): void {
    for (let i = 0; i < indices.length; i++) this.#writer.write(x, i, this.pixels, indices[i]!, views);
  }
}

/** Examples held as floats, such as a user's own arrays. */
export class FloatExamples implements Examples {
  readonly classes: Classes;
  readonly count: number;
  readonly source: ExamplesSource;
  readonly #values: Float32Array;
  readonly #writer: WindowWriter;

  /** @param stored `[channels, height, width]` @param values length classes.length · channels · height · width */
  constructor(stored: readonly [number, number, number], values: Float32Array, classes: Classes) {
    const frame = { stored, input: stored };
    this.classes = classes;
    this.count = classes.length;
    this.source = { store: { kind: "floats", frame, values } };
    this.#values = values;
    this.#writer = new WindowWriter(frame);
  }

  fillInto(x: Float32Array, indices: ArrayLike<number>, views?: Views): void {
    for (let i = 0; i < indices.length; i++) this.#writer.write(x, i, this.#values, indices[i]!, views);
  }
}

/**
 * The data set's own mean and deviation, or the given ones.
 * @throws ArgumentError unless there is one per channel and deviations are above 0
 */
export function chosenNormalisation(
  own: Normalisation,
  {
    mean,
    std,
  }: { readonly mean?: readonly number[] | undefined; readonly std?: readonly number[] | undefined },
): Normalisation {
  requirePerChannel("mean", mean, own.mean.length, Number.isFinite, "finite numbers");
  const isUsable = (value: number) => value >= LEAST_STD && value < Infinity;
  requirePerChannel("std", std, own.std.length, isUsable, `numbers of at least ${LEAST_STD}`);
  return { mean: mean ?? own.mean, std: std ?? own.std };
}

/** Least deviation: with a smaller one, inputs become so large that training diverges. A pixel's step is 1/255. */
const LEAST_STD = 1e-6;

function requirePerChannel(
  subject: string,
  given: readonly number[] | undefined,
  channels: number,
  isUsable: (value: number) => boolean,
  what: string,
): void {
  if (given === undefined || (given.length === channels && given.every(isUsable))) return;
  throw new ArgumentError(subject, {
    given: given.join(",") || "nothing",
    expected: `${channels} ${channels === 1 ? what.replace("numbers", "number") : what}, one for each channel`,
    remedy: "Inputs are (pixel / 255 − mean) / std.",
  });
}

/** Zeros in shared memory, if the platform has it. */
export function sharedBytes(length: number): Uint8Array {
  return typeof SharedArrayBuffer === "undefined"
    ? new Uint8Array(length)
    : new Uint8Array(new SharedArrayBuffer(length));
}

/** @throws ArgumentError naming the first label that is not a class */
export function requireClasses(labels: Classes, classCount: number, path: string): void {
  const at = labels.findIndex((label) => label >= classCount);
  if (at < 0) return;
  throw new ArgumentError(path, {
    given: `label ${labels[at]} at example ${at}`,
    expected: `a class, 0 to ${classCount - 1}`,
    remedy: "The file is damaged, or another data set's.",
  });
}
