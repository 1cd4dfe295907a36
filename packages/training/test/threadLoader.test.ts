/** Batches of a thread are those of this one, byte for byte, and it ends when and as the training does. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { NetworkBuilder, type TrainEvent } from "@phew/core";
import fc from "fast-check";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ByteImages, type Dataset, FloatExamples } from "../src/datasets/dataset.ts";
import { loadDecode } from "../src/datasets/images/decode.ts";
import { ImageFiles } from "../src/datasets/images/imageFiles.ts";
import { takeParts } from "../src/datasets/splits.ts";
import { loadExecutor } from "../src/executors.ts";
import { type BatchLoader, inlineLoader, type LoaderFactory, type Part } from "../src/pipeline/loader.ts";
import { epochOrder } from "../src/pipeline/order.ts";
import { threadLoader, usualLoader } from "../src/pipeline/threadLoader.ts";
import { type TrainOptions, train } from "../src/train.ts";
import type { TrainCheckpoint } from "../src/trainPosition.ts";
import { randomWeights } from "./randomNetworks.ts";
import { backends } from "./tensorflowBackends.ts";

const SHAPE = [2, 6, 5] as const;
const LENGTH = 60;
const NORMALISATION = { mean: [0.3, 0.4], std: [0.2, 0.3] };
const AUGMENTATION = { padding: 2, flip: true };

const classesOf = (count: number) => Uint8Array.from({ length: count }, (_, k) => k % 3);

function bytes(count: number): ByteImages {
  const pixels = Uint8Array.from({ length: count * LENGTH }, (_, k) => (k * 37 + (k >> 5)) & 255);
  return new ByteImages([...SHAPE], pixels, classesOf(count), NORMALISATION);
}

function floats(count: number): FloatExamples {
  const values = Float32Array.from({ length: count * LENGTH }, (_, k) => Math.sin(k));
  return new FloatExamples([...SHAPE], values, classesOf(count));
}

const named = (train: Dataset["train"], test: Dataset["test"]): Dataset => ({
  name: "small",
  classCount: 3,
  inputShape: [...SHAPE],
  normalisation: NORMALISATION,
  train,
  test,
});

/** Training and validation examples in one store, in another order than it has. */
const dataset = takeParts(named(bytes(45), floats(12)), { validation: 0.2, seed: 3 });

const network = (() => {
  const b = new NetworkBuilder("small", [...SHAPE]);
  const conv = b.conv2d("conv", b.input, { outChannels: 3, kernel: 3, stride: 1, bias: true });
  return b.build(b.dense("out", b.flatten(b.activation("relu", conv)), 3));
})();

async function run(change: Partial<TrainOptions>) {
  const events: TrainEvent[] = [];
  const training = train({
    dataset,
    network,
    weights: randomWeights(network, 1),
    executor: await loadExecutor("sparse"),
    optimiser: { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 1e-3 } },
    epochCount: 3,
    batchSize: 8,
    rate: 0.05,
    schedule: { kind: "step", drops: [0.5], factor: 0.1 },
    augmentation: AUGMENTATION,
    seed: 7,
    threadCount: 1,
    ...change,
  });
  for (;;) {
    const next = await training.next();
    if (next.done) return { events, outcome: next.value };
    events.push(next.value);
  }
}

async function batchesOf(loader: BatchLoader, part: Part, order: Uint32Array, epoch: number) {
  const draw = part === "train" ? { draw: { augmentation: AUGMENTATION, seed: 5, epoch } } : {};
  const all = [];
  for await (const { x, y, count } of loader.batches({ part, order, ...draw }))
    all.push({ x: [...x], y: [...y], count });
  return all;
}

async function withLoader<T>(
  factory: LoaderFactory,
  of: Dataset,
  batchSize: number,
  use: (loader: BatchLoader) => Promise<T>,
): Promise<T> {
  const loader = await factory({ dataset: of, batchSize });
  try {
    return await use(loader);
  } finally {
    await loader.dispose();
  }
}

describe("the loader on a thread", () => {
  it("gives the batches of this thread, byte for byte, whatever was left untaken before", async () => {
    const loader = await threadLoader({ dataset, batchSize: 7 });
    const inline = await inlineLoader({ dataset, batchSize: 7 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Part>("train", "validation", "test"),
        fc.nat(50),
        fc.nat(4),
        async (part, seed, taken) => {
          const order = epochOrder(dataset[part]!.count, seed, 1);
          expect(await batchesOf(loader, part, order, seed + 1)).toEqual(
            await batchesOf(inline, part, order, seed + 1),
          );
          let count = 0;
          for await (const _ of loader.batches({ part, order })) if (count++ >= taken) break;
        },
      ),
      { numRuns: 30 },
    );
    expect(await batchesOf(loader, "train", new Uint32Array(0), 1)).toEqual([]);
    await loader.dispose();
  });

  it.each(["sparse", "tensorflow"])("gives the same losses and weights on %s", async (name) => {
    const backend = backends.find(({ present }) => present);
    if (name === "tensorflow" && backend === undefined) return;
    const executor = await loadExecutor(name);
    const timeless = (events: readonly TrainEvent[]) =>
      events.map((event) => ({ ...event, elapsedMs: 0, imagesPerSecond: 0, layerMs: [] }));
    const [own, thread] = [
      await run({ executor, loader: inlineLoader }),
      await run({ executor, loader: threadLoader }),
    ];
    expect(timeless(thread.events)).toEqual(timeless(own.events));
    expect(thread.outcome.weights).toEqual(own.outcome.weights);
  });

  it("goes on from a checkpoint with the bytes of a training that ran through", async () => {
    const kept: TrainCheckpoint[] = [];
    const keep = async (checkpoint: TrainCheckpoint) => void kept.push(checkpoint);
    const whole = await run({
      loader: threadLoader,
      checkpoints: { due: ({ step }) => step === 7 || step === 10, keep },
    });
    // in the midst of an epoch, and where one ends
    expect(kept.map(({ position }) => position.step)).toEqual([7, 10]);
    for (const resume of kept) {
      const resumed = await run({ loader: threadLoader, weights: new Map(), resume });
      expect(resumed.outcome.weights).toEqual(whole.outcome.weights);
    }
  });

  it("is taken where inputs take work alone", async () => {
    expect(usualLoader(dataset)).toBe(inlineLoader);
    expect([inlineLoader, threadLoader]).toContain(usualLoader(dataset, AUGMENTATION));
    const { source: _, ...unsent } = { ...floats(3), fillInto: () => undefined };
    const own = { ...dataset, test: unsent };
    expect(usualLoader(own, AUGMENTATION)).toBe(inlineLoader);
    await expect(threadLoader({ dataset: own, batchSize: 2 })).rejects.toThrow(
      /test examples of small: got examples that only one thread can read/,
    );
  });
});

