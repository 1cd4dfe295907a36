/**
 * The training loop: epochs of shuffled batches, an evaluation on the test set after each. It knows no folder, no backend
 * and no method; what happens comes out as events. The same options give the same losses on the same backend.
 */
import {
  ArgumentError,
  elementCount,
  type Masks,
  type Network,
  type TrainEvent,
  type Weights,
} from "@phew/core";
import { Random } from "@phew/engine";
import type { Dataset, Examples } from "./datasets/dataset.ts";
import { DivergedError, GradientError } from "./diverged.ts";
import type { Batch, Executor, ExecutorFactory, OptimiserOptions } from "./executor.ts";

/** The rate is `rate · factor^(drops passed)`; a drop at 0.5 passes when half of the epochs are done. */
export interface StepSchedule {
  /** Fractions of all epochs, each above 0 and below 1. */
  readonly drops: readonly number[];
  readonly factor: number;
}

export interface TrainOptions {
  readonly dataset: Dataset;
  readonly network: Network;
  readonly weights: Weights;
  readonly masks?: Masks;
  readonly executor: ExecutorFactory;
  readonly optimiser: OptimiserOptions;
  readonly epochCount: number;
  readonly batchSize: number;
  /** η before any drop. */
  readonly rate: number;
  readonly schedule?: StepSchedule;
  readonly labelSmoothing?: number;
  /** Of the order of examples, and of dropout. */
  readonly seed: number;
  readonly threadCount?: number;
  /** Evaluates before the first step too, as epoch 0. */
  readonly evaluateFirst?: boolean;
  /** Least milliseconds between two step events; 0: an event a step. Default 200. */
  readonly stepIntervalMs?: number;
  /** Once aborted, the step under way is finished and nothing more is done. */
  readonly signal?: AbortSignal;
}

export interface EpochResult {
  /** 1-based; 0 is the evaluation before any step. */
  readonly epoch: number;
  readonly testLoss: number;
  /** Fraction of the test set. */
  readonly testAccuracy: number;
}

export interface TrainOutcome {
  readonly weights: Weights;
  /** Of the epochs that were finished. */
  readonly epochs: readonly EpochResult[];
  /** True where the signal ended the training before its last epoch. */
  readonly interrupted: boolean;
}

/**
 * Trains, and evaluates after every epoch.
 * @throws ArgumentError where the options do not fit together, DivergedError where the loss is no longer finite, and
 *   what the executor's factory throws
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, TrainOutcome> {
  checkOptions(options);
  const { network, dataset, epochCount, batchSize, signal } = options;
  const started = performance.now();
  const executor = await options.executor({
    network,
    weights: options.weights,
    ...(options.masks === undefined ? {} : { masks: options.masks }),
    optimiser: options.optimiser,
    batchSize,
    labelSmoothing: options.labelSmoothing ?? 0,
    seed: options.seed,
    ...(options.threadCount === undefined ? {} : { threadCount: options.threadCount }),
  });
  try {
    const stepsPerEpoch = Math.ceil(dataset.train.count / batchSize);
    yield {
      kind: "train.started",
      executor: `${executor.name} (${executor.backend})`,
      epochCount,
      stepsPerEpoch,
      batchSize,
      trainCount: dataset.train.count,
      testCount: dataset.test.count,
    };
    const epochs: EpochResult[] = [];
    const elapsedMs = () => performance.now() - started;
    for (let epoch = options.evaluateFirst ? 0 : 1; epoch <= epochCount; epoch++) {
      const rate = rateOf(options, epoch);
      const training =
        epoch === 0
          ? // before any step: on as many training examples as there are test examples
            await evaluate(executor, options, dataset.train, dataset.test.count)
          : yield* trainEpoch(executor, options, epoch, rate);
      if (training === undefined) return await outcome(executor, epochs, true);
      const test = await evaluate(executor, options, dataset.test);
      if (test === undefined) return await outcome(executor, epochs, true);
      epochs.push({ epoch, testLoss: test.loss, testAccuracy: test.accuracy });
      yield {
        kind: "train.epoch",
        epoch,
        loss: training.loss,
        accuracy: training.accuracy,
        testLoss: test.loss,
        testAccuracy: test.accuracy,
        rate,
        elapsedMs: elapsedMs(),
      };
      if (signal?.aborted && epoch < epochCount) return await outcome(executor, epochs, true);
    }
    const last = epochs.at(-1);
    if (last !== undefined) {
      const { testAccuracy, testLoss } = last;
      yield { kind: "train.finished", testAccuracy, testLoss, elapsedMs: elapsedMs() };
    }
    return await outcome(executor, epochs, false);
  } finally {
    executor.dispose();
  }
}

/** The first epoch after which the test accuracy is at least `accuracy`; undefined where none is. */
export function epochsTo(accuracy: number, epochs: readonly EpochResult[]): number | undefined {
  return epochs.find(({ testAccuracy }) => testAccuracy >= accuracy)?.epoch;
}

/** η of an epoch, 1-based. */
export function rateOf(
  { rate, schedule, epochCount }: Pick<TrainOptions, "rate" | "schedule" | "epochCount">,
  epoch: number,
): number {
  const passed = (schedule?.drops ?? []).filter((drop) => epoch - 1 >= drop * epochCount).length;
  return rate * (schedule?.factor ?? 1) ** passed;
}

