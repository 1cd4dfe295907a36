/**
 * Random crop with padding and random flip. The window of an example is a function of (seed, epoch, example): with
 * u_k = randomU32(seed, stream of the epoch, 4 · example + k) / 2^32 and p the padding,
 *   top = ⌊u_0 · (stored height + 2p − height + 1)⌋ − p,   left alike with u_1,   flip = u_2 < 1/2.
 * Usual settings: RandomCrop(32, padding 4, zeros) and RandomHorizontalFlip for CIFAR.
 */
import { ArgumentError } from "@phew/core";
import { randomU32 } from "@phew/engine";
import type { Augmentation, Dataset } from "../datasets/dataset.ts";
import type { ImageFrame, Views } from "../datasets/window.ts";

export type { Augmentation };

/** What decides how the examples of one epoch are drawn. */
export interface EpochDraw {
  readonly augmentation: Augmentation;
  readonly seed: number;
  /** 1-based. */
  readonly epoch: number;
}

/** Away from the streams of the order of examples and of dropout. */
const AUGMENTATION_STREAM = 2 ** 51;

/** @returns the views of the examples at `indices`, in their order */
export function drawViews(
  { stored, input }: ImageFrame,
  { augmentation, seed, epoch }: EpochDraw,
  indices: ArrayLike<number>,
): Views {
  const { padding, flip } = augmentation;
  const stream = AUGMENTATION_STREAM + epoch;
  const rows = stored[1] + 2 * padding - input[1] + 1;
  const columns = stored[2] + 2 * padding - input[2] + 1;
  const views = new Int32Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++) {
    const draw = (k: number): number => randomU32(seed, stream, 4 * indices[i]! + k) / 2 ** 32;
    views[3 * i] = Math.floor(draw(0) * rows) - padding;
    views[3 * i + 1] = Math.floor(draw(1) * columns) - padding;
    views[3 * i + 2] = flip && draw(2) < 0.5 ? 1 : 0;
  }
  return views;
}

/** @throws ArgumentError unless the padding is a whole number of at least 0 */
export function checkAugmentation({ padding }: Augmentation): void {
  if (Number.isInteger(padding) && padding >= 0 && padding <= 1024) return;
  throw new ArgumentError("padding of the random crop", {
    given: `${padding}`,
    expected: "a whole number of pixels, 0 to 1024",
  });
}

/** What {@link augmentationOf} reads. */
export const AUGMENTATION_TEXT = /^(none|usual|flip|crop\d{1,4}(\+flip)?)$/;

/**
 * `none`; `usual`, what images of this data set usually go through; or parts of it: `flip`, `crop4` (padding 4), `crop4+flip`.
 * @returns undefined where images stay as they are
 */
export function augmentationOf(
  text: string,
  dataset: Pick<Dataset, "usualAugmentation">,
): Augmentation | undefined {
  if (!AUGMENTATION_TEXT.test(text)) {
    throw new ArgumentError("augmentation", {
      given: JSON.stringify(text),
      expected: "none, usual, flip, crop4 (any padding) or crop4+flip",
    });
  }
  if (text === "none") return undefined;
  if (text === "usual") return dataset.usualAugmentation;
  return { padding: Number(/\d+/.exec(text)?.[0] ?? 0), flip: text.endsWith("flip") };
}
