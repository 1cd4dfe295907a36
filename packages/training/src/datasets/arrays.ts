/**
 * Arrays of one's own, in `.npz` or safetensors: `x_train`, `y_train`, `x_test`, `y_test` in one file (and `x_validation`,
 * `y_validation`), or a folder with `train` and `test` files (and `validation`), each with `x` and `y`.
 * x is [examples, channels, height, width], [examples, channels, depth, height, width] or [examples, features]: bytes, which are normalised by the mean and deviation of
 * each channel of the training examples, or floats, which are taken as they are. y is whole numbers from 0 on, [examples].
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ArgumentError } from "@phew/core";
import {
  ByteImages,
  type Classes,
  chosenNormalisation,
  type Dataset,
  type Examples,
  FloatExamples,
  type Normalisation,
  sharedBytes,
} from "./dataset.ts";
import type { DatasetEntry, DatasetOptions, NamedArray } from "./entry.ts";
import { newClasses } from "./splits.ts";

type Part = "train" | "validation" | "test";
type ReadArrays = NonNullable<DatasetOptions["readArrays"]>;

/** Of one part, checked. */
interface PartArrays {
  readonly file: string;
  readonly x: NamedArray;
  /** `[channels, height, width]`, of volumes `[channels, depth · height, width]`, or `[features, 1, 1]` */
  readonly shape: readonly [number, number, number];
  readonly inputShape: readonly number[];
  readonly labels: ArrayLike<number>;
}

const EXTENSIONS = [".npz", ".safetensors"];

export const arrays: DatasetEntry = {
  name: "arrays",
  summary: "x and y of your own, in .npz or safetensors files",
  embedded: false,
  source: "your own",
  licence: "your own",
  async load({ dataDir, readArrays, mean, std }) {
    if (readArrays === undefined) throw new Error("arrays need a reader of their files");
    const train = await readPart(dataDir!, "train", readArrays);
    const test = await readPart(dataDir!, "test", readArrays);
    const validation = await readPart(dataDir!, "validation", readArrays);
    for (const part of [train, test])
      if (part === undefined) throw missingPart(dataDir!, part === train ? "train" : "test");
    return datasetOf(train!, test!, validation, { mean, std });
  },
};

function datasetOf(
  train: PartArrays,
  test: PartArrays,
  validation: PartArrays | undefined,
  given: Pick<DatasetOptions, "mean" | "std">,
): Dataset {
  const parts = [train, test, ...(validation ? [validation] : [])];
  for (const part of parts.slice(1)) {
    if (part.inputShape.join() === train.inputShape.join() && part.x.dtype === train.x.dtype) continue;
    throw new ArgumentError(part.file, {
      given: `${part.x.dtype} examples of [${part.inputShape.join(", ")}]`,
      expected: `${train.x.dtype} of [${train.inputShape.join(", ")}], as the training examples`,
    });
  }
  const classCount = 1 + greatest(train.labels);
  if (classCount < 2) {
    throw new ArgumentError(train.file, { given: "labels of one class", expected: "at least two" });
  }
  for (const { file, labels } of parts.slice(1)) {
    const most = greatest(labels);
    if (most < classCount) continue;
    throw new ArgumentError(file, {
      given: `label ${most}`,
      expected: `0 to ${classCount - 1}, the classes of the training examples`,
    });
  }
  const bytes = train.x.values instanceof Uint8Array;
  if (!bytes && (given.mean ?? given.std) !== undefined) {
    throw new ArgumentError(given.mean === undefined ? "std" : "mean", {
      given: "one for floats, which are taken as they are",
      expected: "none, or examples that are bytes",
    });
  }
  const normalisation: Normalisation = bytes
    ? chosenNormalisation(statisticsOf(train), given)
    : { mean: train.inputShape.map(() => 0), std: train.inputShape.map(() => 1) };
  const examples = (part: PartArrays): Examples => examplesOf(part, classCount, normalisation);
  return {
    name: "arrays",
    classCount,
    inputShape: train.inputShape,
    normalisation,
    train: examples(train),
    ...(validation && { validation: examples(validation) }),
    test: examples(test),
  };
}

function examplesOf(
  { x, shape, labels }: PartArrays,
  classCount: number,
  normalisation: Normalisation,
): Examples {
  const classes: Classes = newClasses(labels.length, classCount);
  classes.set(labels as ArrayLike<number>);
  const shared = sharedBytes(x.values.byteLength);
  shared.set(new Uint8Array(x.values.buffer, x.values.byteOffset, x.values.byteLength));
  if (x.values instanceof Uint8Array) return new ByteImages(shape, shared, classes, normalisation);
  return new FloatExamples(shape, new Float32Array(shared.buffer), classes);
}

