/**
 * Tiny-ImageNet-200 (Stanford CS231n): 64×64 images, 500 of each class to train with and 50 to validate with. The labels of
 * its test part were never published, so its validation part is the test set, as everywhere.
 */
import { posix } from "node:path";
import { ArgumentError } from "@phew/core";
import { Random } from "@phew/engine";
import { type DatasetEntry, filesOf } from "./entry.ts";
import type { DataFiles } from "./files/dataFiles.ts";
import { openDataFiles } from "./files/openDataFiles.ts";
import { isImage, readClassFolders } from "./images/folder.ts";
import type { LabelledFile } from "./images/imageFiles.ts";

const ARCHIVE = "tiny-imagenet-200.zip";
const NORMALISATION = { mean: [0.48, 0.448, 0.397], std: [0.276, 0.269, 0.282] };

export const tinyImagenet: DatasetEntry = {
  name: "tiny-imagenet",
  summary: "64×64 colour images of 200 things: the archive, or its folder tiny-imagenet-200",
  embedded: false,
  head: { inputShape: [3, 64, 64], classCount: 200 },
  source: "Le & Yang 2015, Tiny ImageNet visual recognition challenge, http://cs231n.stanford.edu",
  licence: "ImageNet's terms: research and education, not commercial",
  downloads: filesOf(
    ["http://cs231n.stanford.edu/"],
    [[ARCHIVE, 248_100_043, "90528d7ca1a48142e341f4ef8d21d0de"]],
  ),
  async load({ dataDir, progress, memoryBytes, mean, std }) {
    const wanted = (name: string) => isImage(name) || name.endsWith(".txt");
    const files = await openDataFiles(dataDir!, { archives: [ARCHIVE], wanted });
    const dataset = await readClassFolders(files, await findParts(files), {
      name: "tiny-imagenet",
      normalisations: [NORMALISATION, NORMALISATION],
      channels: 3,
      imageSize: 64,
      mean,
      std,
      progress,
      memoryBytes,
    });
    return { ...dataset, usualAugmentation: { padding: 4, flip: true } };
  },
};

async function findParts(files: DataFiles) {
  const names = await files.names();
  const annotations = names.find((name) => posix.basename(name) === "val_annotations.txt");
  if (annotations === undefined) {
    throw new ArgumentError(files.path, {
      given: "no val/val_annotations.txt",
      expected: `the folder tiny-imagenet-200, or ${ARCHIVE}`,
    });
  }
  const root = annotations.slice(0, -"val/val_annotations.txt".length);
  const trainImages = names.filter((name) => name.startsWith(`${root}train/`) && isImage(name));
  const classOf = (name: string) => name.slice(`${root}train/`.length).split("/")[0]!;
  const classNames = [...new Set(trainImages.map(classOf))].sort();
  const number = new Map(classNames.map((name, k) => [name, k]));
  if (classNames.length === 0) {
    throw new ArgumentError(files.path, {
      given: "no images in train",
      expected: "train/CLASS/images/*.JPEG",
    });
  }
  const text = new TextDecoder().decode(await files.read(annotations));
  const test = text.split("\n").flatMap((line, k): LabelledFile[] => {
    if (line.trim() === "") return [];
    const [image, className] = line.split("\t");
    const own = number.get(className ?? "");
    const name = `${root}val/images/${image}`;
    if (own !== undefined && !image!.includes("/")) return [{ name, class: own }];
    throw new ArgumentError(`${files.path}/${annotations}, line ${k + 1}`, {
      given: JSON.stringify(line.slice(0, 80)),
      expected: "a file name and one of the classes of train, separated by a tab",
    });
  });
  const known = new Set(names);
  const lost = test.find(({ name }) => !known.has(name));
  if (lost !== undefined) {
    throw new ArgumentError(`${files.path}/${lost.name}`, {
      given: "no such file",
      expected: "a file that its annotations name",
    });
  }
  const train = trainImages.map((name) => ({ name, class: number.get(classOf(name))! }));
  // so that the first ones cover all classes
  new Random(0, 0).shuffleInto(train);
  return { classNames, train, test };
}
