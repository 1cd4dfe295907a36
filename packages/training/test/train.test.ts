import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Masks, type Network, NetworkBuilder, type TrainEvent, type Weights, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../src/datasets/dataset.ts";
import { glyphs } from "../src/datasets/glyphs/glyphs.ts";
import { GradientError } from "../src/diverged.ts";
import type { Executor, ExecutorFactory, ExecutorOptions, OptimiserState } from "../src/executor.ts";
import { executorNames, loadExecutor } from "../src/executors.ts";
import { epochsTo, stepEventInterval, type TrainOptions, type TrainOutcome, train } from "../src/train.ts";
import { randomMasks, randomWeights } from "./randomNetworks.ts";

/** Examples whose one input is their own number, so that a test sees which ones a batch holds. */
function numbered(trainCount: number, testCount: number): Dataset {
  const part = (count: number) => ({
    count,
    classes: Uint8Array.from({ length: count }, (_, k) => k % 2),
    fillInto: (x: Float32Array, indices: ArrayLike<number>) => x.set(Array.from(indices)),
  });
  return {
    name: "numbers",
    classCount: 2,
    inputShape: [1, 1, 1],
    normalisation: { mean: [0], std: [1] },
    train: part(trainCount),
    test: part(testCount),
  };
}

function tinyNetwork(): Network {
  const b = new NetworkBuilder("tiny", [1]);
  return b.build(b.dense("fc", b.input, 2));
}

/** An executor that learns nothing and writes down what it is given. */
class Recorder implements Executor {
  readonly name = "recorder";
  readonly backend = "none";
  readonly trained: number[][] = [];
  readonly evaluated: number[][] = [];
  readonly rates: number[] = [];
  disposed = false;
  options: ExecutorOptions | undefined;
  /** Loss of each step, by its number from 1. */
  lossOf: (step: number) => number = (step) => 1 / step;
  testLossOf: (count: number) => number = (count) => count;
  nonFinite: string | undefined;

  readonly factory: ExecutorFactory = async (options) => {
    this.options = options;
    return this;
  };

  async step(batch: { x: Float32Array; y: Int32Array; count: number }, rate: number) {
    this.trained.push([...batch.x]);
    this.rates.push(rate);
    expect([...batch.y]).toEqual([...batch.x].map((k) => k % 2));
    return { loss: this.lossOf(this.trained.length), correctCount: 1 };
  }

  async evaluate(batch: { x: Float32Array; count: number }) {
    this.evaluated.push([...batch.x]);
    return { loss: this.testLossOf(batch.count), correctCount: batch.count - 1, correct5Count: batch.count };
  }

  firstNonFinite() {
    return this.nonFinite;
  }

  async predict() {
    return new Float32Array(0);
  }

  async changeMasks() {}

  async absentGradients() {
    return { loss: 0, correctCount: 0 };
  }

  async weights(): Promise<Weights> {
    return new Map([["fc.weight", Float32Array.of(this.trained.length)]]);
  }

  async state(): Promise<OptimiserState> {
    return new Map();
  }

  async restore() {}

  dispose() {
    this.disposed = true;
  }
}

async function run(
  change: Partial<TrainOptions> & { recorder?: Recorder; onEvent?: (event: TrainEvent) => void } = {},
) {
  const { recorder = new Recorder(), onEvent, ...options } = change;
  const network = tinyNetwork();
  const training = train({
    dataset: numbered(10, 5),
    network,
    weights: randomWeights(network, 0),
    executor: recorder.factory,
    optimiser: { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 0 } },
    epochCount: 3,
    batchSize: 4,
    rate: 0.1,
    seed: 7,
    stepInterval: 1,
    ...options,
  });
  const events: TrainEvent[] = [];
  for (;;) {
    const next = await training.next();
    if (next.done) return { events, outcome: next.value as TrainOutcome, recorder };
    events.push(next.value);
    onEvent?.(next.value);
  }
}

const kinds = (events: readonly TrainEvent[]) => events.map(({ kind }) => kind.slice("train.".length));

