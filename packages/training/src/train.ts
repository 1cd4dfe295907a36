/**
 * The training loop: epochs of shuffled batches, an evaluation on the test set after each. It knows no folders,
 * backends or methods; it yields events. The same options give the same losses on the same backend, and the same
 * events except for times, whether the training ran at once or was resumed at checkpoints.
 */
import {
  ArgumentError,
  elementCount,
  type Masks,
  multiplyAdds,
  type Network,
  type TrainEvent,
  type Weights,
} from "@phew/core";
import { checkUpdate } from "./checks.ts";
import type { Dataset } from "./datasets/dataset.ts";
import type { DatasetHead } from "./datasets/entry.ts";
import { DivergedError, GradientError } from "./diverged.ts";
import { bestEpoch, type EpochResult, improved, isPatienceOver } from "./earlyStopping.ts";
import type { Batch, Executor, ExecutorFactory, PlannedMemory, StepResult } from "./executor.ts";
import { gradientNorms, layerMilliseconds } from "./layerFigures.ts";
import type { OptimiserOptions } from "./optimisers/chosen.ts";
import { type Augmentation, checkAugmentation } from "./pipeline/augmentation.ts";
import { type BatchLoader, inlineLoader, type LoaderFactory, type Part } from "./pipeline/loader.ts";
import { epochOrder, firstExamples } from "./pipeline/order.ts";
import { asksForGradients, type ChosenRule } from "./rules/chosen.ts";
import { Rewiring, ruleFault } from "./rules/rewiring.ts";
import { checkRatePlan, type RatePlan, rateAt } from "./schedule.ts";
import { type CheckpointKeeper, type TrainCheckpoint, TrainProgress } from "./trainPosition.ts";
import { turnTaker } from "./turns.ts";

export interface TrainOptions extends RatePlan {
  readonly dataset: Dataset;
  readonly network: Network;
  readonly weights: Weights;
  readonly masks?: Masks | undefined;
  readonly executor: ExecutorFactory;
  readonly optimiser: OptimiserOptions;
  readonly batchSize: number;
  readonly labelSmoothing?: number | undefined;
  /** Augmentation of training images; default: none. */
  readonly augmentation?: Augmentation | undefined;
  /** Ends the training after so many epochs in a row without a better validation accuracy; never unless given. */
  readonly patience?: number | undefined;
  /** Called after each epoch that is the best so far by its validation examples. */
  readonly onBest?: ((weights: Weights, epoch: EpochResult) => Promise<void> | void) | undefined;
  /** Changes the masks while the network trains; absent: they stay. Needs `masks`. */
  readonly rule?: ChosenRule | undefined;
  /** Weights that the run is to keep, for a rule that starts with others; absent: those of `masks`. */
  readonly keepCount?: number | undefined;
  /** Seed of the order of examples, of augmentation and of dropout. */
  readonly seed: number;
  /** The source of batches; default: made on this thread on demand. */
  readonly loader?: LoaderFactory | undefined;
  readonly threadCount?: number | undefined;
  /** Evaluates before the first step too, as epoch 0. */
  readonly evaluateFirst?: boolean | undefined;
  /**
   * Steps between two step events; absent: {@link stepEventInterval}. Not by time, so that a repeated run has the
   * same events.
   */
  readonly stepInterval?: number | undefined;
  /** Resumes from here; `weights` are ignored, and so are `masks` if it has others. */
  readonly resume?: TrainCheckpoint | undefined;
  readonly checkpoints?: CheckpointKeeper | undefined;
  /** Once aborted, the step under way is finished, a checkpoint kept, and nothing more is done. */
  readonly signal?: AbortSignal | undefined;
}

export interface TrainOutcome {
  readonly weights: Weights;
  /** Those that hold at the end; absent: the network is dense. */
  readonly masks?: Masks | undefined;
  /** Of the epochs that were finished. */
  readonly epochs: readonly EpochResult[];
  /** True if the signal ended the training before its last epoch. */
  readonly interrupted: boolean;
}

