/**
 * Times a network, pruned, on an executor against the whole network on something else: steps of training, or
 * predictions. Both run in processes of their own and take turns; weights and data are the same.
 */
import { availableParallelism, loadavg } from "node:os";
import {
  ArgumentError,
  elementCount,
  examplesOf,
  Masks,
  type Network,
  type OptionValue,
  type PruningData,
  prune,
  prunerByName,
  unknownName,
  type Weights,
} from "@phew/core";
import { loadWalkEngine, measureMachine, Random } from "@phew/engine";
import type { Batch } from "../executor.ts";
import { executorNames } from "../executors.ts";
import { chosenOptimiser, type OptimiserOptions } from "../optimisers/chosen.ts";
import { createDifferentiator } from "../sparse/run/differentiator.ts";
import { type Baseline, baselineByName, executorCommand } from "./baselines.ts";
import { type BenchedModel, benchedModel } from "./benchedModel.ts";
import { type Contender, startContender } from "./contender.ts";
import { kernelPlan } from "./kernelPlan.ts";
import { paceOf, race, ratioOf } from "./race.ts";
import type { BenchReport, ContenderReport, Work } from "./report.ts";
import type { Round, Stretch } from "./task.ts";
import { type BenchMode, type BenchSubject, type BenchTask, describeNetwork, payloadOf } from "./task.ts";
import { workOf } from "./work.ts";

