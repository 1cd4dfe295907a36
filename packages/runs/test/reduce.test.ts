import {
  accuracyEpoch,
  accuracyWords,
  describeEvent,
  epochsTo,
  fullCurve,
  initialRunState,
  leftMs,
  type RunEvent,
  type RunState,
  readRun,
  reduce,
  reduceAll,
  runAccuracy,
  summarise,
  type TimedRunEvent,
  walkRates,
  walksPerSecond,
} from "@phew/runs";
import { describe, expect, it } from "vitest";
import { LOG_LENGTH } from "../src/reduce.ts";

const recorded = new URL("recorded/", import.meta.url).pathname;

/** Events one second apart, from t = 1000. */
function timed(events: readonly RunEvent[]): TimedRunEvent[] {
  return events.map((event, k) => ({ t: 1000 * (k + 1), ...event }));
}

const pruneStarted: RunEvent = {
  kind: "prune.started",
  method: "phew",
  density: 0.1,
  keepCount: 1000,
  prunableCount: 10_000,
};
const trainStarted: RunEvent = {
  kind: "train.started",
  executor: "tensorflow",
  epochCount: 2,
  stepsPerEpoch: 10,
  batchSize: 32,
  trainCount: 320,
  testCount: 64,
};
const step = (n: number): RunEvent => ({
  kind: "train.step",
  epoch: Math.ceil(n / 10),
  step: n,
  loss: 1 / n,
  rate: 0.1,
  imagesPerSecond: 32,
});
const epoch = (n: number, testAccuracy: number): RunEvent => ({
  kind: "train.epoch",
  epoch: n,
  loss: 1,
  accuracy: 0.5,
  testLoss: 1,
  testAccuracy,
  rate: 0.1,
  elapsedMs: 1,
});

it("folds a recorded log, with a half line, an unknown kind and a warning in it, to what is in it", () => {
  const { state } = readRun(recorded);
  expect(state).toMatchObject({
    name: "phew 5 %",
    config: { model: "lenet5", dataset: "glyphs", density: 0.05 },
    phase: "finished",
    finalTestAccuracy: 0.969,
    pruning: { keepCount: 3073, prunableCount: 61_470, keptCount: 3073, walkCount: 924 },
    mask: { method: "phew", keptCount: 3073, measures: { ineffectiveCount: 0, deadUnitCount: 0 } },
    training: { executor: "tensorflow (tfjs-wasm)", epochCount: 5, stepsPerEpoch: 188, step: 938, epoch: 5 },
  });
  expect(state.mask?.layers.map((layer) => [layer.name, layer.keptCount])).toEqual([
    ["conv1.weight", 138],
    ["conv2.weight", 685],
    ["fc1.weight", 909],
    ["fc2.weight", 862],
    ["fc3.weight", 479],
  ]);
  expect(state.epochs.map((point) => [point.epoch, point.step, point.testAccuracy])).toEqual([
    [1, 188, 0.8255],
    [2, 376, 0.9205],
    [3, 564, 0.9385],
    [4, 752, 0.965],
    [5, 940, 0.969],
  ]);
  const { x } = fullCurve(state.stepLoss);
  expect([x.length, x[0], x.at(-1)]).toEqual([173, 11, 938]);
  expect(state.log.filter((entry) => entry.level === "warning").map((entry) => entry.text)).toEqual([
    "the disk is nearly full",
  ]);
  expect(state.log.at(-1)?.text).toBe("finished after 44.4 s");
  expect(summarise(state, state.lastT)).toMatchObject({
    phase: "finished",
    method: "phew",
    requestedDensity: 0.05,
    fraction: 1,
    epoch: 5,
    epochCount: 5,
    testAccuracy: 0.969,
  });
});

it("changes nothing of the state it is given", () => {
  const before = reduceAll(timed([pruneStarted, trainStarted, step(1), step(2), epoch(1, 0.5)]));
  const copy = structuredClone({ ...before, curve: fullCurve(before.stepLoss) });
  reduceAll(timed([step(3), epoch(2, 0.6), { kind: "run.failed", message: "x" }]), before);
  expect({ ...before, curve: fullCurve(before.stepLoss) }).toMatchObject({
    phase: copy.phase,
    epochs: copy.epochs,
    log: copy.log,
    curve: copy.curve,
  });
});

it("leaves a state alone but for the time where it does not know an event", () => {
  const state = reduceAll(timed([trainStarted]));
  const later = reduce(state, { t: 9000, kind: "from.the.future" } as unknown as TimedRunEvent);
  expect({ ...later, lastT: 0, eventCount: 0 }).toEqual({ ...state, lastT: 0, eventCount: 0 });
  expect(later.lastT).toBe(9000);
});

