import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { ArgumentError } from "@phew/core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ByteImages } from "../src/datasets/dataset.ts";
import { parseIdx } from "../src/datasets/idx.ts";
import { datasets, loadDataset } from "../src/datasets/registry.ts";

/** The shared folder stands beside the checkout. */
const MNIST = fileURLToPath(new URL("../../../../shared/data/mnist/", import.meta.url));

const root = mkdtempSync(join(tmpdir(), "phew-datasets-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
});

/** An IDX file of bytes: the header as given, whatever follows. */
function idx(magic: number, lengths: readonly number[], values: Uint8Array): Uint8Array {
  const file = new Uint8Array(4 + 4 * lengths.length + values.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, magic);
  for (const [axis, length] of lengths.entries()) view.setUint32(4 + 4 * axis, length);
  file.set(values, 4 + 4 * lengths.length);
  return file;
}

const IMAGES = 0x0803;
const LABELS = 0x0801;
const images = (count: number) =>
  idx(
    IMAGES,
    [count, 28, 28],
    Uint8Array.from({ length: count * 784 }, (_, k) => k % 251),
  );
const labels = (values: readonly number[]) => idx(LABELS, [values.length], Uint8Array.from(values));

const goodFiles = (): Record<string, Uint8Array> => ({
  "train-images-idx3-ubyte": images(4),
  "train-labels-idx1-ubyte": labels([3, 0, 9, 1]),
  "t10k-images-idx3-ubyte": images(2),
  "t10k-labels-idx1-ubyte": labels([7, 2]),
});

function write(files: Record<string, Uint8Array>): void {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
}

const loadMnist = () => loadDataset("mnist", { dataDir: folder });

