/**
 * CIFAR-10 from its binary version (Krizhevsky 2009): five training files and a test file of 10,000 records, each a label
 * byte and 3 · 32 · 32 pixel bytes, red plane first.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ArgumentError } from "@phew/core";
import { readDataFile, requireFolder } from "./dataFile.ts";
import { ByteImages, type Dataset, type Normalisation, requireClasses } from "./dataset.ts";

const CLASS_COUNT = 10;
const SHAPE = [3, 32, 32] as const;
const PIXEL_COUNT = 3 * 32 * 32;
const RECORD_LENGTH = 1 + PIXEL_COUNT;
const RECORD_COUNT = 10_000;
const NORMALISATION: Normalisation = { mean: [0.491, 0.482, 0.447], std: [0.247, 0.243, 0.262] };

/**
 * @param folder that holds the six files, or `cifar-10-batches-bin` with them
 * @throws ArgumentError naming the file at fault
 */
export async function cifar10(folder: string): Promise<Dataset> {
  await requireFolder(folder);
  const inner = join(folder, "cifar-10-batches-bin");
  const batches = (await stat(inner).catch(() => undefined))?.isDirectory() ? inner : folder;
  const train = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`);
  return {
    name: "cifar10",
    classCount: CLASS_COUNT,
    inputShape: SHAPE,
    normalisation: NORMALISATION,
    train: await readPart(batches, train),
    test: await readPart(batches, ["test_batch.bin"]),
  };
}

async function readPart(folder: string, names: readonly string[]): Promise<ByteImages> {
  const pixels = new Uint8Array(names.length * RECORD_COUNT * PIXEL_COUNT);
  const labels = new Uint8Array(names.length * RECORD_COUNT);
  for (const [file, name] of names.entries()) {
    const { path, bytes } = await readDataFile(folder, [name, `${name}.gz`]);
    if (bytes.length !== RECORD_COUNT * RECORD_LENGTH) {
      throw new ArgumentError(path, {
        given: `${bytes.length} bytes`,
        expected: `${RECORD_COUNT * RECORD_LENGTH}: ${RECORD_COUNT} records of ${RECORD_LENGTH}`,
        remedy: "The file is cut short or of another format; phew reads the binary version.",
      });
    }
    for (let record = 0; record < RECORD_COUNT; record++) {
      const example = file * RECORD_COUNT + record;
      const from = record * RECORD_LENGTH;
      labels[example] = bytes[from]!;
      pixels.set(bytes.subarray(from + 1, from + RECORD_LENGTH), example * PIXEL_COUNT);
    }
    requireClasses(labels.subarray(file * RECORD_COUNT, (file + 1) * RECORD_COUNT), CLASS_COUNT, path);
  }
  return new ByteImages(SHAPE, pixels, labels, NORMALISATION);
}