describe("image files on the thread", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "phew-loader-"));
    for (let k = 0; k < 6; k++) {
      const png = new PNG({ width: 4, height: 4 });
      png.data.forEach((_, i) => {
        png.data[i] = (i * 13 + k * 29) & 255;
      });
      writeFileSync(join(folder, `${k}.png`), PNG.sync.write(png));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function imageDataset(names: readonly string[]): Promise<Dataset> {
    const frame = {
      stored: [3, 4, 4],
      input: [3, 4, 4],
      normalisation: { mean: [0, 0, 0], std: [1, 1, 1] },
    } as const;
    const files = names.map((name) => ({ name: `images/${name}`, path: join(folder, name) }));
    const store = { kind: "imageFiles", frame, files, cacheBytes: 100 } as const;
    const images = new ImageFiles(store, await loadDecode());
    const fillInto = images.fillInto.bind(images);
    const part = { count: files.length, classes: classesOf(files.length), source: { store }, fillInto };
    return { ...named(part, part), inputShape: [3, 4, 4] };
  }

  it("are decoded there to the same bytes", async () => {
    const images = await imageDataset([0, 1, 2, 3, 4, 5].map((k) => `${k}.png`));
    const order = epochOrder(6, 1, 1);
    const read = (loader: BatchLoader) => batchesOf(loader, "train", order, 2);
    expect(await withLoader(threadLoader, images, 4, read)).toEqual(
      await withLoader(inlineLoader, images, 4, read),
    );
  });

  it("end the training with their own words where one is damaged, after the batches before it", async () => {
    writeFileSync(join(folder, "bad.png"), "no image at all, but some bytes of text");
    const images = await imageDataset(["0.png", "1.png", "2.png", "bad.png"]);
    const seen = async (loader: BatchLoader) => {
      const counts: number[] = [];
      try {
        for await (const { count } of loader.batches({ part: "test", order: Uint32Array.of(0, 1, 2, 3) }))
          counts.push(count);
      } catch (error) {
        const { name, message, subject } = error as Error & { subject: string };
        return { counts, name, message, subject };
      }
      return { counts };
    };
    const own = await withLoader(inlineLoader, images, 2, seen);
    expect(await withLoader(threadLoader, images, 2, seen)).toEqual(own);
    expect(own).toMatchObject({ counts: [2], name: "ArgumentError", subject: "images/bad.png" });
  });
});

describe("the end of the thread", () => {
  it("comes with the training's, where a signal stopped it in the middle of an epoch", async () => {
    const controller = new AbortController();
    const disposed: string[] = [];
    const loader: LoaderFactory = async (options) => {
      const inner = await threadLoader(options);
      return {
        async *batches(request) {
          let count = 0;
          for await (const batch of inner.batches(request)) {
            if (request.part === "train" && ++count === 2) controller.abort();
            yield batch;
          }
        },
        async dispose() {
          await inner.dispose();
          disposed.push("thread");
        },
      };
    };
    const { outcome } = await run({ loader, signal: controller.signal });
    expect(outcome.interrupted).toBe(true);
    expect(disposed).toEqual(["thread"]);
  });

  it("is an error of who waits for a batch", async () => {
    const loader = await threadLoader({ dataset, batchSize: 4 });
    const batches = loader.batches({ part: "train", order: epochOrder(36, 1, 1) });
    await batches.next();
    await loader.dispose();
    const taken = async () => {
      for await (const _ of batches);
    };
    await expect(taken()).rejects.toThrow(/the thread that fills batches ended/);
  });

  it("does not wait for a loader that nobody disposed of", async () => {
    const program = `
      import { sharedBytes } from ${JSON.stringify(new URL("../dist/datasets/dataset.js", import.meta.url))};
      import { ByteImages } from ${JSON.stringify(new URL("../dist/datasets/dataset.js", import.meta.url))};
      import { threadLoader } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url))};
      const images = new ByteImages([1, 2, 2], sharedBytes(16), new Uint8Array(4), { mean: [0], std: [1] });
      const dataset = { name: "zeros", classCount: 2, inputShape: [1, 2, 2], train: images, test: images };
      const loader = await threadLoader({ dataset, batchSize: 2 });
      for await (const { count } of loader.batches({ part: "train", order: Uint32Array.of(3, 1, 2) })) console.log(count);
      loader.batches({ part: "train", order: Uint32Array.of(3, 1, 2) }).next();
    `;
    const args = ["--input-type=module", "--eval", program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 300_000 });
    expect(stdout).toBe("2\n1\n");
  });
});