describe("mnist", () => {
  it("reads images, classes and shapes from the four files", async () => {
    write(goodFiles());
    const dataset = await loadMnist();
    expect(dataset).toMatchObject({ name: "mnist", classCount: 10, inputShape: [1, 28, 28] });
    expect([...dataset.train.classes]).toEqual([3, 0, 9, 1]);
    expect([...dataset.test.classes]).toEqual([7, 2]);
    const x = new Float32Array(2 * 784);
    dataset.train.fillInto(x, [2, 1]);
    expect(x[0]).toBeCloseTo((((2 * 784) % 251) / 255 - 0.1307) / 0.3081, 5);
    expect(x[784 + 5]).toBeCloseTo((((784 + 5) % 251) / 255 - 0.1307) / 0.3081, 5);
  });

  it("takes gzip, and names with a dot", async () => {
    const files = Object.entries(goodFiles());
    for (const [k, [name, bytes]] of files.entries()) {
      const renamed = k % 2 === 0 ? name : name.replace(/-(idx)/, ".$1");
      writeFileSync(join(folder, k < 2 ? `${renamed}.gz` : renamed), k < 2 ? gzipSync(bytes) : bytes);
    }
    expect([...(await loadMnist()).train.classes]).toEqual([3, 0, 9, 1]);
  });

  it("takes the first examples where fewer are asked for", async () => {
    write(goodFiles());
    const dataset = await loadDataset("mnist", { dataDir: folder, trainCount: 2, testCount: 1 });
    expect([dataset.train.count, dataset.test.count]).toEqual([2, 1]);
    expect([...dataset.train.classes]).toEqual([3, 0]);
  });

  const bad: [string, string, Uint8Array | undefined, RegExp][] = [
    [
      "no file",
      "t10k-labels-idx1-ubyte",
      undefined,
      /without t10k-labels-idx1-ubyte.*t10k-labels\.idx1-ubyte\.gz/,
    ],
    ["an empty file", "train-images-idx3-ubyte", new Uint8Array(0), /got 0 bytes.*cut short/],
    [
      "a Git LFS pointer",
      "train-images-idx3-ubyte",
      Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:59\nsize 47040016\n"),
      /Git LFS pointer.*git lfs pull/,
    ],
    ["an HTML page", "t10k-labels-idx1-ubyte", Buffer.from("<!DOCTYPE html><html>"), /an HTML page/],
    ["half a header", "train-images-idx3-ubyte", images(1).slice(0, 10), /got 10 bytes.*16 bytes/],
    ["a header alone", "train-images-idx3-ubyte", images(4).slice(0, 16), /got 16 bytes, expected 3152/],
    ["one byte too few", "train-images-idx3-ubyte", images(4).slice(0, -1), /got 3,151 bytes.*cut short/],
    ["one byte too many", "t10k-images-idx3-ubyte", new Uint8Array([...images(2), 1]), /after its end/],
    [
      "labels for images",
      "train-images-idx3-ubyte",
      labels([1, 2, 3, 4]),
      /got 12 bytes|begins with 0x00000801/,
    ],
    [
      "images for labels",
      "train-labels-idx1-ubyte",
      images(1),
      /begins with 0x00000803, expected 0x00000801/,
    ],
    [
      "another type",
      "train-labels-idx1-ubyte",
      idx(0x0d01, [4], new Uint8Array(16)),
      /begins with 0x00000d01/,
    ],
    [
      "gzip without .gz",
      "train-images-idx3-ubyte",
      gzipSync(images(4)),
      /compressed: its name must end in \.gz/,
    ],
    ["a label that is no class", "train-labels-idx1-ubyte", labels([3, 0, 10, 1]), /label 10 at example 2/],
    ["fewer labels than images", "train-labels-idx1-ubyte", labels([3, 0, 9]), /3 labels, expected 4/],
    [
      "images of another size",
      "t10k-images-idx3-ubyte",
      idx(IMAGES, [2, 27, 28], new Uint8Array(1512)),
      /27 × 28/,
    ],
    ["no images", "train-images-idx3-ubyte", idx(IMAGES, [0, 28, 28], new Uint8Array(0)), /0 × 28 × 28/],
    [
      "lengths that would fill the memory",
      "train-images-idx3-ubyte",
      idx(IMAGES, [0xffffffff, 0xffffffff, 0xffffffff], new Uint8Array(8)),
      /got 24 bytes, expected \d/,
    ],
  ];
  it.each(bad)("refuses %s", async (_what, name, bytes, message) => {
    const files = goodFiles();
    delete files[name];
    write(bytes === undefined ? files : { ...files, [name]: bytes });
    const failure = await loadMnist().catch((error: Error) => error);
    expect(failure).toBeInstanceOf(ArgumentError);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).toContain(bytes === undefined ? folder : name);
  });

  it("refuses gzip that is cut short, and gzip that is none", async () => {
    const { "train-images-idx3-ubyte": whole, ...files } = goodFiles();
    write(files);
    const path = join(folder, "train-images-idx3-ubyte.gz");
    writeFileSync(path, gzipSync(whole!).subarray(0, 60));
    await expect(loadMnist()).rejects.toThrow(/does not unpack/);
    writeFileSync(path, whole!);
    await expect(loadMnist()).rejects.toThrow(/does not unpack/);
  });

  it("refuses a folder where a file should be, a file where the folder should be, and neither", async () => {
    const { "train-images-idx3-ubyte": _images, ...files } = goodFiles();
    write(files);
    mkdirSync(join(folder, "train-images-idx3-ubyte"));
    await expect(loadMnist()).rejects.toThrow(/got a folder, expected a file/);
    await expect(loadDataset("mnist", { dataDir: join(folder, "t10k-labels-idx1-ubyte") })).rejects.toThrow(
      /a file that is no archive/,
    );
    await expect(loadDataset("mnist", { dataDir: join(folder, "nothing") })).rejects.toThrow(
      /does not exist/,
    );
  });

  it.skipIf(!existsSync(MNIST))(
    "reads the published files (skipped where they are not on this machine)",
    async () => {
      const dataset = await loadDataset("mnist", { dataDir: MNIST });
      expect([dataset.train.count, dataset.test.count]).toEqual([60_000, 10_000]);
      const digest = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
      // the files of LeCun, Cortes & Burges without their headers of 8 bytes
      expect([...dataset.train.classes.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
      const header = idx(LABELS, [10_000], new Uint8Array(0));
      expect(digest(Buffer.concat([header, Uint8Array.from(dataset.test.classes)]))).toBe(
        "27ae3e4e09519cfbb04c329615203637",
      );
      const x = new Float32Array(784);
      let [sum, squares, length] = [0, 0, 0];
      for (let k = 0; k < 60_000; k += 7) {
        dataset.train.fillInto(x, [k]);
        for (const v of x) {
          sum += v;
          squares += v * v;
        }
        length += 784;
      }
      expect(Math.abs(sum / length)).toBeLessThan(0.01);
      expect(Math.abs(Math.sqrt(squares / length) - 1)).toBeLessThan(0.01);
    },
  );
});

describe("parseIdx", () => {
  it("gives a view of the file, whatever the file is a view of", () => {
    const holder = new Uint8Array(100);
    holder.set(labels([5, 6, 7]), 33);
    const array = parseIdx(holder.subarray(33, 44), "labels", 1);
    expect(array.shape).toEqual([3]);
    expect([...array.values]).toEqual([5, 6, 7]);
    expect(array.values.buffer).toBe(holder.buffer);
  });
});

describe("cifar10", () => {
  const RECORDS = 10_000;
  const LENGTH = 3073;
  let good = "";
  beforeAll(() => {
    good = join(root, "cifar", "cifar-10-batches-bin");
    mkdirSync(good, { recursive: true });
    for (const name of [
      "data_batch_1",
      "data_batch_2",
      "data_batch_3",
      "data_batch_4",
      "data_batch_5",
      "test_batch",
    ]) {
      const path = join(good, `${name}.bin`);
      // zeros but for the beginning: label, then the red, green and blue plane of record 0
      const first = new Uint8Array(2 * LENGTH);
      first[0] = name === "test_batch" ? 9 : Number(name.at(-1));
      first.fill(51, 1, 1025).fill(102, 1025, 2049).fill(204, 2049, 3073);
      first[LENGTH] = 4;
      writeFileSync(path, first);
      truncateSync(path, RECORDS * LENGTH);
    }
  });

  it("reads the six files, in their folder or the one above", async () => {
    for (const dataDir of [good, join(good, "..")]) {
      const dataset = await loadDataset("cifar10", { dataDir });
      expect([dataset.train.count, dataset.test.count]).toEqual([50_000, 10_000]);
      expect(dataset.inputShape).toEqual([3, 32, 32]);
      expect([0, 1, 2, 10_000, 40_001].map((k) => dataset.train.classes[k])).toEqual([1, 4, 0, 2, 4]);
      expect(dataset.test.classes[0]).toBe(9);
      const x = new Float32Array(3072);
      dataset.train.fillInto(x, [20_000]);
      expect(x[0]).toBeCloseTo((0.2 - 0.491) / 0.247, 5);
      expect(x[1024]).toBeCloseTo((0.4 - 0.482) / 0.243, 5);
      expect(x[3071]).toBeCloseTo((0.8 - 0.447) / 0.262, 5);
    }
  });

  it("refuses a file that is cut short at a record, a class too high and a file that is missing", async () => {
    const write = (name: string, bytes: Uint8Array, length: number) => {
      writeFileSync(join(folder, name), bytes);
      truncateSync(join(folder, name), length);
    };
    const load = () => loadDataset("cifar10", { dataDir: folder });
    await expect(load()).rejects.toThrow(/without data_batch_1\.bin/);
    write("data_batch_1.bin", new Uint8Array(0), 9999 * LENGTH);
    await expect(load()).rejects.toThrow(/data_batch_1\.bin: got 30,726,927 bytes, expected 30730000/);
    write("data_batch_1.bin", Uint8Array.of(10), RECORDS * LENGTH);
    await expect(load()).rejects.toThrow(/data_batch_1\.bin: got label 10 at example 0/);
    write("data_batch_1.bin", Uint8Array.of(1), RECORDS * LENGTH);
    await expect(load()).rejects.toThrow(/without data_batch_2\.bin/);
  });
});

describe("cifar100", () => {
  const LENGTH = 3074;
  /** Zeros but for the first records, of group and class each; planes of record 0 as given. */
  const write = (
    below: string,
    name: string,
    labels: readonly (readonly [number, number])[],
    count: number,
  ) => {
    const first = new Uint8Array(labels.length * LENGTH);
    labels.forEach((pair, k) => {
      first.set(pair, k * LENGTH);
    });
    first.fill(51, 2, 1026).fill(102, 1026, 2050).fill(204, 2050, 3074);
    writeFileSync(join(below, `${name}.bin`), first);
    truncateSync(join(below, `${name}.bin`), count * LENGTH);
  };

  it("takes the class, not the group before it, and its own normalisation", async () => {
    const below = join(folder, "cifar-100-binary");
    mkdirSync(below);
    write(
      below,
      "train",
      [
        [11, 99],
        [3, 42],
      ],
      50_000,
    );
    write(below, "test", [[19, 7]], 10_000);
    const dataset = await loadDataset("cifar100", { dataDir: folder });
    expect([dataset.train.count, dataset.test.count, dataset.classCount]).toEqual([50_000, 10_000, 100]);
    expect([0, 1, 2].map((k) => dataset.train.classes[k])).toEqual([99, 42, 0]);
    expect(dataset.test.classes[0]).toBe(7);
    const x = new Float32Array(2 * 3072);
    dataset.test.fillInto(x, [1, 0]);
    expect(x[0]).toBeCloseTo((0 - 0.507) / 0.267, 5);
    expect(x[3072]).toBeCloseTo((0.2 - 0.507) / 0.267, 5);
    expect(x[3072 + 1024]).toBeCloseTo((0.4 - 0.487) / 0.256, 5);
    expect(x[6143]).toBeCloseTo((0.8 - 0.441) / 0.276, 5);
  });

  it("refuses files of CIFAR-10's records and a class too high", async () => {
    write(folder, "train", [[0, 0]], 50_000);
    write(folder, "test", [[0, 100]], 10_000);
    const load = () => loadDataset("cifar100", { dataDir: folder });
    await expect(load()).rejects.toThrow(/test\.bin: got label 100 at example 0, expected a class, 0 to 99/);
    truncateSync(join(folder, "train.bin"), 50_000 * 3073);
    await expect(load()).rejects.toThrow(/train\.bin: got 153,650,000 bytes, expected 153700000/);
  });
});

describe("registry of data sets", () => {
  it("knows every set under its name", () => {
    expect(datasets.map(({ name }) => name)).toEqual([
      "glyphs",
      "mnist",
      "fashion-mnist",
      "cifar10",
      "cifar100",
      "tiny-imagenet",
      "image-folder",
      "arrays",
    ]);
    expect(datasets.filter(({ embedded }) => embedded).map(({ name }) => name)).toEqual(["glyphs"]);
  });

  it("draws glyphs with what is asked for, and else with its own usual numbers", async () => {
    const few = await loadDataset("glyphs", { classCount: 3, trainCount: 9, testCount: 4, seed: 5 });
    expect([few.classCount, few.train.count, few.test.count]).toEqual([3, 9, 4]);
    const usual = await loadDataset("glyphs", { trainCount: 10, testCount: 10 });
    expect(usual.classCount).toBe(10);
  });

  it.each([
    ["mnits", {}, /data set: got "mnits".*Did you mean "mnist"/],
    ["mnist", {}, /data folder: got none.*--data-dir/],
    ["glyphs", { dataDir: "/tmp" }, /data folder: got "\/tmp", expected none/],
    ["glyphs", { classCount: 63 }, /classes: got 63/],
  ])("refuses %s with %j", async (name, options, message) => {
    await expect(loadDataset(name, options)).rejects.toThrow(message);
  });

  it("refuses more examples than there are", async () => {
    write(goodFiles());
    await expect(loadDataset("mnist", { dataDir: folder, trainCount: 5 })).rejects.toThrow(
      /training examples: got 5, expected 1 to 4/,
    );
    await expect(loadDataset("mnist", { dataDir: folder, testCount: 0 })).rejects.toThrow(
      /test examples: got 0/,
    );
  });
});

describe("ByteImages", () => {
  it("normalises each channel with its own numbers, and only the examples asked for", () => {
    const pixels = Uint8Array.from({ length: 3 * 2 * 4 }, (_, k) => 10 * k);
    const normalisation = { mean: [0.1, 0.2], std: [0.5, 2] };
    const examples = new ByteImages([2, 2, 2], pixels, Uint8Array.of(0, 1, 2), normalisation);
    const x = new Float32Array(20).fill(-1);
    examples.fillInto(x, [2, 0]);
    const expected = [2, 0].flatMap((example) =>
      Array.from({ length: 8 }, (_, k) => {
        const channel = k < 4 ? 0 : 1;
        return (pixels[8 * example + k]! / 255 - normalisation.mean[channel]!) / normalisation.std[channel]!;
      }),
    );
    expected.forEach((value, k) => {
      expect(x[k]).toBeCloseTo(value, 6);
    });
    expect([...x.subarray(16)]).toEqual([-1, -1, -1, -1]);
  });
});