it("takes progress and steps without a start for nothing", () => {
  const state = reduceAll(
    timed([{ kind: "prune.progress", keptCount: 1, keepCount: 2, elapsedMs: 1 }, step(1)]),
  );
  expect(state).toMatchObject({ phase: "waiting", epochs: [] });
  expect(state.pruning).toBeUndefined();
  expect(state.training).toBeUndefined();
});

it("estimates pruning from the present speed, not the mean one", () => {
  const progress = (keptCount: number, elapsedMs: number): RunEvent => ({
    kind: "prune.progress",
    keptCount,
    keepCount: 1000,
    walkCount: keptCount,
    elapsedMs,
  });
  // fast at first, then 10 weights a second for longer than the estimate looks back
  const slow = Array.from({ length: 20 }, (_, k) => progress(510 + 10 * k, 2000 + 1000 * k));
  const state = reduceAll(timed([pruneStarted, progress(500, 1000), ...slow]));
  expect(leftMs(state, state.lastT)).toBeCloseTo(1000 * ((1000 - 700) / 10), 6);
  expect(walksPerSecond(state)).toBeCloseTo(700 / 21, 6);
  expect(summarise(state, state.lastT).fraction).toBeCloseTo(0.7, 12);
});

it("has every layer as last reported, and only layers of the start", () => {
  const layerShapes = [{ name: "a", shape: [2, 3], count: 6 }];
  const started: RunEvent = { ...pruneStarted, layerShapes };
  const progress = (keptCount: number, layerCount: number): RunEvent => ({
    kind: "prune.progress",
    keptCount,
    keepCount: 1000,
    walkCount: keptCount / 2,
    stepCount: 2 * keptCount,
    elapsedMs: keptCount,
    layerProgress: Array.from({ length: layerCount }, () => ({ keptCount, width: 0.5, units: "0f" })),
  });
  const quiet: RunEvent = { kind: "prune.progress", keptCount: 5, keepCount: 1000, elapsedMs: 5 };
  const state = reduceAll(timed([started, progress(3, 1), quiet]));
  expect(state.pruning).toMatchObject({ layerShapes, layerProgress: [{ keptCount: 3, units: "0f" }] });
  expect(reduceAll(timed([started, progress(3, 2)])).pruning!.layerProgress).toBeUndefined();
  expect(reduceAll(timed([pruneStarted, progress(3, 1)])).pruning!.layerProgress).toBeUndefined();
  // half of the steps between two moments came upon a weight not kept before
  expect(walkRates(reduceAll(timed([started, progress(4, 1), progress(10, 1)])))).toEqual({
    walksPerSecond: 500,
    newPerWalk: 2,
    newPerStep: 0.5,
  });
});

it("measures progress by rounds where a method has rounds", () => {
  const state = reduceAll(
    timed([
      pruneStarted,
      {
        kind: "prune.progress",
        keptCount: 9000,
        keepCount: 1000,
        round: 25,
        roundCount: 100,
        elapsedMs: 500,
      },
    ]),
  );
  expect(summarise(state, 0).fraction).toBe(0.25);
  expect(leftMs(state, 0)).toBeCloseTo(1500, 6);
});

it("estimates training from the steps done, counting down between events", () => {
  // started at 1 s, step n at n + 1 s: a second a step
  const state = reduceAll(timed([trainStarted, ...[1, 2, 3, 4, 5].map(step)]));
  expect(leftMs(state, state.lastT)).toBeCloseTo(15_000, 6);
  expect(leftMs(state, state.lastT + 4000)).toBeCloseTo(11_000, 6);
  expect(leftMs(state, state.lastT + 99_000)).toBe(0);
});

it("has not worked between the end of one process and the start of the next", () => {
  const at = (t: number, event: RunEvent): TimedRunEvent => ({ t, ...event });
  const begun: RunEvent = { kind: "run.started", name: "run", config: {} };
  const failed: RunEvent = { kind: "run.failed", message: "killed" };
  const state = reduceAll([at(1000, begun), at(1400, failed), at(61_400, begun), at(61_500, failed)]);
  expect([state.lastT - state.startedT, state.pausedMs]).toEqual([60_500, 60_000]);
});

