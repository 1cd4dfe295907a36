/** A training taken up at a checkpoint ends as one that ran through: weights, momenta and events, bit for bit. */
import { NetworkBuilder, type TrainEvent, type Weights } from "@phew/core";
import { describe, expect, it } from "vitest";
import { glyphs } from "../src/datasets/glyphs/glyphs.ts";
import { loadExecutor } from "../src/executors.ts";
import { tensorflowExecutor } from "../src/tensorflow/executor.ts";
import { type TrainOptions, train } from "../src/train.ts";
import type { TrainCheckpoint } from "../src/trainPosition.ts";
import { randomMasks, randomWeights } from "./randomNetworks.ts";
import { backends } from "./tensorflowBackends.ts";

/** All that has a state: running statistics, momenta, and dropout, which draws by the step. */
function smallNetwork() {
  const b = new NetworkBuilder("small", [1, 28, 28]);
  const conv = b.conv2d("conv", b.input, { outChannels: 4, kernel: 5, stride: 3, bias: false });
  const norm = b.batchNorm("norm", conv);
  const hidden = b.dense("hidden", b.flatten(b.activation("relu", norm)), 12);
  return b.build(b.dense("out", b.dropout(0.3, b.activation("relu", hidden)), 3));
}

const network = smallNetwork();
const weights = randomWeights(network, 1);
const dataset = glyphs({ classCount: 3, trainCount: 22, testCount: 9, seed: 5 });

async function run(change: Partial<TrainOptions>) {
  const training = train({
    dataset,
    network,
    weights,
    masks: randomMasks(network, 0.3, 2),
    executor: await loadExecutor("sparse"),
    optimiser: { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 1e-3 } },
    epochCount: 3,
    batchSize: 8,
    rate: 0.05,
    schedule: { kind: "step", drops: [0.5], factor: 0.1 },
    augmentation: { padding: 2, flip: true },
    labelSmoothing: 0.1,
    seed: 7,
    threadCount: 1,
    stepInterval: 2,
    ...change,
  });
  const events: TrainEvent[] = [];
  for (;;) {
    const next = await training.next();
    if (next.done) return { events, outcome: next.value };
    events.push(next.value);
  }
}

/** An event without what the clock says. */
function timeless(event: TrainEvent): object {
  const {
    elapsedMs: _,
    imagesPerSecond: __,
    layerMs: ___,
    ...rest
  } = { elapsedMs: 0, imagesPerSecond: 0, layerMs: [], ...event };
  return rest;
}

const bits = (values: Weights) =>
  new Map(Array.from(values, ([name, array]) => [name, [...new Uint32Array(array.slice().buffer)]]));

/** Runs through, keeping a checkpoint wherever one may be. */
async function withCheckpoints(executor: Partial<TrainOptions>) {
  const kept: TrainCheckpoint[] = [];
  const keep = async (checkpoint: TrainCheckpoint) => void kept.push(checkpoint);
  const training = await run({ ...executor, checkpoints: { due: () => true, keep } });
  return { ...training, kept };
}

const executors = [
  { heading: "sparse", present: true, factory: () => loadExecutor("sparse") },
  ...backends.map(({ backend, heading, present }) => ({
    heading: `tensorflow on ${heading}`,
    present,
    factory: async () => tensorflowExecutor(backend),
  })),
];

describe.each(executors)("on $heading", ({ present, factory }) => {
  it.runIf(present)("goes on from every place where a checkpoint may be", async () => {
    const executor = { executor: await factory() };
    const whole = await run(executor);
    const { kept, outcome } = await withCheckpoints(executor);
    // keeping checkpoints changes nothing
    expect(bits(outcome.weights)).toEqual(bits(whole.outcome.weights));
    // before the first step, after each of 3 × 3, those that end an epoch after its evaluation
    expect(kept.map(({ position }) => position.step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const checkpoint of kept) {
      const resumed = await run({ ...executor, weights: new Map(), resume: checkpoint });
      expect(bits(resumed.outcome.weights)).toEqual(bits(whole.outcome.weights));
      expect(resumed.outcome.epochs).toEqual(whole.outcome.epochs);
      const { step, epochs } = checkpoint.position;
      const later = whole.events.filter((event) =>
        event.kind === "train.step"
          ? event.step > step
          : event.kind === "train.epoch"
            ? event.epoch > epochs.length
            : event.kind === "train.finished",
      );
      expect(resumed.events.map(timeless)).toEqual(later.map(timeless));
    }
  });
});

it("goes on with the masks of the checkpoint, and keeps them", async () => {
  const { kept } = await withCheckpoints({});
  expect(kept.every(({ masks }) => masks === undefined)).toBe(true);
  const masks = randomMasks(network, 0.6, 9);
  const resumed = await run({
    resume: { ...kept[4]!, masks },
    checkpoints: { due: () => true, keep: async (checkpoint) => void kept.push(checkpoint) },
  });
  expect(kept.slice(11).map((checkpoint) => checkpoint.masks)).toEqual(kept.slice(11).map(() => masks));
  for (const parameter of network.prunable) {
    const values = resumed.outcome.weights.get(parameter.name)!;
    const mask = masks.of(parameter);
    expect(values.every((w, k) => mask[k] === 1 || w === 0)).toBe(true);
    const grown = kept[4]!.weights.get(parameter.name)!.map((w, k) => (w === 0 ? values[k]! : 0));
    expect(grown.some((w) => w !== 0)).toBe(true);
  }
});

it("keeps a checkpoint where the signal comes, in the midst of an evaluation too", async () => {
  const whole = await run({});
  for (const turns of [0, 1, 2, 3, 4, 5, 7]) {
    const stop = new AbortController();
    const base = await loadExecutor("sparse");
    let calls = 0;
    const counting: TrainOptions["executor"] = async (options) => {
      const inner = await base(options);
      const counted = <A extends unknown[], R>(method: (...args: A) => R) => {
        return (...args: A): R => {
          if (calls++ === turns) stop.abort();
          return method.apply(inner, args);
        };
      };
      return Object.assign(Object.create(inner), {
        name: inner.name,
        backend: inner.backend,
        step: counted(inner.step),
        evaluate: counted(inner.evaluate),
        weights: () => inner.weights(),
        state: () => inner.state(),
        restore: (...args: Parameters<typeof inner.restore>) => inner.restore(...args),
        stateNorms: (buffer: string) => inner.stateNorms!(buffer),
        startTiming: () => inner.startTiming!(),
        endTiming: () => inner.endTiming!(),
        dispose: () => inner.dispose(),
      });
    };
    const kept: TrainCheckpoint[] = [];
    const keeper = {
      due: () => false,
      async keep(checkpoint: TrainCheckpoint) {
        kept.push(checkpoint);
      },
    };
    const stopped = await run({ executor: counting, signal: stop.signal, checkpoints: keeper });
    expect(stopped.outcome.interrupted).toBe(true);
    expect(kept.length).toBe(1);
    const resumed = await run({ resume: kept[0]! });
    expect(bits(resumed.outcome.weights)).toEqual(bits(whole.outcome.weights));
    expect([...stopped.events, ...resumed.events].map(timeless)).toEqual(whole.events.map(timeless));
  }
});
