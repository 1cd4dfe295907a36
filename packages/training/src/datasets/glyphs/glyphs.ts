/** The embedded data set: characters drawn by the program, as many as are asked for, the same for the same seed. */
import { ArgumentError } from "@phew/core";
import { Random } from "@phew/engine";
import {
  ByteImages,
  chosenNormalisation,
  type Dataset,
  type Normalisation,
  sharedBytes,
} from "../dataset.ts";
import type { DatasetEntry } from "../entry.ts";
import { drawGlyph, SIDE } from "./draw.ts";
import { CHARACTERS } from "./outlines.ts";

export interface GlyphOptions {
  /** The first so many of 0-9, A-Z, a-z; 2 to 62. */
  readonly classCount: number;
  readonly trainCount: number;
  readonly testCount: number;
  readonly seed: number;
  /** In place of {@link GLYPH_NORMALISATION}. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/** Where no number is asked for: the digits. */
const CLASS_COUNT = 10;

/** Over 20,000 examples of all 62 characters: 0.149 and 0.196; of ten digits: 0.156 and 0.204. */
export const GLYPH_NORMALISATION: Normalisation = { mean: [0.15], std: [0.2] };

/**
 * Example k of a part depends only on the seed, the part, the class count and k: a larger set begins with the smaller
 * one. Of every `classCount` consecutive examples, each is of a different class.
 * @throws ArgumentError if a count is out of range
 */
export function glyphs(options: GlyphOptions): Dataset {
  const { classCount, trainCount, testCount, seed } = options;
  requireCount("classes", classCount, 2, CHARACTERS.length);
  requireCount("training examples", trainCount, 1, 10_000_000);
  requireCount("test examples", testCount, 1, 10_000_000);
  const shape = [1, SIDE, SIDE] as const;
  const normalisation = chosenNormalisation(GLYPH_NORMALISATION, options);
  const part = (count: number, firstStream: number): ByteImages => {
    const { pixels, classes } = drawGlyphs(classCount, count, seed, firstStream);
    return new ByteImages(shape, pixels, classes, normalisation);
  };
  return {
    name: "glyphs",
    classCount,
    inputShape: shape,
    normalisation,
    train: part(trainCount, TRAIN_STREAM),
    test: part(testCount, TEST_STREAM),
  };
}

/** Example k has the stream numbers 2k and 2k + 1 after these: one for its drawing, one for the order of a run of classes. */
const TRAIN_STREAM = 2 ** 40;
const TEST_STREAM = 2 ** 41;

function drawGlyphs(classCount: number, count: number, seed: number, firstStream: number) {
  const pixels = sharedBytes(count * SIDE * SIDE);
  const classes = new Uint8Array(count);
  const order = Uint8Array.from({ length: classCount }, (_, c) => c);
  for (let k = 0; k < count; k++) {
    if (k % classCount === 0) new Random(seed, firstStream + 2 * k + 1).shuffleInto(order);
    classes[k] = order[k % classCount]!;
    drawGlyph(pixels, k * SIDE * SIDE, classes[k]!, new Random(seed, firstStream + 2 * k));
  }
  return { pixels, classes };
}

function requireCount(subject: string, count: number, least: number, most: number): void {
  if (Number.isInteger(count) && count >= least && count <= most) return;
  throw new ArgumentError(subject, {
    given: `${count}`,
    expected: `a whole number from ${least} to ${most}`,
  });
}

export const glyphsEntry: DatasetEntry = {
  name: "glyphs",
  summary: "28×28 grey images of up to 62 characters, drawn by the program",
  embedded: true,
  head: { inputShape: [1, SIDE, SIDE], classCount: CLASS_COUNT },
  source: "drawn by the program from its own stroke outlines",
  licence: "MIT",
  load: async ({ classCount = CLASS_COUNT, trainCount = 6000, testCount = 2000, seed = 0, mean, std }) =>
    glyphs({ classCount, trainCount, testCount, seed, mean, std }),
};
