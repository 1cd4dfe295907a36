import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { ArgumentError } from "@phew/core";
import { PNG } from "pngjs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { caseCount } from "../../../vitest.long.ts";
import { loadDecode } from "../src/datasets/images/decode.ts";
import { readImageHeader } from "../src/datasets/images/header.ts";
import { resizeToSquare } from "../src/datasets/images/resize.ts";
import { loadDataset } from "../src/datasets/registry.ts";
import { COLOUR_JPEG, COLOUR_PIXELS, GREY_JPEG, GREY_PIXELS, tarOf, zipOf } from "./imageFixtures.ts";

const root = mkdtempSync(join(tmpdir(), "phew-images-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
});

function png(
  width: number,
  height: number,
  pixel: (x: number, y: number) => readonly [number, number, number],
) {
  const image = new PNG({ width, height });
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) image.data.set([...pixel(x, y), 255], 4 * (y * width + x));
  return PNG.sync.write(image);
}

const plain = (red: number, size = 8) => png(size, size, () => [red, 2, 3]);

function write(files: Record<string, Uint8Array | string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Two classes; the red of an image is its number. */
const FILES: Record<string, Uint8Array> = {
  "train/cat/a.png": plain(10),
  "train/cat/b.PNG": plain(11),
  "train/dog/a.png": plain(20),
  "train/dog/deep/b.png": plain(21),
  "val/cat/x.png": plain(30),
  "val/dog/y.png": plain(40),
};

const load = (options = {}) => loadDataset("image-folder", { dataDir: folder, ...options });

/** Red of each example, from its normalised input. */
function reds({ train, test }: Awaited<ReturnType<typeof load>>, part: "train" | "test" = "train"): number[] {
  const examples = part === "train" ? train : test;
  const x = new Float32Array(3 * 64);
  return Array.from({ length: examples.count }, (_, k) => {
    examples.fillInto(x, [k]);
    return Math.round((x[0]! * 0.229 + 0.485) * 255);
  });
}

describe("image decoding", () => {
  it("gives libjpeg's pixels for JPEG with halved chroma, to the bit", async () => {
    const decode = await loadDecode();
    const { width, height, planes } = decode(COLOUR_JPEG, 3, "colour.jpg");
    expect([width, height]).toEqual([8, 6]);
    const expected = [0, 1, 2].flatMap((c) =>
      Array.from({ length: 48 }, (_, p) => COLOUR_PIXELS[3 * p + c]!),
    );
    expect([...planes]).toEqual(expected);
    expect([...decode(GREY_JPEG, 1, "grey.jpg").planes]).toEqual([...GREY_PIXELS]);
    expect([...decode(GREY_JPEG, 3, "grey.jpg").planes.subarray(96)]).toEqual([...GREY_PIXELS]);
  });

  it("tells kind, size and colour from the header", () => {
    expect(readImageHeader(COLOUR_JPEG, "a")).toEqual({ kind: "jpeg", width: 8, height: 6, grey: false });
    expect(readImageHeader(GREY_JPEG, "a")).toEqual({ kind: "jpeg", width: 8, height: 6, grey: true });
    expect(
      readImageHeader(
        png(5, 3, () => [1, 2, 3]),
        "a",
      ),
    ).toEqual({ kind: "png", width: 5, height: 3, grey: false });
  });

  it("drops alpha, and weighs colours to grey as PIL does", async () => {
    const decode = await loadDecode();
    const image = new PNG({ width: 1, height: 1 });
    image.data.set([200, 100, 50, 7]);
    const bytes = PNG.sync.write(image);
    expect([...decode(bytes, 3, "a").planes]).toEqual([200, 100, 50]);
    expect([...decode(bytes, 1, "a").planes]).toEqual([Math.round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)]);
  });

  it("takes 1,500 damaged files in its stride: an ArgumentError that names the file, or an image", async () => {
    const decode = await loadDecode();
    let state = 7;
    const below = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const base = [COLOUR_JPEG, GREY_JPEG, png(9, 7, (x, y) => [x, y, 9])][round % 3]!;
      let bytes = Buffer.from(base);
      for (let change = below(4); change >= 0; change--) bytes[below(bytes.length)] = below(256);
      if (below(4) === 0) bytes = bytes.subarray(0, below(bytes.length));
      try {
        const { width, height, planes } = decode(bytes, 3, "bad.jpg");
        expect(planes.length).toBe(3 * width * height);
      } catch (error) {
        expect(error).toBeInstanceOf(ArgumentError);
        expect((error as Error).message).toMatch(/^bad\.jpg: got /);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(300);
    // and still decodes a good one
    expect(decode(COLOUR_JPEG, 3, "good").planes).toHaveLength(144);
  });
});

describe("resizeToSquare", () => {
  const planes = (height: number, width: number, value: (x: number, y: number) => number) => ({
    width,
    height,
    planes: Uint8Array.from({ length: height * width }, (_, k) => value(k % width, Math.floor(k / width))),
  });

  it("keeps a plain image plain, and an image of the size wanted as it is", () => {
    expect(
      new Set(
        resizeToSquare(
          planes(37, 53, () => 77),
          16,
        ),
      ),
    ).toEqual(new Set([77]));
    const same = planes(6, 6, (x, y) => 10 * x + y);
    expect(resizeToSquare(same, 6)).toBe(same.planes);
  });

  it("halves by the triangle filter's weights 1 3 3 1 over 8", () => {
    // inside, output i is (1·p[2i−1] + 3·p[2i] + 3·p[2i+1] + 1·p[2i+2]) / 8
    const row = [0, 80, 160, 8, 240, 16, 64, 128];
    const image = planes(8, 8, (x) => row[x]!);
    const out = resizeToSquare(image, 4);
    const expected = [1, 2].map((i) =>
      Math.round((row[2 * i - 1]! + 3 * row[2 * i]! + 3 * row[2 * i + 1]! + row[2 * i + 2]!) / 8),
    );
    expect([out[1], out[2]]).toEqual(expected);
    // at the edge the weights that are left: 3, 3, 1
    expect(out[0]).toBe(Math.round((3 * row[0]! + 3 * row[1]! + row[2]!) / 7));
  });

  it("cuts the middle out of an oblong image", () => {
    const out = resizeToSquare(
      planes(4, 12, (x) => (x >= 4 && x < 8 ? 200 : 0)),
      4,
    );
    expect([...out]).toEqual(Array(16).fill(200));
  });
});

describe("image-folder", () => {
  it("takes classes from folders, val as the test set, and images of one size as they are", async () => {
    write({ ...FILES, "train/cat/readme.txt": "no image", "train/.hidden/a.png": "x" });
    const dataset = await load();
    expect(dataset).toMatchObject({ classCount: 2, inputShape: [3, 8, 8], classNames: ["cat", "dog"] });
    expect(dataset.validation).toBeUndefined();
    const pairs = reds(dataset).map((red, k) => [red, dataset.train.classes[k]]);
    expect(pairs.sort()).toEqual([
      [10, 0],
      [11, 0],
      [20, 1],
      [21, 1],
    ]);
    expect(reds(dataset, "test").sort()).toEqual([30, 40]);
    expect(dataset.usualAugmentation).toEqual({ padding: 1, flip: true });
  });

  it("keeps val apart where there is a test part too", async () => {
    write({ ...FILES, "test/cat/t.png": plain(50) });
    const dataset = await load();
    expect(reds(dataset, "test")).toEqual([50]);
    expect(dataset.validation!.count).toBe(2);
    await expect(load({ validation: 0.5 })).rejects.toThrow(/has validation examples of its own/);
  });

  it("reads .tar.gz, .tar and .zip to the same bytes as the folder, with a folder around all or not", async () => {
    write(FILES);
    const expected = reds(await load());
    const entries = Object.entries(FILES);
    const around = entries.map(([name, content]) => [`./images/${name}`, content] as const);
    const archives = {
      "a.tar.gz": gzipSync(tarOf(entries)),
      "b.tgz": gzipSync(tarOf(around)),
      "c.tar": tarOf(entries),
      "d.zip": zipOf(entries),
      "e.zip": zipOf(entries.map(([name, content]) => [`images/${name}`, content])),
    };
    for (const [name, bytes] of Object.entries(archives)) {
      writeFileSync(join(folder, name), bytes);
      const dataset = await load({ dataDir: join(folder, name) });
      expect(reds(dataset), name).toEqual(expected);
    }
  });

  it("gives the same inputs where images do not fit into memory and are decoded when they are wanted", async () => {
    write(FILES);
    const eager = await load();
    writeFileSync(join(folder, "z.zip"), zipOf(Object.entries(FILES)));
    for (const dataDir of [folder, join(folder, "z.zip")]) {
      // room for one image
      const lazy = await load({ dataDir, memoryBytes: 192 });
      expect(lazy.train.source!.store.kind).toBe("imageFiles");
      for (let round = 0; round < 2; round++) expect(reds(lazy)).toEqual(reds(eager));
    }
    writeFileSync(join(folder, "z.tgz"), gzipSync(tarOf(Object.entries(FILES))));
    await expect(load({ dataDir: join(folder, "z.tgz"), memoryBytes: 192 })).rejects.toThrow(
      /packed stream.*Unpack it/,
    );
  });

  it("resizes images of several sizes to 8/7 of the input, of which the middle is taken", async () => {
    write({
      "train/a/1.jpg": COLOUR_JPEG,
      "train/b/1.png": plain(9),
      "test/a/1.png": plain(1, 20),
      "test/b/2.png": plain(2),
    });
    const dataset = await load({ imageSize: 14 });
    expect(dataset.inputShape).toEqual([3, 14, 14]);
    expect(dataset.train.source!.store.frame.stored).toEqual([3, 16, 16]);
    expect(dataset.usualAugmentation).toEqual({ padding: 0, flip: true });
    expect((await load()).inputShape).toEqual([3, 224, 224]);
  });

  it("has one channel where every image is grey", async () => {
    const names = ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg"];
    write(Object.fromEntries(names.map((name) => [name, GREY_JPEG])));
    expect((await load()).inputShape).toEqual([1, 6, 8]);
  });

  const cut = COLOUR_JPEG.subarray(0, COLOUR_JPEG.length - 60);
  it.each([
    ["no test images", { "train/a/1.png": plain(1) }, /no images in test, and none in val\/CLASS/],
    ["no train images", { "test/a/1.png": plain(1) }, /no images in train\/CLASS/],
    ["an unknown class", { ...FILES, "val/cow/1.png": plain(1) }, /val\/cow\/1\.png: got the class "cow"/],
    [
      "a JPEG cut short",
      { ...FILES, "train/cat/c.jpg": cut },
      /train\/cat\/c\.jpg: got a JPEG without its end/,
    ],
    [
      "a PNG cut short",
      { ...FILES, "val/cat/c.png": plain(3).subarray(0, 60) },
      /c\.png: got a PNG without its end/,
    ],
    ["an empty file", { ...FILES, "val/cat/c.png": "" }, /c\.png: got a file that is no JPEG and no PNG/],
    [
      "text for an image",
      { ...FILES, "val/cat/c.jpg": "hello" },
      /c\.jpg: got a file that is no JPEG and no PNG/,
    ],
    [
      "another format",
      { ...FILES, "val/cat/c.webp": "RIFF" },
      /c\.webp: got an image of another format, expected JPEG or PNG/,
    ],
  ] as [string, Record<string, Uint8Array | string>, RegExp][])(
    "refuses %s before any training",
    async (_what, files, message) => {
      write(files);
      await expect(load()).rejects.toThrow(message);
    },
  );
});

describe("archives", () => {
  const climbing = [["train/cat/a.png", plain(1)] as const, ["../../evil.png", plain(1)] as const];

  it.each([
    ["a.tar.gz", gzipSync(tarOf(climbing)), /entry "\.\.\/\.\.\/evil\.png", which climbs out/],
    ["b.zip", zipOf(climbing), /entry "\.\.\/\.\.\/evil\.png", which climbs out/],
    ["c.tar", tarOf([["/etc/x.png", plain(1)]]), /"\/etc\/x\.png", which climbs out/],
    ["d.zip", zipOf([["C:\\x.png", plain(1)]]), /which climbs out/],
    [
      "e.tar",
      tarOf([["train/a/l.png", Buffer.alloc(0), "../../../etc/passwd"]]),
      /"\.\.\/\.\.\/\.\.\/etc\/passwd", which climbs/,
    ],
    [
      "f.tar.gz",
      gzipSync(tarOf(Object.entries(FILES))).subarray(0, 300),
      /f\.tar\.gz: got a damaged archive/,
    ],
    ["g.zip", zipOf(Object.entries(FILES)).subarray(0, 400), /g\.zip: got a damaged archive/],
    ["h.zip", zipOf(Object.entries(FILES).slice(0, 1), 1), /got an encrypted entry/],
    [
      "i.tar.gz",
      gzipSync("no tar at all".repeat(100)),
      /i\.tar\.gz: got (a damaged archive|an archive without any)/,
    ],
    ["j.rar", Buffer.from("Rar!\x1a\x07"), /j\.rar: got a file that is no archive/],
    ["k.zip", Buffer.from("PK\x03\x04 and no more"), /k\.zip: got a damaged archive/],
  ])("refuses %s, naming it, and writes nothing", async (name, bytes, message) => {
    writeFileSync(join(folder, name), bytes);
    await expect(load({ dataDir: join(folder, name) })).rejects.toThrow(message);
  });

  it("never hangs or fails in another way over damaged archives", async () => {
    const bases = [
      zipOf(Object.entries(FILES)),
      tarOf(Object.entries(FILES)),
      gzipSync(tarOf(Object.entries(FILES))),
    ];
    let state = 3;
    const below = (n: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    for (let round = 0; round < caseCount(150, 3000); round++) {
      let bytes = Buffer.from(bases[round % 3]!);
      for (let change = below(5); change >= 0; change--) bytes[below(bytes.length)] = below(256);
      if (below(3) === 0) bytes = bytes.subarray(0, below(bytes.length));
      const file = join(folder, "fuzz");
      writeFileSync(file, bytes);
      await load({ dataDir: file }).catch((error: unknown) => expect(error).toBeInstanceOf(ArgumentError));
    }
  });
});

describe("tiny-imagenet", () => {
  const good = (): Record<string, Uint8Array | string> => ({
    "tiny-imagenet-200/wnids.txt": "n2\nn1\n",
    "tiny-imagenet-200/train/n1/images/n1_0.png": plain(1, 64),
    "tiny-imagenet-200/train/n2/images/n2_0.png": plain(2, 64),
    "tiny-imagenet-200/val/images/val_0.png": plain(3, 64),
    "tiny-imagenet-200/val/images/val_1.png": plain(4, 64),
    "tiny-imagenet-200/val/val_annotations.txt": "val_0.png\tn2\t0\t0\t1\t1\nval_1.png\tn1\t0\t0\t1\t1\n",
  });
  const loadTiny = (dataDir = folder) => loadDataset("tiny-imagenet", { dataDir });

  it("takes the validation part, by its annotations, as the test set", async () => {
    write(good());
    writeFileSync(
      join(folder, "x.zip"),
      zipOf(Object.entries(good()).map(([name, content]) => [name, Buffer.from(content)])),
    );
    for (const dataDir of [folder, join(folder, "tiny-imagenet-200"), join(folder, "x.zip")]) {
      const dataset = await loadTiny(dataDir);
      expect(dataset).toMatchObject({ classCount: 2, inputShape: [3, 64, 64], classNames: ["n1", "n2"] });
      expect([...dataset.test.classes]).toEqual([1, 0]);
      expect(dataset.train.count).toBe(2);
    }
  });

  it.each([
    ["n9", /val_annotations\.txt, line 1: got "val_0\.png\\tn9/],
    ["", /line 1/],
  ])("refuses an annotation of class %j", async (name, message) => {
    write({ ...good(), "tiny-imagenet-200/val/val_annotations.txt": `val_0.png\t${name}\n` });
    await expect(loadTiny()).rejects.toThrow(message);
  });

  it("refuses annotations of a file that is not there, and a folder without them", async () => {
    await expect(loadTiny()).rejects.toThrow(/no val\/val_annotations\.txt/);
    write({ ...good(), "tiny-imagenet-200/val/val_annotations.txt": "gone.png\tn1\n" });
    await expect(loadTiny()).rejects.toThrow(/gone\.png: got no such file/);
  });
});

describe("what a data set holds", () => {
  it("has one digest in a folder and in an archive, and another for any other image, class or part", async () => {
    write(FILES);
    const own = (await load()).digest;
    expect(own).toMatch(/^sha256:[\da-f]{64}$/);
    const archive = join(folder, "all.zip");
    writeFileSync(archive, zipOf(Object.entries(FILES)));
    expect((await loadDataset("image-folder", { dataDir: archive })).digest).toBe(own);
    // read when they are asked for: the same
    expect((await load({ memoryBytes: 0 })).digest).toBe(own);
    // as large as before
    write({ "val/dog/y.png": plain(41) });
    const other = (await load()).digest;
    expect(other).not.toBe(own);
    write({ "val/dog/y.png": FILES["val/dog/y.png"]! });
    expect((await load()).digest).toBe(own);
  });

  it("is reported while it is read, from 0 to 1 and never back", async () => {
    const files = Object.fromEntries(
      ["train", "val"].flatMap((part) =>
        Array.from({ length: 150 }, (_, k) => [`${part}/${k % 2 ? "a" : "b"}/${k}.png`, plain(k)] as const),
      ),
    );
    write(files);
    const fractions: number[] = [];
    await load({ progress: (fraction: number) => fractions.push(fraction) });
    expect(fractions.length).toBeGreaterThan(4);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...fractions)).toBeLessThanOrEqual(1);
  });

  it("becomes inputs by the mean and deviation that are given, one for each channel", async () => {
    write(FILES);
    const { train, normalisation } = await load({ mean: [0.5, 0, 0], std: [0.25, 1, 1] });
    expect(normalisation).toEqual({ mean: [0.5, 0, 0], std: [0.25, 1, 1] });
    const x = new Float32Array(3 * 64);
    const reds = Array.from({ length: train.count }, (_, k) => {
      train.fillInto(x, [k]);
      return Math.round((x[0]! * 0.25 + 0.5) * 255);
    });
    expect(reds.sort()).toEqual([10, 11, 20, 21]);
    await expect(load({ mean: [0.5] })).rejects.toThrow("mean: got 0.5, expected 3 finite numbers");
    await expect(load({ std: [1, 0, 1] })).rejects.toThrow(
      "std: got 1,0,1, expected 3 numbers of at least 0.000001",
    );
    await expect(load({ std: [1e-320, 1, 1] })).rejects.toThrow(/expected 3 numbers of at least/);
  });
});
