/** Data for methods that need examples: batches, and the backend that differentiates the loss on them. */

import { examplesOf, type Network, type OptionValue, type PruningData, prunerByName } from "@phew/core";
import { type ModelInput, readBatch } from "@phew/formats";
import { counted } from "@phew/runs";
import type { Dataset } from "@phew/training";
import { UsageError } from "../failure.ts";
import { printNote } from "../output/output.ts";
import { readArrays } from "../sources/arrayFile.ts";
import { type ModelOptions, namesFile } from "../sources/model.ts";

export interface PruningSubject {
  readonly network: Network;
  /** As its file has them, for batches of files. */
  readonly inputs?: readonly ModelInput[] | undefined;
  readonly method: string;
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Chooses examples of a data set. */
  readonly seed: number;
  readonly threadCount?: number | undefined;
}

/** True if the method looks at examples. @throws ArgumentError for an unknown method, or options that it does not have */
export const looksAtExamples = (method: string, options: PruningSubject["options"]): boolean =>
  examplesOf(prunerByName(method), options) > 0;

interface ExampleOptions {
  readonly batch?: string;
  readonly dataset?: string;
  readonly dataDir?: string;
  readonly samplesPerClass?: number;
}

/**
 * Warns of examples that are not used.
 * @param isLookedAt true if a method needs examples
 * @throws UsageError for a data folder without a data set
 */
export function noteUnused(
  { batch, dataset, dataDir, samplesPerClass }: ExampleOptions,
  isLookedAt: boolean,
): void {
  if (dataDir !== undefined && dataset === undefined)
    throw new UsageError("--data-dir", { given: "it without --dataset", expected: "the data set it is of" });
  if (isLookedAt) return;
  const given = { "--batch": batch, "--dataset": dataset, "--samples-per-class": samplesPerClass };
  for (const [option, value] of Object.entries(given))
    if (value !== undefined) printNote(`note: ${option} is not looked at: no method here looks at examples.`);
}

export async function loadExamples(name: string, dataDir: string | undefined): Promise<Dataset> {
  const { loadDataset } = await import("@phew/training");
  return loadDataset(name, { readArrays, dataDir });
}

/** A network of the zoo gets the data set's inputs and classes by default. */
export function withHead<T extends ModelOptions>(model: string | undefined, options: T, dataset: Dataset): T {
  if (model === undefined || namesFile(model)) return options;
  return {
    ...options,
    classes: options.classes ?? dataset.classCount,
    input: options.input ?? dataset.inputShape,
  };
}

/**
 * Examples of a data set, as many of each class as the method's options say.
 * @throws ArgumentError if a class has fewer, or if the data set does not fit the network
 */
export async function dataOfDataset(subject: PruningSubject, dataset: Dataset): Promise<PruningData> {
  const { network, method, options, seed } = subject;
  requireFit(network, dataset);
  const { pruningBatches } = await import("@phew/training");
  const perClass = examplesOf(prunerByName(method), options);
  return {
    batches: pruningBatches(dataset, perClass, seed),
    differentiator: await differentiatorOf(subject),
  };
}

/** Examples of a file, with their classes. @throws ArgumentError if they do not fit the network */
export function labelledBatch(
  { inputShape, outputShape }: Network,
  file: string,
  inputs?: readonly ModelInput[],
) {
  return readBatch(file, { inputShape, inputs, classCount: outputShape[0]!, labelled: true });
}

/** All examples of a batch file, as one batch. @throws ArgumentError if it does not fit the network */
export async function dataOfBatchFile(subject: PruningSubject, file: string): Promise<PruningData> {
  const { x, y, count, notes } = await labelledBatch(subject.network, file, subject.inputs);
  for (const note of notes) printNote(`note: ${file}: ${note}`);
  return { batches: [{ x, y: y!, count }], differentiator: await differentiatorOf(subject) };
}

async function differentiatorOf({ threadCount }: PruningSubject) {
  const { createDifferentiator } = await import("@phew/training");
  return createDifferentiator(threadCount === undefined ? {} : { threadCount });
}

function requireFit(network: Network, { name, inputShape, classCount }: Dataset): void {
  const same =
    inputShape.length === network.inputShape.length &&
    inputShape.every((length, axis) => length === network.inputShape[axis]);
  if (same && classCount === network.outputShape[0]) return;
  throw new UsageError("--dataset", {
    given: `${name}: inputs of ${inputShape.join("×")}, ${counted(classCount, "class", "classes")}`,
    expected: `what ${network.name} takes: inputs of ${network.inputShape.join("×")}, ${counted(network.outputShape[0]!, "class", "classes")}`,
  });
}
