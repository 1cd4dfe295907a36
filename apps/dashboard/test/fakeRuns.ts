/** Runs as a runner would write them, made up from formulas and a seed: for tests and for looking at the screen. */
import type { LayerMeasure, MaskMeasures, TimedRunEvent } from "@phew/runs";

export interface FakeRunOptions {
  readonly method: string;
  /** 1: dense, nothing is pruned. */
  readonly density: number;
  readonly seed: number;
  readonly model: "lenet5" | "resnet20";
  readonly epochCount: number;
  /** Time of the first event, milliseconds since the epoch. */
  readonly startT: number;
  /** Milliseconds from one training step to the next. */
  readonly stepMs: number;
}

const STEPS_PER_EPOCH = 40;
const BATCH_SIZE = 128;

/** All events of a run that ends well, in order. */
export function* fakeEvents(options: FakeRunOptions): Generator<TimedRunEvent> {
  const { method, density, seed, model, epochCount } = options;
  const next = mulberry32(seed * 7919 + Math.round(density * 1e6) + method.length);
  let t = options.startT;
  yield {
    t,
    kind: "run.started",
    name: fakeName(options),
    config: { model, dataset: "glyphs", method, density, seed, epochs: epochCount },
  };
  if (density < 1) {
    for (const event of pruneEvents(options, t)) {
      t = event.t;
      yield event;
    }
  }
  yield {
    t,
    kind: "train.started",
    executor: "tensorflow (tfjs-wasm)",
    epochCount,
    stepsPerEpoch: STEPS_PER_EPOCH,
    batchSize: BATCH_SIZE,
    trainCount: STEPS_PER_EPOCH * BATCH_SIZE,
    testCount: 1024,
  };
  const trainStartT = t;
  const ceiling =
    0.985 - 0.03 * Math.log10(1 / density) - (method === "phew" || method === "dense" ? 0 : 0.05);
  const speed = method === "phew" ? 0.03 : 0.022;
  let step = 0;
  for (let epoch = 1; epoch <= epochCount; epoch++) {
    for (let s = 0; s < STEPS_PER_EPOCH; s++) {
      step++;
      t += options.stepMs;
      const loss = 2.3 * Math.exp(-speed * step) + 0.09 + (0.25 * (next() - 0.5)) / (1 + step / 40);
      const imagesPerSecond = (BATCH_SIZE / options.stepMs) * 1000 * (0.95 + 0.1 * next());
      yield { t, kind: "train.step", epoch, step, loss: Math.max(0.01, loss), rate: 0.1, imagesPerSecond };
    }
    const progress = 1 - Math.exp(-speed * step * 1.4);
    yield {
      t,
      kind: "train.epoch",
      epoch,
      loss: 2.3 * Math.exp(-speed * step) + 0.1,
      accuracy: 0.1 + (ceiling - 0.09) * progress,
      testLoss: 2.25 * Math.exp(-speed * step) + 0.12 + 0.02 * next(),
      testAccuracy: 0.1 + (ceiling - 0.1) * progress + 0.008 * (next() - 0.5),
      rate: 0.1,
      elapsedMs: t - trainStartT,
    };
  }
  const testAccuracy = 0.1 + (ceiling - 0.1) * (1 - Math.exp(-speed * step * 1.4));
  yield { t, kind: "train.finished", testAccuracy, testLoss: 0.13, elapsedMs: t - trainStartT };
  yield { t, kind: "run.finished", elapsedMs: t - options.startT };
}

export function fakeName({ method, density, seed }: FakeRunOptions): string {
  return density < 1 ? `${method} ${100 * density} % seed ${seed}` : `dense seed ${seed}`;
}