/** @throws ArgumentError if the rule looks at the activity of units, and the executor does not report it */
function requireActivity({ rule }: TrainOptions, { name, unitActivity }: Executor): void {
  if (rule?.grow.usesActivity?.(rule.options) !== true || unitActivity !== undefined) return;
  throw new ArgumentError(`rule ${rule.name}: propose`, {
    given: `${rule.options.propose} on the executor ${name}, which does not report the activity of units (nor does any where layers share a weight)`,
    expected: "the sparse executor and a weight of its own for each layer, or propose=uniform",
  });
}

/**
 * Trains, and evaluates after every epoch.
 * @throws ArgumentError if the options are not compatible, DivergedError if a loss is no longer finite, and the
 * errors of
 *   the executor's factory and of the function that keeps checkpoints
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, TrainOutcome> {
  checkTraining(options);
  const { network, dataset, batchSize, signal, resume } = options;
  const masks = resume?.masks ?? options.masks;
  const executor = await options.executor({
    network,
    weights: resume?.weights ?? options.weights,
    ...(masks === undefined ? {} : { masks }),
    optimiser: options.optimiser,
    batchSize,
    labelSmoothing: options.labelSmoothing ?? 0,
    seed: options.seed,
    absentGradients: options.rule && asksForGradients(options.rule),
    unitActivity: options.rule?.grow.usesActivity?.(options.rule.options) === true,
    ...(options.threadCount === undefined ? {} : { threadCount: options.threadCount }),
  });
  let loader: BatchLoader | undefined;
  try {
    requireActivity(options, executor);
    loader = await (options.loader ?? inlineLoader)({ dataset, batchSize });
    const progress = new TrainProgress(resume?.position, options.evaluateFirst ? 0 : 1);
    const stepInterval = options.stepInterval ?? stepEventInterval(options);
    const takeTurn = turnTaker();
    const rewiring = rewiringOf(options);
    const work: Work = { options, executor, loader, progress, masks, rewiring, stepInterval, takeTurn };
    if (resume === undefined) {
      yield startedEvent(executor, options);
      await checkpoint(work);
    } else {
      await executor.restore(resume.weights, resume.state, updateCount(progress));
    }
    while (!isDone(work)) {
      const { epoch } = progress;
      const training =
        epoch === 0
          ? // before any step: on as many training examples as there are test examples
            await evaluate(work, "train", dataset.test.count)
          : yield* trainEpoch(work);
      const result = training && (await evaluateEpoch(work, epoch));
      if (training === undefined || result === undefined) return await interrupted(work);
      const isBest = improved(progress.epochs, result);
      progress.finishEpoch(result);
      yield {
        kind: "train.epoch",
        ...result,
        loss: training.loss,
        accuracy: training.accuracy,
        rate: rateAt(options, Math.max(0, epoch * stepsPerEpochOf(options) - 1), stepsPerEpochOf(options)),
        elapsedMs: progress.elapsedMs,
        ...layerFigures(work),
      };
      if (rewiring !== undefined) yield rewiring.measured(await executor.weights(), epoch);
      if (isBest) await options.onBest?.(await executor.weights(), result);
      if (signal?.aborted && !isDone(work)) return await interrupted(work);
      await checkpoint(work);
    }
    const { epochs, elapsedMs } = progress;
    const last = bestEpoch(epochs) ?? epochs.at(-1);
    if (last !== undefined) {
      const { epoch, testAccuracy, testLoss } = last;
      const chosen = dataset.validation === undefined ? {} : { bestEpoch: epoch };
      yield { kind: "train.finished", testAccuracy, testLoss, ...chosen, elapsedMs };
    }
    return { weights: await executor.weights(), masks: work.masks, epochs, interrupted: false };
  } finally {
    executor.dispose();
    await loader?.dispose();
  }
}

/** The first epoch after which the test accuracy is at least `accuracy`; undefined if there is none. */
export function epochsTo(accuracy: number, epochs: readonly EpochResult[]): number | undefined {
  return epochs.find(({ testAccuracy }) => testAccuracy >= accuracy)?.epoch;
}

/** Means over many examples. */
interface Tally {
  readonly loss: number;
  readonly accuracy: number;
  /** Fraction whose class is among the five greatest outputs; only for evaluations. */
  readonly accuracy5?: number;
}