describe("train", () => {
  it("goes through all examples once an epoch, in another order each time, and through the test set in order", async () => {
    const { recorder } = await run();
    expect(recorder.trained.map((batch) => batch.length)).toEqual([4, 4, 2, 4, 4, 2, 4, 4, 2]);
    const orders = [0, 3, 6].map((first) => recorder.trained.slice(first, first + 3).flat());
    for (const order of orders)
      expect(order.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(orders.map(String)).size).toBe(3);
    expect(recorder.evaluated).toEqual(Array.from({ length: 3 }, () => [[0, 1, 2, 3], [4]]).flat());
    expect(recorder.disposed).toBe(true);
  });

  it("tells what happens, with numbers that add up", async () => {
    const { events, outcome } = await run();
    const epoch = ["step", "step", "step", "epoch"];
    expect(kinds(events)).toEqual(["started", ...epoch, ...epoch, ...epoch, "finished"]);
    expect(events[0]).toEqual({
      kind: "train.started",
      executor: "recorder (none)",
      epochCount: 3,
      stepsPerEpoch: 3,
      batchSize: 4,
      trainCount: 10,
      testCount: 5,
      // one input unit, two output units
      multiplyAdds: { dense: 2, kept: 2 },
    });
    const half = new Masks(tinyNetwork(), Uint8Array.of(0, 1));
    expect((await run({ masks: half })).events[0]).toMatchObject({ multiplyAdds: { dense: 2, kept: 1 } });
    expect(events[7]).toMatchObject({ kind: "train.step", epoch: 2, step: 6, loss: 1 / 6, rate: 0.1 });
    // means over examples, not over batches
    expect(events[4]).toMatchObject({
      kind: "train.epoch",
      epoch: 1,
      loss: (4 * 1 + 4 / 2 + 2 / 3) / 10,
      accuracy: 0.3,
      testLoss: (4 * 4 + 1 * 1) / 5,
      testAccuracy: 3 / 5,
      testAccuracy5: 1,
      rate: 0.1,
    });
    expect(events.at(-1)).toMatchObject({ kind: "train.finished", testAccuracy: 3 / 5 });
    expect(outcome.interrupted).toBe(false);
    expect(outcome.epochs).toHaveLength(3);
    expect(outcome.weights.get("fc.weight")).toEqual(Float32Array.of(9));
  });

  it("takes the same order for the same seed and another for another", async () => {
    const first = (await run()).recorder.trained;
    expect((await run()).recorder.trained).toEqual(first);
    expect((await run({ seed: 8 })).recorder.trained).not.toEqual(first);
  });

  it("evaluates before the first step where asked to", async () => {
    const { events, outcome, recorder } = await run({ evaluateFirst: true });
    expect(kinds(events).slice(0, 3)).toEqual(["started", "epoch", "step"]);
    expect(events[1]).toMatchObject({ epoch: 0, testAccuracy: 3 / 5 });
    expect(outcome.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3]);
    expect(recorder.trained).toHaveLength(9);
  });

  it("drops the rate when the fractions of all epochs have passed", async () => {
    const schedule = { kind: "step", drops: [0.5, 0.75], factor: 0.1 } as const;
    const { recorder } = await run({ epochCount: 4, schedule });
    const perEpoch = [0, 3, 6, 9].map((first) => recorder.rates[first]!);
    [0.1, 0.1, 0.01, 0.001].forEach((rate, k) => {
      expect(perEpoch[k]).toBeCloseTo(rate, 12);
    });
  });

  it("stops once patience is over, by the validation examples alone, and tells of the best epoch", async () => {
    // right of 5: epochs 1 to 6; the test set would choose another
    const validation = [1, 3, 2, 3, 2, 5];
    const test = [1, 1, 5, 1, 5, 1];
    const recorder = new Recorder();
    let evaluations = 0;
    recorder.evaluate = async (batch) => {
      const epoch = Math.floor(evaluations / 2);
      const right = evaluations++ % 2 === 0 ? validation : test;
      return { loss: 1, correctCount: right[epoch]!, correct5Count: batch.count };
    };
    const dataset = { ...numbered(10, 5), validation: numbered(10, 5).test };
    const best: number[] = [];
    const onBest = (weights: Weights, { epoch }: { epoch: number }) => {
      expect(weights.get("fc.weight")).toEqual(Float32Array.of(2 * epoch));
      best.push(epoch);
    };
    const options = { recorder, dataset, epochCount: 6, batchSize: 5, patience: 3, onBest };
    const { events, outcome } = await run(options);
    expect(outcome.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5]);
    expect(best).toEqual([1, 2]);
    expect(events[0]).toMatchObject({ validationCount: 5, testCount: 5 });
    const last = { kind: "train.finished", bestEpoch: 2, testAccuracy: 1 / 5 };
    expect(events.at(-1)).toMatchObject(last);
    expect(outcome.epochs[2]).toMatchObject({ validationAccuracy: 2 / 5, testAccuracy: 1 });
  });

  it("refuses patience without validation examples, and augmentation of what are no images", async () => {
    await expect(run({ patience: 3 })).rejects.toThrow(/patience: got a data set without validation/);
    await expect(run({ augmentation: { padding: 0, flip: true } })).rejects.toThrow(/expected images/);
  });

  it("reports every so many steps, counted over all epochs", async () => {
    const { events } = await run({ stepInterval: 4 });
    expect(kinds(events)).toEqual(["started", "epoch", "step", "epoch", "step", "epoch", "finished"]);
    expect(events.flatMap((event) => (event.kind === "train.step" ? [event.step] : []))).toEqual([4, 8]);
  });

  it("reports small steps ten times an epoch, and steps of a second each", () => {
    const intervalOf = (model: string, trainCount: number) => {
      const network = zooModel(model);
      return stepEventInterval({ network, batchSize: 128, dataset: numbered(trainCount, 1) });
    };
    expect(intervalOf("lenet5", 128 * 55)).toBe(5);
    expect(intervalOf("resnet20", 50_000)).toBe(1);
    // 6 + 16 maps of 5 × 5 and three dense layers: 416,520 multiply-adds forward, three times as many a step
    expect(intervalOf("lenet5", 128 * 1000)).toBe(Math.round(1e9 / (3 * 128 * 416_520)));
    expect(intervalOf("lenet5", 1)).toBe(1);
  });

  it("lets signals in though no step waits for anything", async () => {
    const stop = new AbortController();
    const recorder = new Recorder();
    recorder.lossOf = () => {
      const until = performance.now() + 2;
      while (performance.now() < until);
      return 1;
    };
    setTimeout(() => stop.abort(), 20);
    const { outcome } = await run({ recorder, signal: stop.signal, epochCount: 1000 });
    expect(outcome.interrupted).toBe(true);
  });

  it("stops at the signal: after the step under way, or between batches of an evaluation", async () => {
    const inEpoch = new AbortController();
    const recorder = new Recorder();
    const stopped = await run({
      recorder,
      signal: inEpoch.signal,
      onEvent: (event) => {
        if (event.kind === "train.step" && event.step === 5) inEpoch.abort();
      },
    });
    expect(recorder.trained).toHaveLength(5);
    expect(stopped.outcome).toMatchObject({ interrupted: true });
    expect(stopped.outcome.epochs.map(({ epoch }) => epoch)).toEqual([1]);
    expect(kinds(stopped.events).at(-1)).toBe("step");
    expect(recorder.disposed).toBe(true);

    const before = await run({ signal: AbortSignal.abort() });
    expect(before.recorder.trained).toHaveLength(0);
    expect(before.outcome).toMatchObject({ interrupted: true, epochs: [] });
  });

  it("finishes though the signal comes with the last epoch's event", async () => {
    const late = new AbortController();
    const { outcome, events } = await run({
      signal: late.signal,
      onEvent: (event) => {
        if (event.kind === "train.epoch" && event.epoch === 3) late.abort();
      },
    });
    expect(outcome.interrupted).toBe(false);
    expect(kinds(events).at(-1)).toBe("finished");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "stops where the loss becomes %f, naming epoch, step and layer",
    async (loss) => {
      const recorder = new Recorder();
      recorder.lossOf = (step) => (step === 5 ? loss : 1);
      recorder.nonFinite = "conv2";
      await expect(run({ recorder })).rejects.toMatchObject({
        name: "DivergedError",
        epoch: 2,
        step: 5,
        layer: "conv2",
        message: `Training diverged in epoch 2, step 5: the loss is ${loss}; "conv2" is the first layer whose values are not finite. Lower the learning rate, or start from other weights.`,
      });
      expect(recorder.trained).toHaveLength(5);
      expect(recorder.disposed).toBe(true);
    },
  );

  it("stops where the loss on the test set is no number, though those of the steps were", async () => {
    const recorder = new Recorder();
    recorder.testLossOf = () => Number.NaN;
    await expect(run({ recorder })).rejects.toThrow(
      "Training diverged in epoch 1, step 3: the loss on the test set is NaN. Lower the learning rate",
    );
  });

  it("says which gradient is not finite, where the executor does", async () => {
    const recorder = new Recorder();
    recorder.lossOf = () => {
      throw new GradientError("conv1.weight");
    };
    await expect(run({ recorder })).rejects.toThrow(
      'Training diverged in epoch 1, step 1: the gradient of "conv1.weight" is no longer finite.',
    );
  });

  it("hands the executor what it needs and nothing it was not given", async () => {
    const network = tinyNetwork();
    const masks = randomMasks(network, 0.5, 1);
    const { recorder } = await run({ masks, labelSmoothing: 0.1, threadCount: 2 });
    expect(recorder.options).toMatchObject({
      masks,
      labelSmoothing: 0.1,
      threadCount: 2,
      batchSize: 4,
      seed: 7,
    });
    const plain = (await run()).recorder.options!;
    expect("masks" in plain || "threadCount" in plain).toBe(false);
  });

  it.each([
    ["no epoch", { epochCount: 0 }, /epochs: got 0/],
    ["half an epoch", { epochCount: 1.5 }, /epochs: got 1.5/],
    ["batch size 0", { batchSize: 0 }, /batch size: got 0/],
    ["rate 0", { rate: 0 }, /learning rate: got 0/],
    ["rate NaN", { rate: Number.NaN }, /learning rate: got NaN/],
    [
      "a drop at 1",
      { schedule: { kind: "step", drops: [0.5, 1], factor: 0.1 } },
      /drops of the learning rate: got 1/,
    ],
    [
      "factor 0",
      { schedule: { kind: "step", drops: [0.5], factor: 0 } },
      /factor of the learning rate: got 0/,
    ],
    [
      "other images",
      { network: zooModel("lenet5") },
      /network "lenet5": got inputs of 1 × 28 × 28, expected 1 × 1 × 1/,
    ],
    [
      "other classes",
      { dataset: { ...numbered(4, 4), classCount: 3 } },
      /network "tiny": got 2 outputs, expected 3/,
    ],
  ] as [string, Partial<TrainOptions>, RegExp][])("refuses %s", async (_what, change, message) => {
    await expect(run(change)).rejects.toThrow(message);
  });
});

