/** Every data set by its name. Adding one: a file in this folder and a line here. */
import { ArgumentError, unknownName } from "@phew/core";
import { arrays } from "./arrays.ts";
import { cifar10 } from "./cifar10.ts";
import { cifar100 } from "./cifar100.ts";
import type { Dataset } from "./dataset.ts";
import { digestOfExamples } from "./digest.ts";
import type { DatasetEntry, DatasetOptions } from "./entry.ts";
import { fashionMnist } from "./fashionMnist.ts";
import { glyphsEntry } from "./glyphs/glyphs.ts";
import { imageFolder } from "./imageFolder.ts";
import { mnist } from "./mnist.ts";
import { takeParts } from "./splits.ts";
import { tinyImagenet } from "./tinyImagenet.ts";

export const datasets: readonly DatasetEntry[] = [
  glyphsEntry,
  mnist,
  fashionMnist,
  cifar10,
  cifar100,
  tinyImagenet,
  imageFolder,
  arrays,
];

/** @throws ArgumentError for an unknown name */
export function datasetByName(name: string): DatasetEntry {
  const entry = datasets.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  throw unknownName(
    "data set",
    name,
    datasets.map((candidate) => candidate.name),
  );
}

/**
 * Reads a data set, checks all of it, and selects the requested parts.
 * @throws ArgumentError if the name is unknown, an option does not fit the data set, or a file is not valid
 */
export async function loadDataset(name: string, options: DatasetOptions = {}): Promise<Dataset> {
  const entry = datasetByName(name);
  // an option that is undefined was not given
  const given: DatasetOptions = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  if (entry.embedded && given.dataDir !== undefined) {
    throw new ArgumentError("data folder", {
      given: `"${given.dataDir}"`,
      expected: `none: ${name} are drawn by the program`,
    });
  }
  if (!entry.embedded && given.dataDir === undefined) {
    throw new ArgumentError("data folder", {
      given: "none",
      expected: `the folder with the files of ${name}`,
      remedy: `Name it with --data-dir.${entry.downloads ? ` phew data fetch ${name} downloads them.` : ""}`,
    });
  }
  const loaded = await entry.load(given);
  const digest = entry.embedded ? undefined : (loaded.digest ?? digestOfExamples(loaded));
  const whole = digest === undefined ? loaded : { ...loaded, digest };
  const { seed, validation, samplesPerClass } = given;
  // generated sets have the requested number of classes and examples
  if (entry.embedded)
    return takeParts(whole, {
      seed,
      validation,
      samplesPerClass,
    });
  return takeParts(whole, given);
}