interface Work {
  readonly options: TrainOptions;
  readonly executor: Executor;
  readonly loader: BatchLoader;
  readonly progress: TrainProgress;
  /** Those that hold, as the executor has them. */
  masks: Masks | undefined;
  /** Of a run with a rule. */
  readonly rewiring: Rewiring | undefined;
  /** Steps between two step events. */
  readonly stepInterval: number;
  /** Lets signals and timers in, now and then. */
  readonly takeTurn: () => Promise<void> | undefined;
  /** Of the step of this epoch that was timed. */
  layerMs?: readonly number[];
}

/** The epoch's figures for each layer. */
function layerFigures({ options, executor, progress, layerMs }: Work) {
  const { network, optimiser } = options;
  const steps = updateCount(progress);
  const norms = steps > 0 ? gradientNorms(executor, network, optimiser, steps) : undefined;
  return { ...(norms && { gradientNorms: norms }), ...(layerMs && { layerMs }) };
}

/** Steps of the optimiser: without those that a change of masks replaced. */
const updateCount = ({ step, rule }: TrainProgress): number => step - (rule?.replacedSteps ?? 0);

const stepsPerEpochOf = ({ dataset, batchSize }: Pick<TrainOptions, "dataset" | "batchSize">): number =>
  Math.ceil(dataset.train.count / batchSize);

/** Multiply-adds of the steps per step event: some tenths of a second on one core. */
const WORK_PER_EVENT = 1e9;
const LEAST_EVENTS_PER_EPOCH = 10;

/** Steps between two step events: by the work of a step, not by the clock. */
export function stepEventInterval(
  options: Pick<TrainOptions, "network" | "masks" | "batchSize" | "dataset">,
): number {
  const { network, masks, batchSize } = options;
  const work = 3 * batchSize * multiplyAdds(network, masks === undefined ? {} : { masks }).kept;
  const most = Math.max(1, Math.floor(stepsPerEpochOf(options) / LEAST_EVENTS_PER_EPOCH));
  return Math.min(most, Math.max(1, Math.round(WORK_PER_EVENT / Math.max(1, work))));
}

function isDone({ options, progress }: Work): boolean {
  const { epochCount, patience } = options;
  return progress.epoch > epochCount || (patience !== undefined && isPatienceOver(progress.epochs, patience));
}

async function checkpoint(work: Work): Promise<void> {
  if (work.options.checkpoints?.due(work.progress)) await keep(work);
}

async function keep({ executor, options, progress, masks, rewiring }: Work): Promise<void> {
  await options.checkpoints?.keep({
    position: progress.position(),
    weights: await executor.weights(),
    state: await executor.state(),
    masks: masks === options.masks ? undefined : masks,
    everKept: rewiring?.everKept,
  });
}

async function interrupted(work: Work): Promise<TrainOutcome> {
  await keep(work);
  const { executor, masks, progress } = work;
  return { weights: await executor.weights(), masks, epochs: progress.epochs, interrupted: true };
}

function startedEvent(executor: Executor, options: TrainOptions): TrainEvent {
  const { dataset, epochCount, batchSize, network, masks } = options;
  const { dense, kept } = multiplyAdds(network, masks === undefined ? {} : { masks });
  return {
    kind: "train.started",
    executor: `${executor.name} (${executor.backend})`,
    epochCount,
    stepsPerEpoch: stepsPerEpochOf(options),
    batchSize,
    trainCount: dataset.train.count,
    ...(dataset.validation === undefined ? {} : { validationCount: dataset.validation.count }),
    testCount: dataset.test.count,
    multiplyAdds: { dense, kept },
    ...(executor.plan === undefined ? {} : { plannedMemory: partsOf(executor.plan) }),
  };
}

function partsOf({ processBytes, activationBytes, weightBytes, optimiserBytes }: PlannedMemory) {
  return { processBytes, activationBytes, weightBytes, optimiserBytes };
}