describe("training on tensorflow", () => {
  it("gives the same losses and weights for the same seed, and learns glyphs", async () => {
    const dataset = glyphs({ classCount: 2, trainCount: 400, testCount: 64, seed: 3 });
    const b = new NetworkBuilder("little", [1, 28, 28]);
    const conv = b.conv2d("conv", b.input, { outChannels: 4, kernel: 5, stride: 3 });
    const x = b.relu(b.batchNorm("bn", conv));
    const network = b.build(b.dense("fc", b.flatten(b.dropout(0.2, x)), 2));
    const options = {
      dataset,
      network,
      weights: randomWeights(network, 1),
      executor: await loadExecutor("tensorflow"),
      optimiser: { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 1e-4 } },
      epochCount: 6,
      batchSize: 40,
      rate: 0.02,
    };
    const [one, again, other] = [
      await run({ ...options, seed: 1 }),
      await run({ ...options, seed: 1 }),
      await run({ ...options, seed: 2 }),
    ];
    const losses = ({ events }: { events: TrainEvent[] }) =>
      events.flatMap((event) => (event.kind === "train.step" ? [event.loss] : []));
    expect(losses(one)).toHaveLength(60);
    expect(losses(again)).toEqual(losses(one));
    expect(again.outcome.weights).toEqual(one.outcome.weights);
    expect(losses(other)).not.toEqual(losses(one));
    // 0 against 1: chance is one half
    expect(one.outcome.epochs.at(-1)!.testAccuracy).toBeGreaterThan(0.8);
  });
});