function* pruneEvents(options: FakeRunOptions, startT: number): Generator<TimedRunEvent> {
  const { method, density } = options;
  const shapes = fakeLayers(options.model);
  const prunableCount = shapes.reduce((sum, { shape }) => sum + count(shape), 0);
  const keepCount = Math.floor(density * prunableCount);
  yield { t: startT, kind: "prune.started", method, density, keepCount, prunableCount };
  const walks = method === "phew" || method === "uniform-walk";
  const chunkCount = 25;
  let elapsedMs = 0;
  for (let chunk = 1; chunk <= chunkCount; chunk++) {
    elapsedMs += options.stepMs;
    const share = 1 - (1 - chunk / chunkCount) ** 1.6;
    const keptCount = Math.round(keepCount * share);
    const walkCount = Math.round((keepCount / 3.1) * (chunk / chunkCount) ** 1.4);
    const t = startT + elapsedMs;
    yield { t, kind: "prune.progress", keptCount, keepCount, elapsedMs, ...(walks ? { walkCount } : {}) };
  }
  const layers = layerMeasures(options, shapes, keepCount);
  const keptCount = layers.reduce((sum, layer) => sum + layer.keptCount, 0);
  yield {
    t: startT + elapsedMs,
    kind: "prune.finished",
    method,
    requestedDensity: density,
    density: keptCount / prunableCount,
    keptCount,
    ...(walks ? { walkCount: Math.round(keepCount / 3.1) } : {}),
    elapsedMs,
    layers,
    measures: maskMeasures(options, layers),
  };
}

/** Kept weights follow the mean of fan-in and fan-out, as walks leave them. */
function layerMeasures(
  options: FakeRunOptions,
  shapes: readonly { name: string; shape: readonly number[] }[],
  keepCount: number,
): LayerMeasure[] {
  const share = shapes.map(({ shape }) => Math.sqrt(count(shape)));
  const total = share.reduce((sum, value) => sum + value, 0);
  return shapes.map(({ name, shape }, l) => {
    const all = count(shape);
    const kept = Math.max(1, Math.min(all, Math.round((keepCount * share[l]!) / total)));
    const width = Math.min(1, (options.method === "phew" ? 0.35 : 0.75) + kept / all);
    return { name, shape, keptCount: kept, count: all, width };
  });
}

function maskMeasures(options: FakeRunOptions, layers: readonly LayerMeasure[]): MaskMeasures {
  const relativeTrace = options.density ** (options.method === "phew" ? 0.8 : 2.1);
  const widths = layers.map((layer) => layer.width);
  return {
    pathKernelTrace: 182.4 * relativeTrace,
    relativeTrace,
    meanWidth: widths.reduce((sum, width) => sum + width, 0) / widths.length,
    minWidth: Math.min(...widths),
    deadUnitCount: Math.round(40 * (1 - Math.min(...widths))),
    ineffectiveCount: options.method === "random" ? 212 : 0,
    logPathCount: 14 + 3 * options.density,
  };
}

function fakeLayers(model: FakeRunOptions["model"]): { name: string; shape: readonly number[] }[] {
  if (model === "lenet5") {
    return [
      { name: "conv1.weight", shape: [6, 1, 5, 5] },
      { name: "conv2.weight", shape: [16, 6, 5, 5] },
      { name: "fc1.weight", shape: [120, 400] },
      { name: "fc2.weight", shape: [84, 120] },
      { name: "fc3.weight", shape: [10, 84] },
    ];
  }
  const layers: { name: string; shape: readonly number[] }[] = [
    { name: "conv1.weight", shape: [16, 3, 3, 3] },
  ];
  let width = 16;
  for (let stage = 1; stage <= 3; stage++) {
    for (let block = 0; block < 3; block++) {
      const out = 16 * 2 ** (stage - 1);
      layers.push({ name: `layer${stage}.${block}.conv1.weight`, shape: [out, width, 3, 3] });
      layers.push({ name: `layer${stage}.${block}.conv2.weight`, shape: [out, out, 3, 3] });
      if (out !== width)
        layers.push({ name: `layer${stage}.${block}.shortcut.0.weight`, shape: [out, width, 1, 1] });
      width = out;
    }
  }
  return [...layers, { name: "fc.weight", shape: [10, 64] }];
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Uniform on [0, 1): mulberry32, Tommy Ettinger 2017. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}