async function readPart(path: string, part: Part, readArrays: ReadArrays): Promise<PartArrays | undefined> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
  if (!isFolder) return checked(path, await readArrays(path), `x_${part}`, `y_${part}`);
  for (const extension of EXTENSIONS) {
    const file = join(path, `${part}${extension}`);
    if (!(await stat(file).catch(() => undefined))?.isFile()) continue;
    const found = checked(file, await readArrays(file), "x", "y");
    if (found !== undefined) return found;
    throw new ArgumentError(file, { given: "no array x", expected: "the arrays x and y" });
  }
  return undefined;
}

/** @returns undefined if the file has neither array */
function checked(
  file: string,
  named: ReadonlyMap<string, NamedArray>,
  xName: string,
  yName: string,
): PartArrays | undefined {
  const x = named.get(xName);
  const y = named.get(yName);
  if (x === undefined && y === undefined) return undefined;
  if (x === undefined || y === undefined) {
    throw new ArgumentError(file, {
      given: `${x === undefined ? yName : xName} without ${x === undefined ? xName : yName}`,
      expected: "both",
    });
  }
  const [count = 0, ...inputShape] = x.shape;
  const isBytes = x.dtype === "U8";
  const isFloat = ["F16", "BF16", "F32", "F64"].includes(x.dtype);
  if (!(isBytes || isFloat) || ![1, 3, 4].includes(inputShape.length) || x.shape.includes(0)) {
    throw new ArgumentError(`${file}: ${xName}`, {
      given: `${x.dtype} of shape [${x.shape.join(", ")}]`,
      expected:
        "bytes or floats of shape [examples, channels, height, width], [examples, channels, depth, height, width] or [examples, features]",
      ...(inputShape.length === 2 && {
        remedy:
          "Grey images have one channel, sequences one row: reshape to [examples, 1, height, width] or [examples, channels, 1, length].",
      }),
    });
  }
  if (inputShape.length === 3 && inputShape[2]! <= 4 && inputShape[0]! > 4) {
    throw new ArgumentError(`${file}: ${xName}`, {
      given: `shape [${x.shape.join(", ")}], channels last`,
      expected: "[examples, channels, height, width]",
      remedy: "In NumPy: x.transpose(0, 3, 1, 2).",
    });
  }
  const fault = isFloat ? (x.values as Float32Array).findIndex((value) => !Number.isFinite(value)) : -1;
  if (fault >= 0) {
    throw new ArgumentError(`${file}: ${xName}`, {
      given: `${x.values[fault]} at element ${fault}`,
      expected: "finite numbers",
    });
  }
  // slices of a volume lie one below the other
  const [units, ...places] = inputShape as [number, ...number[]];
  const shape =
    places.length === 3
      ? [units, places[0]! * places[1]!, places[2]!]
      : [units, places[0] ?? 1, places[1] ?? 1];
  return {
    file,
    x,
    shape: shape as [number, number, number],
    inputShape,
    labels: labelsOf(`${file}: ${yName}`, y, count),
  };
}

function labelsOf(subject: string, y: NamedArray, count: number): ArrayLike<number> {
  const isWhole = /^[IU]\d+$/.test(y.dtype);
  if (!isWhole || y.shape.length !== 1 || y.shape[0] !== count) {
    throw new ArgumentError(subject, {
      given: `${y.dtype} of shape [${y.shape.join(", ")}]`,
      expected: `whole numbers of shape [${count}], one for each example`,
    });
  }
  const fault = y.values.findIndex((label) => !(label >= 0 && label < 65_536));
  if (fault >= 0)
    throw new ArgumentError(subject, {
      given: `label ${y.values[fault]} at example ${fault}`,
      expected: "0 to 65535",
    });
  return y.values;
}

function greatest(labels: ArrayLike<number>): number {
  let most = -1;
  for (let k = 0; k < labels.length; k++) most = Math.max(most, labels[k]!);
  return most;
}

/** Mean and standard deviation of each channel of bytes, as fractions of 255. */
function statisticsOf({ x, shape: [channels, height, width] }: PartArrays): Normalisation {
  const plane = height * width;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let at = 0, image = 0; at < x.values.length; image++) {
    const c = image % channels;
    for (const end = at + plane; at < end; at++) {
      const value = x.values[at]! / 255;
      sums[c]! += value;
      squares[c]! += value * value;
    }
  }
  const count = x.values.length / channels;
  const mean = Array.from(sums, (sum) => sum / count);
  // a channel that never changes stays as it is
  const std = mean.map((m, c) => Math.sqrt(Math.max(0, squares[c]! / count - m * m)) || 1);
  return { mean, std };
}

function missingPart(path: string, part: Part): ArgumentError {
  return new ArgumentError(path, {
    given: `no ${part === "train" ? "training" : "test"} examples`,
    expected:
      "x_train, y_train, x_test, y_test in one file, or a folder with train and test files of x and y",
  });
}