it("goes on where a resumed run repeats steps and epochs, and forgets its failure", () => {
  const state = reduceAll(
    timed([
      trainStarted,
      ...Array.from({ length: 14 }, (_, k) => step(k + 1)),
      epoch(1, 0.5),
      { kind: "run.failed", message: "killed" },
      { kind: "run.started", name: "again", config: {} },
      trainStarted,
      step(11),
      step(12),
      step(15),
      step(16),
      epoch(1, 0.6),
    ]),
  );
  expect(state.failure).toBeUndefined();
  expect(state.phase).toBe("training");
  expect(fullCurve(state.stepLoss).x).toEqual(Array.from({ length: 16 }, (_, k) => k + 1));
  expect(state.epochs.map((point) => point.testAccuracy)).toEqual([0.6]);
  // steps 12 to 16 and the evaluation took this process four seconds; four steps are left
  expect(leftMs(state, state.lastT)).toBeCloseTo((4000 / 5) * 4, 6);
});

it("finds the first epoch that reached an accuracy, NaN among them", () => {
  const state = reduceAll(
    timed([trainStarted, epoch(1, Number.NaN), epoch(2, 0.7), epoch(3, 0.9), epoch(4, 0.9)]),
  );
  expect(epochsTo(state, 0.65)).toBe(2);
  expect(epochsTo(state, 0.95)).toBeUndefined();
});

describe("the accuracy of a run", () => {
  const validated = (number: number, test: number, validationAccuracy: number) => ({
    ...epoch(number, test),
    validationAccuracy,
  });
  const finished: RunEvent = { kind: "train.finished", testAccuracy: 0.65, testLoss: 1, elapsedMs: 1 };
  const accuracyOf = (events: readonly RunEvent[]) => {
    const state = reduceAll(timed([trainStarted, ...events]));
    expect(summarise(state, 0).testAccuracy).toBe(runAccuracy(state));
    return [accuracyEpoch(state)?.epoch, runAccuracy(state)];
  };

  it("is that of the last epoch, however good one was before", () => {
    expect(accuracyOf([])).toEqual([undefined, undefined]);
    expect(accuracyOf([epoch(1, 0.9), epoch(2, 0.7)])).toEqual([2, 0.7]);
  });

  it("is that of the epoch with the best validation accuracy, where there is one", () => {
    const epochs = [validated(1, 0.9, 0.5), validated(2, 0.6, 0.8), validated(3, 0.7, 0.8)];
    expect(accuracyOf(epochs)).toEqual([2, 0.6]);
    expect(accuracyOf([...epochs, finished])).toEqual([2, 0.65]);
  });

  it("is said to be one or the other", () => {
    const [last, best] = [{ config: {} }, { config: { validation: 0.1 } }];
    expect([[last], [best], [last, best]].map(accuracyWords)).toEqual([
      "last epoch",
      "best epoch on validation",
      "last epoch, or best on validation",
    ]);
  });
});

it("keeps the last lines of the log alone", () => {
  let state: RunState = initialRunState("x");
  for (let k = 0; k < LOG_LENGTH + 50; k++)
    state = reduce(state, { t: k, kind: "log", level: "info", message: `${k}` });
  expect(state.log.map((entry) => entry.text)).toEqual(
    Array.from({ length: LOG_LENGTH }, (_, k) => `${k + 50}`),
  );
});

it("tells noteworthy events in words with units, and no others", () => {
  expect(describeEvent(pruneStarted)?.text).toBe("pruning by phew: keep 1,000 of 10,000 weights (10 %)");
  expect(describeEvent(epoch(2, 0.931))?.text).toBe("epoch 2: loss 1, test loss 1, test accuracy 93.1 %");
  expect(describeEvent({ kind: "run.failed", message: "no space" })).toEqual({
    level: "error",
    text: "failed: no space",
  });
  expect(describeEvent(step(1))).toBeUndefined();
});

it("takes a resumed run to be training again, and estimates from where it was taken up", () => {
  const before = [trainStarted, step(4), epoch(1, 0.5)];
  const resumed: RunEvent = { kind: "run.resumed", epoch: 2, step: 12 };
  const failed: RunEvent = { kind: "run.failed", message: "no space left" };
  const state = reduceAll(timed([...before, failed, resumed]));
  expect(state).toMatchObject({ phase: "training", training: { epoch: 2, step: 12, firstStep: 12 } });
  expect(state.failure).toBe(undefined);
  expect(leftMs(state, state.lastT)).toBe(undefined);
  // two steps in a second: six are left
  const later = reduce(state, { t: state.lastT + 1000, ...step(14) });
  expect(leftMs(later, later.lastT)).toBe(3000);
});
