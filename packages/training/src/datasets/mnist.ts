/** MNIST from its four IDX files, as they are published: LeCun, Cortes & Burges. */
import { ArgumentError } from "@phew/core";
import { readDataFile, requireFolder } from "./dataFile.ts";
import { ByteImages, type Dataset, type Normalisation, requireClasses } from "./dataset.ts";
import { parseIdx } from "./idx.ts";

const CLASS_COUNT = 10;
const SHAPE = [1, 28, 28] as const;
const NORMALISATION: Normalisation = { mean: [0.1307], std: [0.3081] };

/** @throws ArgumentError naming the file at fault */
export async function mnist(folder: string): Promise<Dataset> {
  await requireFolder(folder);
  return {
    name: "mnist",
    classCount: CLASS_COUNT,
    inputShape: SHAPE,
    normalisation: NORMALISATION,
    train: await readPart(folder, "train"),
    test: await readPart(folder, "t10k"),
  };
}

async function readPart(folder: string, part: string): Promise<ByteImages> {
  const imageFile = await readDataFile(folder, namesOf(`${part}-images`, "idx3-ubyte"));
  const labelFile = await readDataFile(folder, namesOf(`${part}-labels`, "idx1-ubyte"));
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
      given: `${labels.shape[0]} labels`,
      expected: `${count}, one for each image of ${imageFile.path}`,
    });
  }
  requireClasses(labels.values, CLASS_COUNT, labelFile.path);
  return new ByteImages(SHAPE, images.values, labels.values, NORMALISATION);
}

/** The names in use: with a dash or a dot, packed or not. */
function namesOf(stem: string, kind: string): string[] {
  return ["-", "."].flatMap((mark) => [`${stem}${mark}${kind}`, `${stem}${mark}${kind}.gz`]);
}