/** Runs the epoch's remaining steps. @returns undefined if the signal fired meanwhile */
async function* trainEpoch(work: Work): AsyncGenerator<TrainEvent, Tally | undefined> {
  const { options, executor, loader, progress, stepInterval, takeTurn } = work;
  const { dataset, batchSize, seed, augmentation, signal } = options;
  const { epoch } = progress;
  const { count } = dataset.train;
  const stepsPerEpoch = stepsPerEpochOf(options);
  let done = (progress.step - (epoch - 1) * stepsPerEpoch) * batchSize;
  let [reported, reportedAt] = [done, performance.now()];
  const order = epochOrder(count, seed, epoch).subarray(done);
  // one in the middle: the first step is slow, and the last batch may be small
  const timedStep = (epoch - 1) * stepsPerEpoch + Math.ceil(stepsPerEpoch / 2);
  delete work.layerMs;
  const draw = augmentation && { augmentation, seed, epoch };
  for await (const batch of loader.batches({ part: "train", order, draw })) {
    await takeTurn();
    if (signal?.aborted) return undefined;
    const rate = rateAt(options, progress.step, stepsPerEpoch);
    const step = progress.step + 1;
    const isTimed = step === timedStep;
    const refused = (error: unknown) => {
      throw error instanceof GradientError ? new DivergedError(epoch, step, error.message) : error;
    };
    const change = await rewire(work, batch).catch(refused);
    if (change !== undefined) yield change.event;
    if (isTimed) executor.startTiming?.();
    const { loss, correctCount } = change?.result ?? (await executor.step(batch, rate).catch(refused));
    if (!Number.isFinite(loss)) {
      throw new DivergedError(epoch, step, `the loss is ${loss}`, executor.firstNonFinite?.());
    }
    const times = isTimed ? executor.endTiming?.() : undefined;
    if (times !== undefined) work.layerMs = layerMilliseconds(times, options.network);
    progress.step = step;
    progress.lossSum += loss * batch.count;
    progress.correctCount += correctCount;
    done += batch.count;
    if (step % stepInterval === 0) {
      const now = performance.now();
      const imagesPerSecond = (1000 * (done - reported)) / Math.max(1e-3, now - reportedAt);
      [reported, reportedAt] = [done, now];
      yield { kind: "train.step", epoch, step, loss, rate, imagesPerSecond };
    }
    if (done < count) await checkpoint(work);
  }
  return { loss: progress.lossSum / count, accuracy: progress.correctCount / count };
}

/** Changes the masks if a change is due. @returns its event, and the batch's result if the change took the step's place */
async function rewire(work: Work, batch: Batch): Promise<Rewired | undefined> {
  const { executor, rewiring, progress } = work;
  const plan = rewiring?.due(progress.step, progress.epochs);
  if (rewiring === undefined || plan === undefined) return undefined;
  const { event, result } = await rewiring.change(executor, batch, plan, progress);
  work.masks = rewiring.masks;
  progress.rule = rewiring.position;
  return { event, result };
}

interface Rewired {
  readonly event: TrainEvent;
  readonly result: StepResult | undefined;
}

function rewiringOf(options: TrainOptions): Rewiring | undefined {
  const { rule, masks, keepCount, optimiser, seed, epochCount, resume } = options;
  if (rule === undefined || masks === undefined) return undefined;
  const position = resume?.position.rule;
  return new Rewiring({
    rule,
    initial: masks,
    keepCount,
    optimiser,
    seed,
    epochCount,
    stepsPerEpoch: stepsPerEpochOf(options),
    resume: position && {
      ...position,
      masks: resume?.masks ?? masks,
      everKept: resume?.everKept ?? masks,
    },
  });
}

/** @returns undefined if the signal fired meanwhile */
async function evaluate(
  { options, executor, loader, takeTurn }: Work,
  part: Part,
  most = Number.POSITIVE_INFINITY,
): Promise<Tally | undefined> {
  const count = Math.min(most, options.dataset[part]!.count);
  let [lossSum, correctCount, correct5Count] = [0, 0, 0];
  for await (const batch of loader.batches({ part, order: firstExamples(count) })) {
    await takeTurn();
    if (options.signal?.aborted) return undefined;
    const result = await executor.evaluate(batch);
    lossSum += result.loss * batch.count;
    correctCount += result.correctCount;
    correct5Count += result.correct5Count;
  }
  return { loss: lossSum / count, accuracy: correctCount / count, accuracy5: correct5Count / count };
}