describe("epochsTo", () => {
  const epochs = [0.1, 0.5, 0.9, 0.8, 0.95].map((testAccuracy, epoch) => ({
    epoch,
    testAccuracy,
    testLoss: 1,
  }));

  it("is the first epoch that reaches the accuracy", () => {
    expect(epochsTo(0.5, epochs)).toBe(1);
    expect(epochsTo(0.85, epochs)).toBe(2);
    expect(epochsTo(0.91, epochs)).toBe(4);
    expect(epochsTo(0.96, epochs)).toBeUndefined();
    expect(epochsTo(0.5, [])).toBeUndefined();
  });
});

describe("loading", () => {
  it("knows its executors by name", async () => {
    expect(executorNames).toContain("tensorflow");
    await expect(loadExecutor("tensorfow")).rejects.toThrow(
      /executor: got "tensorfow".*Did you mean "tensorflow"/,
    );
    await expect(loadExecutor("constructor")).rejects.toThrow(/executor: got "constructor"/);
  });

  it("reaches TensorFlow.js from the package's entry by dynamic imports alone", () => {
    const source = fileURLToPath(new URL("../src/", import.meta.url));
    const seen = new Set<string>();
    const packages = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      const text = readFileSync(path, "utf8").replaceAll(/import type [^;]*;|export type [^;]*;/g, "");
      for (const [, from] of text.matchAll(/(?:^|\n)(?:import|export)\b[^;]*?\bfrom "([^"]+)"/g)) {
        if (from!.startsWith(".")) visit(join(dirname(path), from!));
        else packages.add(from!);
      }
    };
    visit(join(source, "index.ts"));
    expect(seen.size).toBeGreaterThan(10);
    expect(packages).toContain("@phew/core");
    expect([...packages].filter((name) => name.startsWith("@tensorflow"))).toEqual([]);
  });
});
