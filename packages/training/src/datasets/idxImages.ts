/** Grey images and labels in four IDX files, as MNIST was published and others after it. */
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
import { parseIdx } from "./idx.ts";
import { readFoldersOf } from "./images/classic.ts";

const CLASS_COUNT = 10;
const SHAPE = [1, 28, 28] as const;

/** @throws ArgumentError naming the file at fault */
export async function readIdxImages(
  name: string,
  own: Normalisation,
  options: DatasetOptions,
): Promise<Dataset> {
  const normalisation = chosenNormalisation(own, options);
  const files = await openDataFiles(options.dataDir!);
  const folders = await readFoldersOf(
    files,
    { name, shape: SHAPE, classCount: CLASS_COUNT, normalisation },
    namesOf("train-images", "idx3-ubyte"),
    options,
  );
  if (folders !== undefined) return folders;
  return {
    name,
    classCount: CLASS_COUNT,
    inputShape: SHAPE,
    normalisation,
    train: await readPart(files, "train", normalisation),
    test: await readPart(files, "t10k", normalisation),
  };
}

async function readPart(files: DataFiles, part: string, normalisation: Normalisation): Promise<ByteImages> {
  const imageFile = await readFirst(files, namesOf(`${part}-images`, "idx3-ubyte"));
  const labelFile = await readFirst(files, namesOf(`${part}-labels`, "idx1-ubyte"));
  const images = parseIdx(imageFile.bytes, imageFile.path, 3);
  const labels = parseIdx(labelFile.bytes, labelFile.path, 1);
  const [count, height, width] = images.shape;
  if (height !== SHAPE[1] || width !== SHAPE[2]) {
    throw new ArgumentError(imageFile.path, {
      given: `images of ${height} × ${width} pixels`,
      expected: `${SHAPE[1]} × ${SHAPE[2]}`,
    });
  }
  if (labels.shape[0] !== count) {
    throw new ArgumentError(labelFile.path, {
      given: counted(labels.shape[0]!, "label"),
      expected: `${count}, one for each image of ${imageFile.path}`,
    });
  }
  requireClasses(labels.values, CLASS_COUNT, labelFile.path);
  const pixels = sharedBytes(images.values.length);
  pixels.set(images.values);
  return new ByteImages(SHAPE, pixels, labels.values, normalisation);
}

/** The names in use: with a dash or a dot, packed or not, in torchvision's folder `raw` too. */
function namesOf(stem: string, kind: string): string[] {
  const plain = ["-", "."].flatMap((mark) => [`${stem}${mark}${kind}`, `${stem}${mark}${kind}.gz`]);
  return [...plain, ...plain.map((name) => `raw/${name}`)];
}