/** Means over many examples. */
interface Tally {
  readonly loss: number;
  readonly accuracy: number;
}

async function* trainEpoch(
  executor: Executor,
  options: TrainOptions,
  epoch: number,
  rate: number,
): AsyncGenerator<TrainEvent, Tally | undefined> {
  const { dataset, batchSize, signal, stepIntervalMs = 200 } = options;
  const { count } = dataset.train;
  const order = shuffledOrder(count, options.seed, epoch);
  const stepsPerEpoch = Math.ceil(count / batchSize);
  const fill = batchFiller(options, dataset.train);
  let [lossSum, correctCount] = [0, 0];
  let [reported, reportedAt] = [0, performance.now()];
  for (let start = 0; start < count; start += batchSize) {
    if (signal?.aborted) return undefined;
    const batch = fill(order.subarray(start, start + batchSize));
    const step = (epoch - 1) * stepsPerEpoch + start / batchSize + 1;
    const { loss, correctCount: correct } = await executor.step(batch, rate).catch((error: unknown) => {
      throw error instanceof GradientError ? new DivergedError(epoch, step, error.message) : error;
    });
    if (!Number.isFinite(loss)) throw new DivergedError(epoch, step, `the loss is ${loss}`);
    lossSum += loss * batch.count;
    correctCount += correct;
    const now = performance.now();
    if (now - reportedAt >= stepIntervalMs) {
      const done = start + batch.count;
      const imagesPerSecond = (1000 * (done - reported)) / (now - reportedAt);
      [reported, reportedAt] = [done, now];
      yield { kind: "train.step", epoch, step, loss, rate, imagesPerSecond };
    }
  }
  return { loss: lossSum / count, accuracy: correctCount / count };
}

/** @returns undefined where the signal came in between */
async function evaluate(
  executor: Executor,
  options: TrainOptions,
  examples: Examples,
  most = examples.count,
): Promise<Tally | undefined> {
  const count = Math.min(most, examples.count);
  const order = Uint32Array.from({ length: count }, (_, k) => k);
  const fill = batchFiller(options, examples);
  let [lossSum, correctCount] = [0, 0];
  for (let start = 0; start < count; start += options.batchSize) {
    if (options.signal?.aborted) return undefined;
    const batch = fill(order.subarray(start, start + options.batchSize));
    const result = await executor.evaluate(batch);
    lossSum += result.loss * batch.count;
    correctCount += result.correctCount;
  }
  return { loss: lossSum / count, accuracy: correctCount / count };
}

async function outcome(
  executor: Executor,
  epochs: readonly EpochResult[],
  interrupted: boolean,
): Promise<TrainOutcome> {
  return { weights: await executor.weights(), epochs, interrupted };
}

/** Epoch e draws its order from stream e of the seed. */
function shuffledOrder(count: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, k) => k);
  new Random(seed, ORDER_STREAM + epoch).shuffleInto(order);
  return order;
}

/** Away from the streams that dropout takes. */
const ORDER_STREAM = 2 ** 50;

/** One buffer for all batches: a batch is read before the next is filled. */
function batchFiller({ network, batchSize }: TrainOptions, examples: Examples) {
  const inputLength = elementCount(network.inputShape);
  const buffer = new Float32Array(batchSize * inputLength);
  return (indices: Uint32Array): Batch => {
    const x = buffer.subarray(0, indices.length * inputLength);
    examples.fillInto(x, indices);
    const y = Int32Array.from(indices, (index) => examples.classes[index]!);
    return { x, y, count: indices.length };
  };
}

function checkOptions({ dataset, network, epochCount, batchSize, rate, schedule }: TrainOptions): void {
  const { inputShape, outputShape } = network;
  const sameShape = inputShape.join() === dataset.inputShape.join();
  const flat = inputShape.length === 1 && inputShape[0] === elementCount(dataset.inputShape);
  if (!sameShape && !flat) {
    throw new ArgumentError(`network "${network.name}"`, {
      given: `inputs of ${inputShape.join(" × ")}`,
      expected: `${dataset.inputShape.join(" × ")}, the images of ${dataset.name}`,
    });
  }
  if (outputShape.join() !== `${dataset.classCount}`) {
    throw new ArgumentError(`network "${network.name}"`, {
      given: `${outputShape.join(" × ")} outputs`,
      expected: `${dataset.classCount}, the classes of ${dataset.name}`,
    });
  }
  requireWhole("epochs", epochCount);
  requireWhole("batch size", batchSize);
  if (!(rate > 0 && Number.isFinite(rate))) {
    throw new ArgumentError("learning rate", { given: `${rate}`, expected: "a number above 0" });
  }
  if (schedule === undefined) return;
  const outside = schedule.drops.find((drop) => !(drop > 0 && drop < 1));
  if (outside !== undefined) {
    throw new ArgumentError("drops of the learning rate", {
      given: `${outside}`,
      expected: "fractions of the training, above 0 and below 1",
    });
  }
  if (!(schedule.factor > 0 && Number.isFinite(schedule.factor))) {
    throw new ArgumentError("factor of the learning rate", {
      given: `${schedule.factor}`,
      expected: "a number above 0",
    });
  }
}

function requireWhole(subject: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ArgumentError(subject, { given: `${value}`, expected: "a whole number of at least 1" });
}