/** @returns undefined if the signal fired meanwhile */
async function evaluateEpoch(work: Work, epoch: number): Promise<EpochResult | undefined> {
  const isValidated = work.options.dataset.validation !== undefined;
  const validation = isValidated ? await evaluate(work, "validation") : undefined;
  const test = await evaluate(work, "test");
  if (test === undefined || (isValidated && validation === undefined)) return undefined;
  const losses = { "validation examples": validation?.loss ?? 0, "test set": test.loss };
  for (const [part, loss] of Object.entries(losses)) {
    const steps = epoch * stepsPerEpochOf(work.options);
    if (!Number.isFinite(loss)) throw new DivergedError(epoch, steps, `the loss on the ${part} is ${loss}`);
  }
  return {
    epoch,
    testLoss: test.loss,
    testAccuracy: test.accuracy,
    testAccuracy5: test.accuracy5!,
    ...(validation && {
      validationLoss: validation.loss,
      validationAccuracy: validation.accuracy,
      validationAccuracy5: validation.accuracy5!,
    }),
  };
}

/** @throws ArgumentError if a training with these options cannot start, as {@link train} */
export function checkTraining(options: Omit<TrainOptions, "weights" | "executor" | "seed" | "masks">): void {
  const { dataset, network, epochCount, batchSize, augmentation, patience } = options;
  requireHead(network, dataset);
  requireWhole("epochs", epochCount);
  requireWhole("batch size", batchSize);
  checkRatePlan(options);
  checkUpdate(options);
  const fault =
    options.rule &&
    ruleFault(options.rule, {
      ...options,
      stepsPerEpoch: stepsPerEpochOf(options),
      isValidated: dataset.validation !== undefined,
    });
  if (fault !== undefined) throw new ArgumentError(fault.subject, fault);
  if (augmentation !== undefined) checkAugmented(dataset, augmentation);
  if (patience === undefined) return;
  requireWhole("patience", patience);
  if (dataset.validation !== undefined) return;
  throw new ArgumentError("patience", {
    given: "a data set without validation examples",
    expected: "some to stop by: the test set chooses nothing",
    remedy: "Set a part of the training examples aside, with --validation 0.1.",
  });
}

/**
 * @param dataset its name, and what it needs of a network
 * @throws ArgumentError naming both where the network takes other inputs, or has another number of outputs than there are classes
 */
export function requireHead(
  { name, inputShape, outputShape }: Pick<Network, "name" | "inputShape" | "outputShape">,
  dataset: DatasetHead & Pick<Dataset, "name">,
): void {
  const sameShape = inputShape.join() === dataset.inputShape.join();
  const flat = inputShape.length === 1 && inputShape[0] === elementCount(dataset.inputShape);
  if (!sameShape && !flat) {
    throw new ArgumentError(`network "${name}"`, {
      given: `inputs of ${inputShape.join(" × ")}`,
      expected: `${dataset.inputShape.join(" × ")}, the images of ${dataset.name}`,
    });
  }
  if (outputShape.join() !== `${dataset.classCount}`) {
    throw new ArgumentError(`network "${name}"`, {
      given: `${outputShape.join(" × ")} outputs`,
      expected: `${dataset.classCount}, the classes of ${dataset.name}`,
    });
  }
}

function checkAugmented(dataset: Dataset, augmentation: Augmentation): void {
  checkAugmentation(augmentation);
  const frame = dataset.train.source?.store.frame;
  if (frame !== undefined && dataset.inputShape.length === 3) return;
  throw new ArgumentError("augmentation", {
    given: `${dataset.name}, inputs of ${dataset.inputShape.join(" × ")}`,
    expected: "images",
    remedy: "Train without it.",
  });
}

function requireWhole(subject: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ArgumentError(subject, { given: `${value}`, expected: "a whole number of at least 1" });
}
