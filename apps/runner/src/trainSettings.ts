/** The settings of a run as files hold them: what each may be, in words that errors and editors show. */
import { checks, pruners, zooEntries } from "@phew/core";
import { AUGMENTATION_TEXT, datasets, executorNames } from "@phew/training";
import { z } from "zod";
import { SOURCE_SETTINGS, type TrainConfig } from "./trainConfig.ts";

/** Value of the setting `method` for a run that is not pruned. */
export const DENSE = "dense";

/** One line for each setting; the configuration's type says which there are. */
export const trainSettings = {
  model: oneOf(
    "a network of the zoo",
    zooEntries.map(({ name }) => name),
  ),
  dataset: oneOf(
    "a data set",
    datasets.map(({ name }) => name),
  ),
  dataDir: z.string().min(1).describe("folder of the data set's files, from where phew is called"),
  classCount: whole(2),
  trainCount: whole(1),
  testCount: whole(1),
  imageSize: whole(1),
  mean: z
    .array(z.number())
    .min(1)
    .describe("a list of numbers, one for each channel, in place of the data set's own mean"),
  std: z
    .array(z.number().gt(0))
    .min(1)
    .describe("a list of numbers above 0, one for each channel, in place of the data set's own deviation"),
  validation: z.number().min(0).lt(1).describe("a fraction of the training examples, at least 0 and below 1"),
  dataSeed: whole(0),
  augmentation: z
    .string()
    .regex(AUGMENTATION_TEXT)
    .describe("none, usual, flip, crop4 (any padding) or crop4+flip"),
  method: oneOf("a pruning method, or dense", [...pruners.keys(), DENSE]),
  density: z.number().gt(0).max(1).describe("the fraction of weights kept, above 0 and at most 1"),
  options: optionsOf("method"),
  check: oneOf("a sanity check", [...checks.keys()]),
  checkOptions: optionsOf("check"),
  scoreWeights: weightsOf("that the method prunes by"),
  startWeights: weightsOf("that training starts from"),
  within: z.string().min(1).describe("masks whose weights alone may be kept: a file, or a run's folder"),
  sourceDigests: z
    .record(
      z.enum(SOURCE_SETTINGS),
      z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/)
        .optional(),
    )
    .describe(`SHA-256 digests of the files of ${SOURCE_SETTINGS.join(", ")}`),
  rewindStep: whole(0),
  rewindEpoch: whole(0),
  seed: whole(0),
  epochs: whole(1),
  batchSize: whole(1),
  rate: real(0),
  momentum: real(0, 0.9999),
  nesterov: z.boolean().describe("true or false"),
  weightDecay: real(0),
  schedule: oneOf("how the rate changes", ["step", "cosine"]),
  drops: z
    .array(z.number().gt(0).lt(1).describe("a fraction above 0 and below 1"))
    .describe("a list of fractions above 0 and below 1"),
  dropFactor: real(0, 1),
  endRate: real(0),
  warmupEpochs: real(0),
  labelSmoothing: real(0, 0.999),
  clipNorm: real(0),
  patience: whole(0),
  executor: oneOf("what computes", executorNames),
  fastMath: z.boolean().describe("true or false"),
} satisfies { readonly [K in keyof Required<TrainConfig>]: z.ZodType };

/** A whole configuration. */
export const trainConfigSchema = z.strictObject({
  ...trainSettings,
  dataDir: trainSettings.dataDir.optional(),
  classCount: trainSettings.classCount.optional(),
  trainCount: trainSettings.trainCount.optional(),
  testCount: trainSettings.testCount.optional(),
  imageSize: trainSettings.imageSize.optional(),
  mean: trainSettings.mean.optional(),
  std: trainSettings.std.optional(),
  dataSeed: trainSettings.dataSeed.optional(),
  check: trainSettings.check.optional(),
  checkOptions: trainSettings.checkOptions.optional(),
  scoreWeights: trainSettings.scoreWeights.optional(),
  startWeights: trainSettings.startWeights.optional(),
  within: trainSettings.within.optional(),
  sourceDigests: trainSettings.sourceDigests.optional(),
  rewindStep: trainSettings.rewindStep.optional(),
  rewindEpoch: trainSettings.rewindEpoch.optional(),
  fastMath: trainSettings.fastMath.optional(),
});

function weightsOf(purpose: string) {
  const form = "a weights file, or a run as FOLDER, FOLDER@best or FOLDER@rewind";
  return z.string().min(1).describe(`weights ${purpose}: ${form}`);
}

function optionsOf(owner: string) {
  const value = z.union([z.number(), z.string(), z.boolean()]).describe("a number, a text, true or false");
  return z
    .record(z.string(), value)
    .describe(`an object of options of the ${owner}: numbers, texts and flags`);
}

function oneOf(what: string, names: readonly string[]) {
  return z.enum(names).describe(`${what}: ${names.join(", ")}`);
}

function whole(least: number) {
  return z.int().min(least).describe(`a whole number of at least ${least}`);
}

function real(least: number, most = Number.POSITIVE_INFINITY) {
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  const number = z.number().min(least).describe(`a number ${range}`);
  return most === Number.POSITIVE_INFINITY ? number : number.max(most).describe(`a number ${range}`);
}
