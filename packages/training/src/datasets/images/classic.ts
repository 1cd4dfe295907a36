/** Class folders in place of a classic data set's own files: the same images, saved one by one. */
import { ArgumentError, counted } from "@phew/core";
import type { Dataset, Normalisation } from "../dataset.ts";
import type { DatasetOptions } from "../entry.ts";
import type { DataFiles } from "../files/dataFiles.ts";
import { findClassFolders, hasClassFolders, readClassFolders } from "./folder.ts";

export interface ClassicShape {
  readonly name: string;
  readonly shape: readonly [1 | 3, number, number];
  readonly classCount: number;
  readonly normalisation: Normalisation;
}

/**
 * @param ownFiles names of the data set's first own file
 * @returns undefined if that exists, or if there are no class folders
 * @throws ArgumentError if images do not have the data set's size, or classes not its number
 */
export async function readFoldersOf(
  files: DataFiles,
  { name, shape, classCount, normalisation }: ClassicShape,
  ownFiles: readonly string[],
  options: DatasetOptions,
): Promise<Dataset | undefined> {
  for (const file of ownFiles) if (await files.has(file)) return undefined;
  const names = await files.names();
  if (!hasClassFolders(names)) return undefined;
  const folders = findClassFolders(files, names);
  if (folders.classNames.length !== classCount) {
    throw new ArgumentError(files.path, {
      given: `${counted(folders.classNames.length, "class", "classes")} in train`,
      expected: `${classCount}, the classes of ${name}`,
      remedy: "Other images of one's own: --dataset image-folder.",
    });
  }
  const { progress, memoryBytes } = options;
  const dataset = await readClassFolders(files, folders, {
    name,
    normalisations: [normalisation, normalisation],
    channels: shape[0],
    progress,
    memoryBytes,
  });
  if (dataset.inputShape.join() !== shape.join()) {
    throw new ArgumentError(files.path, {
      given: `images of ${dataset.inputShape.slice(1).join(" × ")} pixels`,
      expected: `${shape[1]} × ${shape[2]}, the images of ${name}`,
    });
  }
  return dataset;
}