/** How a benchmark is done, whatever it times. */
export interface BenchSettings {
  readonly batchSize: number;
  /** Of the executor and of a baseline that takes a number. Absent: the executor's own choice, and all there are. */
  readonly threadCount?: number | undefined;
  /** Default: the default executor. */
  readonly executor?: string | undefined;
  /** Fused multiply-add; only for the sparse executor. */
  readonly fastMath?: boolean | undefined;
  /** One of `baselineNames`; default `none`. */
  readonly baseline?: string | undefined;
  /** The baseline multiplies its weights by the masks too, as tools that prune without gain do. */
  readonly maskBaseline?: boolean | undefined;
  /** Rounds of each, at least 1; default 5. */
  readonly roundCount?: number | undefined;
  /** Least length of a round; default 2 steps and 1 s. */
  readonly round?: Stretch | undefined;
  /** Before the first round; default 3 steps and 0.5 s. */
  readonly warmUp?: Stretch | undefined;
  /** Measures the time of each layer, after the last round. */
  readonly profile?: boolean | undefined;
  /** Measures the limits of the computer, before the first round. */
  readonly limits?: boolean | undefined;
  /** @param fraction done, 0 … 1 */
  readonly onProgress?: ((fraction: number, note: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BenchOptions extends BenchSettings {
  readonly model: BenchedModel;
  /** A pruning method, or `dense`. */
  readonly method: string;
  /** Fraction of weights kept; 1 for `dense`. */
  readonly density: number;
  /** Of the method. */
  readonly options?: Readonly<Record<string, OptionValue>> | undefined;
  /** Of weights, masks and data. */
  readonly seed: number;
}

/** The recipe of the papers; the rate is small enough for random classes to be learnt. */
/** With all of its settings: programs in other languages know no defaults. */
const OPTIMISER: OptimiserOptions = { name: "sgd", settings: chosenOptimiser({ name: "sgd" }).values };
const RATE = 0.01;
/** Threads of PyTorch wait for work for up to a fifth of a second before they sleep. */
const PAUSE_MS = 250;

/**
 * Whole training steps: forward, loss, backward, update.
 * @throws ArgumentError if an option is not usable; Error if a process fails; signal.reason
 */
export async function benchTrain(options: BenchOptions): Promise<BenchReport> {
  return benchModel("train", options);
}

/** Outputs in evaluation mode. @throws as {@link benchTrain} */
export async function benchPredict(options: BenchOptions): Promise<BenchReport> {
  return benchModel("predict", options);
}

async function benchModel(mode: BenchMode, options: BenchOptions): Promise<BenchReport> {
  const { model, method, density, seed } = options;
  checkSettings(options);
  if (method !== "dense") prunerByName(method);
  else if (density !== 1) {
    throw new ArgumentError("density", { given: `${density} for a dense network`, expected: "1" });
  }
  const { network, weights } = await benchedModel(model, seed);
  const masks = method === "dense" ? undefined : await masksOf(network, weights, options);
  const subject = { network, weights, masks };
  return { method, requestedDensity: density, ...(await benchSubject(mode, subject, seed, options)) };
}

async function masksOf(network: Network, weights: Weights, options: BenchOptions): Promise<Masks> {
  const { method, density, seed, options: methodOptions = {}, signal } = options;
  // methods that need examples get random ones
  const isLookedAt = examplesOf(prunerByName(method), methodOptions) > 0;
  const data = isLookedAt ? await randomExamples(network, seed) : undefined;
  const settings = {
    method,
    density,
    seed,
    options: methodOptions,
    signal,
    data,
  };
  return (await prune(network, weights, settings)).masks;
}

/**
 * Any network and its masks.
 * @param start starts a contender; another one for tests
 * @throws as {@link benchTrain}
 */
export async function benchSubject(
  mode: BenchMode,
  subject: BenchSubject,
  seed: number,
  settings: BenchSettings,
  start: typeof startContender = startContender,
): Promise<Omit<BenchReport, "method" | "requestedDensity">> {
  checkSettings(settings);
  const { network, masks } = subject;
  const { batchSize, roundCount = 5, onProgress, signal } = settings;
  const executor = settings.executor ?? executorNames[0]!;
  const baseline = baselineByName(settings.baseline ?? "none");
  const batch = await randomBatch(network, batchSize, seed);
  const task = taskOf(mode, network, seed, settings);
  const begin = (command: Baseline["command"], details: Partial<BenchTask>, masked: boolean) => {
    const whole = { ...task, ...details, masked: masked && masks !== undefined };
    return start(command, whole, payloadOf(whole, subject, batch), signal);
  };
  const [loadAverage] = loadavg() as [number, number, number];
  const running: Contender[] = [];
  try {
    onProgress?.(0, "warming up");
    const ours = await begin(
      executorCommand,
      { executor: { name: executor, fastMath: settings.fastMath ?? false } },
      true,
    );
    if ("unavailable" in ours) throw new Error(`${executor}: ${ours.unavailable}`);
    running.push(ours);
    const other =
      baseline &&
      (await begin(baseline.command, baselineDetails(baseline, settings), settings.maskBaseline ?? false));
    if (other !== undefined && !("unavailable" in other)) running.push(other);
    const limits = settings.limits ? await measureMachine(ours.threadCount ?? 1) : undefined;
    const rounds = await race(running, {
      roundCount,
      pauseMs: PAUSE_MS,
      signal,
      onRound: (done, all) => onProgress?.(done / all, `round ${done} of ${all}`),
    });
    const work = workOf(network, masks, mode);
    const denseWork = workOf(network, undefined, mode);
    const times = settings.profile ? await ours.profile() : undefined;
    const ourReport = await contenderReport(ours, masks === undefined ? "all" : "kept", rounds[0]!, work);
    const baselineWeights = settings.maskBaseline && masks !== undefined ? "masked" : "all";
    return {
      mode,
      network: network.name,
      density: (masks ?? Masks.dense(network)).density,
      seed,
      batchSize,
      work,
      ours: { ...ourReport, times },
      baseline: running[1] && (await contenderReport(running[1], baselineWeights, rounds[1]!, denseWork)),
      baselineUnavailable: other && "unavailable" in other ? other.unavailable : undefined,
      ratio: rounds[1] && ratioOf(rounds[0]!, rounds[1]),
      limits,
      kernels: executor === "sparse" ? kernelPlan(network, masks, batchSize) : undefined,
      loadAverage,
    };
  } finally {
    for (const contender of running) contender.kill();
  }
}

function taskOf(mode: BenchMode, network: Network, seed: number, settings: BenchSettings): BenchTask {
  const { batchSize, threadCount } = settings;
  return {
    mode,
    batchSize,
    threadCount,
    round: settings.round ?? { stepCount: 2, milliseconds: 1000 },
    warmUp: settings.warmUp ?? { stepCount: 3, milliseconds: 500 },
    optimiser: OPTIMISER,
    rate: RATE,
    seed,
    masked: false,
    network: describeNetwork(network),
    parameters: network.parameters,
  };
}

/** Default: all threads; a baseline that cannot use several gets 1, like every executor then. */
function baselineDetails(
  { executor, threads }: Baseline,
  { threadCount = availableParallelism() }: BenchSettings,
): Partial<BenchTask> {
  return { threadCount: threads ? threadCount : 1, executor };
}

async function contenderReport(
  contender: Contender,
  weights: ContenderReport["weights"],
  rounds: readonly Round[],
  work: Work,
): Promise<ContenderReport> {
  const { name, backend, threadCount, plan } = contender;
  const pace = paceOf(rounds);
  const perImage = work.layers.reduce((sum, { stepMultiplyAdds }) => sum + stepMultiplyAdds, 0);
  return {
    name,
    backend,
    weights,
    threadCount,
    ...pace,
    gigaflops: (2 * perImage * pace.imagesPerSecond.median) / 1e9,
    memory: await contender.finish(),
    plan,
  };
}

/** Normal inputs, classes over all outputs. */
/** As many as a method looks at of ten classes. */
async function randomExamples(network: Network, seed: number): Promise<PruningData> {
  return { batches: [await randomBatch(network, 100, seed)], differentiator: createDifferentiator() };
}

async function randomBatch(network: Network, count: number, seed: number): Promise<Batch> {
  const x = new Float32Array(count * elementCount(network.inputShape));
  const stream = network.parameters.length;
  (await loadWalkEngine()).fillNormal(x, { seed, stream, standardDeviation: 1 });
  const random = new Random(seed, stream + 1);
  const y = Int32Array.from({ length: count }, () => random.below(network.outputShape[0]!));
  return { x, y, count };
}

function checkSettings({
  batchSize,
  threadCount = 1,
  roundCount = 1,
  round,
  warmUp,
  ...rest
}: BenchSettings): void {
  requireWhole("batch size", batchSize);
  requireWhole("threads", threadCount);
  requireWhole("rounds", roundCount);
  for (const stretch of [round, warmUp]) {
    if (stretch === undefined) continue;
    requireWhole("steps of a round", stretch.stepCount);
    if (!(stretch.milliseconds >= 0 && Number.isFinite(stretch.milliseconds))) {
      const given = `${stretch.milliseconds}`;
      throw new ArgumentError("milliseconds of a round", { given, expected: "a number of at least 0" });
    }
  }
  baselineByName(rest.baseline ?? "none");
  const { executor } = rest;
  if (executor !== undefined && !executorNames.includes(executor))
    throw unknownName("executor", executor, executorNames);
}

function requireWhole(subject: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ArgumentError(subject, { given: `${value}`, expected: "a whole number of at least 1" });
}
