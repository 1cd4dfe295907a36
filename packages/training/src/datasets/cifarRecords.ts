/**
 * The binary version of CIFAR (Krizhevsky 2009): records of one or two label bytes, the last of them the class, and
 * 3 · 32 · 32 pixel bytes, red plane first.
 */
import { ArgumentError, counted } from "@phew/core";
import {
  ByteImages,
  chosenNormalisation,
  type Dataset,
  type Normalisation,
  requireClasses,
  sharedBytes,
} from "./dataset.ts";
import type { DatasetOptions } from "./entry.ts";
import type { DataFiles } from "./files/dataFiles.ts";
import { openDataFiles, readFirst } from "./files/openDataFiles.ts";
import { readFoldersOf } from "./images/classic.ts";

const SHAPE = [3, 32, 32] as const;
const PIXEL_COUNT = 3 * 32 * 32;

export interface CifarLayout {
  readonly name: string;
  readonly classCount: number;
  readonly normalisation: Normalisation;
  /** Label bytes of a record. */
  readonly labelBytes: number;
  /** Names without `.bin`, and records of each. */
  readonly train: readonly string[];
  readonly trainRecords: number;
  readonly test: string;
  readonly testRecords: number;
  /** The folder in the archive, and the archive. */
  readonly folder: string;
  readonly archive: string;
}

/** @throws ArgumentError naming the file at fault */
export async function readCifar(layout: CifarLayout, options: DatasetOptions): Promise<Dataset> {
  const { name, classCount, train, trainRecords, test, testRecords } = layout;
  const normalisation = chosenNormalisation(layout.normalisation, options);
  const wanted = (file: string) => !file.endsWith(".html");
  const files = await openDataFiles(options.dataDir!, { archives: [layout.archive], wanted });
  const augmented = { usualAugmentation: { padding: 4, flip: true } };
  const shape = { name, shape: SHAPE, classCount, normalisation };
  const folders = await readFoldersOf(files, shape, placesOf(layout, layout.train[0]!), options);
  if (folders !== undefined) return { ...folders, ...augmented };
  return {
    name,
    classCount,
    inputShape: SHAPE,
    normalisation,
    ...augmented,
    train: await readPart(files, layout, normalisation, train, trainRecords),
    test: await readPart(files, layout, normalisation, [test], testRecords),
  };
}

async function readPart(
  files: DataFiles,
  layout: CifarLayout,
  normalisation: Normalisation,
  names: readonly string[],
  recordCount: number,
): Promise<ByteImages> {
  const { classCount, labelBytes } = layout;
  const recordLength = labelBytes + PIXEL_COUNT;
  const pixels = sharedBytes(names.length * recordCount * PIXEL_COUNT);
  const labels = new Uint8Array(names.length * recordCount);
  for (const [k, stem] of names.entries()) {
    const { path, bytes } = await readFirst(files, placesOf(layout, stem));
    if (bytes.length !== recordCount * recordLength) {
      throw new ArgumentError(path, {
        given: counted(bytes.length, "byte"),
        expected: `${recordCount * recordLength}: ${counted(recordCount, "record")} of ${recordLength}`,
        remedy: "The file is cut short or of another format; phew reads the binary version.",
      });
    }
    for (let record = 0; record < recordCount; record++) {
      const example = k * recordCount + record;
      const from = record * recordLength + labelBytes;
      labels[example] = bytes[from - 1]!;
      pixels.set(bytes.subarray(from, from + PIXEL_COUNT), example * PIXEL_COUNT);
    }
    requireClasses(labels.subarray(k * recordCount, (k + 1) * recordCount), classCount, path);
  }
  return new ByteImages(SHAPE, pixels, labels, normalisation);
}

function placesOf({ folder }: CifarLayout, stem: string): string[] {
  return [`${stem}.bin`, `${stem}.bin.gz`, `${folder}/${stem}.bin`, `${folder}/${stem}.bin.gz`];
}
