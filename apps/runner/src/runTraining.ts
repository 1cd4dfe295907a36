/**
 * One training run, from its configuration to a finished run folder: prune, train, keep what happened. A run that was
 * begun and not finished is gone on with at its newest checkpoint.
 */
import { createHash } from "node:crypto";
import path from "node:path";
import {
  ArgumentError,
  completeCheck,
  completeOptions,
  initialise,
  keepCountAt,
  layerMeasures,
  Masks,
  maskWarnings,
  measures,
  type Network,
  ownInitialisation,
  type PruneResult,
  prune,
  prunerByName,
  type RunEvent,
  requireMeaning,
  requireWithin,
  variantOfSeveral,
  type Weights,
  zooEntries,
  zooModel,
} from "@phew/core";
import { digestWeights, type MaskOrigin, readMasks, writeSafetensors } from "@phew/formats";
import {
  counted,
  isTidy,
  lastAccuracy,
  type RunState,
  RunWriter,
  readRun,
  readRunData,
  readStatus,
  runFolderOf,
  withFinishedRun,
} from "@phew/runs";
import {
  checkTraining,
  type Dataset,
  DivergedError,
  type EpochResult,
  type ExecutorFactory,
  loadDataset,
  loadExecutor,
  type TrainCheckpoint,
  train,
  usualLoader,
} from "@phew/training";
import { readArrays } from "./arrayFile.ts";
import {
  type CheckpointPolicy,
  checkpointDue,
  fromTensors,
  toTensors,
  weightTensors,
} from "./checkpoints.ts";
import { describeFailure, Failure, Interrupted } from "./failure.ts";
import { settingsOf } from "./loopSettings.ts";
import { dataOfDataset, looksAtExamples } from "./pruningData.ts";
import { REWIND_FILE } from "./runSource.ts";
import { requireSameData, requireSameFiles, stampOf } from "./sameData.ts";
import { identityOf, runName, type TrainConfig } from "./settings/configuration.ts";
import { DENSE } from "./settings/pruning.ts";
import { version } from "./version.ts";
import { readSources, type Sources, withDigests } from "./weightSources.ts";

/** Where a run's folder goes. */
export interface RunPlace {
  readonly root: string;
  readonly experiment: string;
  /** Run again where this configuration has been run. */
  readonly force: boolean;
  /** False: begin again where it has been begun and not finished. True unless given. */
  readonly resume?: boolean;
  readonly checkpoints?: CheckpointPolicy;
  readonly threadCount?: number;
  /** What the data must be, and which file says so. */
  readonly data?: { readonly digest: string; readonly source: string };
  /** A mask that breaks the network ends the run before it trains. */
  readonly strict?: boolean;
  /** Longest that walks may be expected to take, in milliseconds; an hour unless given. */
  readonly limitMs?: number;
}

export interface RunResult {
  readonly folder: string;
  /** True where the run had been finished before. */
  readonly skipped: boolean;
  readonly testAccuracy?: number;
}

export interface RunHooks {
  readonly signal: AbortSignal;
  /** @param state the run with the event in it */
  readonly onEvent?: (event: RunEvent, state: RunState) => void;
  /** How much of a large data set has been read, before the first event. */
  readonly onData?: (fraction: number, note: string) => void;
}

/** Everything a run computes with. */
interface Material {
  readonly config: TrainConfig;
  readonly place: RunPlace;
  readonly dataset: Dataset;
  readonly network: Network;
  /** What it takes from other runs. */
  readonly sources: Sources;
  /** What training starts from, before pruning. */
  readonly initial: () => Promise<Weights>;
  readonly executor: ExecutorFactory;
}

type Recorder = (event: RunEvent) => void;

/** Data sets of this process, so that a row of runs draws or reads them once. */
const datasets = new Map<string, Promise<Dataset>>();

/**
 * Carries the run out, or what is left of it. Nothing is done where it has been finished.
 * @throws ArgumentError before anything is written where the configuration cannot be run, or where another process works
 *   on it; Interrupted where the signal fired: the run can be gone on with then
 */
export async function runTraining(given: TrainConfig, place: RunPlace, hooks: RunHooks): Promise<RunResult> {
  const { threadCount, force, resume = true } = place;
  const config = withDigests(given);
  const identity = identityOf(config, place);
  const folder = runFolderOf(identity);
  const skipped = () => ({ folder, skipped: true, ...accuracyOf(readRun(folder).state) });
  const isStrict = place.strict === true && config.method !== DENSE;
  const load = () => datasetOf(config, hooks.onData);
  const isFinished = readStatus(folder)?.state === "finished";
  if (!force && isFinished) {
    await requireSameFiles(config, folder, load);
    // its process was killed behind its end
    if (!isTidy(folder)) await withFinishedRun(folder, async () => undefined);
    if (isStrict) await requireSound(folder, (await gather(config, place, hooks)).network);
    return skipped();
  }
  const dataStamp = await stampOf(config);
  const material = await gather(config, place, hooks);
  const { digest, normalisation } = material.dataset;
  if (!force && resume && !isFinished)
    requireSameData(config, folder, readRunData(folder)?.digest, material.dataset);
  const options = {
    ...identity,
    name: runName(config),
    data: { ...(digest === undefined ? {} : { digest }), ...normalisation },
    ...(dataStamp === undefined ? {} : { dataStamp }),
    ...(threadCount === undefined ? {} : { threadCount }),
  };
  const writer = force || !resume ? RunWriter.open(options) : await RunWriter.resume(options);
  // another process has finished it meanwhile
  if (writer === undefined) {
    if (isStrict) await requireSound(folder, material.network);
    return skipped();
  }
  const record: Recorder = (event) => {
    writer.append(event);
    hooks.onEvent?.(event, writer.state);
  };
  try {
    const weights = await carriedOut(material, writer, record, hooks.signal);
    const { epochs, seed } = config;
    const metadata = metadataOf(config, material.network, { epoch: `${epochs}`, seed: `${seed}` });
    await writer.keepResult(weightTensors(material.network, weights), metadata);
    writer.close({ state: "finished" });
  } catch (error) {
    throw ended(writer, error, hooks.signal);
  }
  return { folder, skipped: false, ...accuracyOf(writer.state) };
}

/** @throws ArgumentError where the masks of a finished run cut outputs off or collapse a layer */
export async function requireSound(folder: string, network: Network): Promise<void> {
  maskWarnings(await readMasks(path.join(folder, "masks.safetensors"), network), folder, { strict: true });
}

/** Closes the run of a failure. @returns what to throw for it */
function ended(writer: RunWriter, error: unknown, signal: AbortSignal): unknown {
  const interrupted = signal.aborted && error === signal.reason;
  const failure =
    error instanceof DivergedError ? new Failure(`${error.message} ${checkpointLeft(writer)}`) : error;
  try {
    if (interrupted) writer.close({ state: "interrupted" });
    else writer.close({ state: "failed", failure: describeFailure(failure).message });
  } catch {
    // a full disk, or a run in other hands: what is thrown below says so
  }
  if (!interrupted) return failure;
  return new Interrupted(`stopped; what was done is in ${writer.folder}, the same command goes on with it`);
}

async function carriedOut(
  material: Material,
  writer: RunWriter,
  record: Recorder,
  signal: AbortSignal,
): Promise<Weights> {
  const { config, network } = material;
  const from = writer.checkpoint && fromTensors(network, writer.checkpoint);
  if (from === undefined) {
    record({ kind: "run.started", name: runName(config), config: { ...config } });
    const { masks, weights } = await prunedAndKept(material, writer, record, signal);
    return trained(material, writer, { masks, weights }, record, signal);
  }
  const { epoch, step } = from.training.position;
  record({ kind: "run.resumed", epoch: Math.min(epoch, config.epochs), step });
  const masks = await masksAgain(material, writer, from.masksDigest, signal);
  if (material.place.strict && config.method !== DENSE) maskWarnings(masks, writer.folder, { strict: true });
  const { weights } = from.training;
  return trained(material, writer, { masks, weights, resume: from.training }, record, signal);
}

/** Prunes, and writes the masks. @returns the weights to train from, which a check may have drawn anew */
async function prunedAndKept(
  material: Material,
  writer: RunWriter,
  record: Recorder,
  signal: AbortSignal,
): Promise<{ masks: Masks; weights: Weights }> {
  const { masks, ...made } = await pruned(material, record, signal);
  const weights = made.weights ?? (await material.initial());
  // a check's own weights are those that its mask is for
  const madeFor = made.weights ?? material.sources.scoreWeights ?? weights;
  await writer.saveMasks(masks, originOf(material, madeFor, made));
  return { masks, weights };
}

/** The masks that the run began with: from its folder, or made again where they are not there as they were. */
async function masksAgain(
  material: Material,
  writer: RunWriter,
  digest: string,
  signal: AbortSignal,
): Promise<Masks> {
  const kept = await readMasks(writer.path("masks.safetensors"), material.network).catch(() => undefined);
  if (kept !== undefined && digestMasks(kept) === digest) return kept;
  return (await prunedAndKept(material, writer, () => undefined, signal)).masks;
}

function digestMasks(masks: Masks): string {
  return createHash("sha256").update(masks.bytes).digest("hex");
}

async function gather(config: TrainConfig, place: RunPlace, { onData }: RunHooks): Promise<Material> {
  // an unknown name is told before a data set is read or drawn
  if (!zooEntries.some(({ name }) => name === config.model)) zooModel(config.model);
  requireKnown(config);
  const dataset = await datasetOf(config, onData);
  if (place.data !== undefined) requireSameData(config, place.data.source, place.data.digest, dataset);
  const network = zooModel(config.model, { classCount: dataset.classCount, inputShape: dataset.inputShape });
  requireFitting(config, { dataset, network });
  const sources = await readSources(config, network);
  const keepCount = keepCountAt(config.density, network.prunableCount);
  if (sources.within !== undefined) requireWithin(prunerByName(config.method), keepCount, sources.within);
  let drawn: Promise<Weights> | undefined;
  const initial = async () => {
    if (sources.startWeights !== undefined) return sources.startWeights;
    drawn ??= initialise(network, { seed: config.seed, initialisation: ownInitialisation(network) });
    return drawn;
  };
  const executor = await loadExecutor(config.executor, { fastMath: config.fastMath ?? false });
  return { config, place, dataset, network, sources, initial, executor };
}

/** @throws ArgumentError before any training where the configuration, or what it names, cannot be run */
export async function requireRunnable(config: TrainConfig, place: RunPlace, hooks: RunHooks): Promise<void> {
  await gather(withDigests(config), place, hooks);
}

/** @throws ArgumentError for a method, a check or options of them that are not known */
export function requireKnown({ method, options, check, checkOptions = {} }: TrainConfig): void {
  if (method !== DENSE) completeOptions(prunerByName(method), options);
  if (check !== undefined) completeCheck({ name: check, options: checkOptions });
}

/** @throws ArgumentError for a setting that means nothing for the network, or does not fit the data */
export function requireFitting(
  config: TrainConfig,
  { dataset, network }: Pick<Material, "dataset" | "network">,
): void {
  if (config.method !== DENSE) {
    const pruner = prunerByName(config.method);
    requireMeaning(pruner, completeOptions(pruner, config.options), network);
  }
  checkTraining({ dataset, network, ...settingsOf(config, dataset) });
  rewindStepOf(config, dataset);
}

/** The step after which the run keeps its weights to be rewound to; undefined where it keeps none. */
function rewindStepOf(
  { rewindStep, rewindEpoch, epochs, batchSize }: TrainConfig,
  { train: { count } }: Dataset,
): number | undefined {
  const stepsPerEpoch = Math.ceil(count / batchSize);
  const step = rewindEpoch === undefined ? rewindStep : rewindEpoch * stepsPerEpoch;
  if (step === undefined || step <= epochs * stepsPerEpoch) return step;
  throw new ArgumentError("rewinding", {
    given: rewindEpoch === undefined ? `to step ${step}` : `to epoch ${rewindEpoch}`,
    expected: `at most ${counted(epochs, "epoch")} of ${counted(stepsPerEpoch, "step")}, which is all the training there is`,
  });
}

/** The data set of a configuration, once a process. @throws ArgumentError where it cannot be had */
export function datasetOf(config: TrainConfig, progress?: RunHooks["onData"]): Promise<Dataset> {
  const { dataset, dataDir, classCount, trainCount, testCount, dataSeed, imageSize, validation } = config;
  const { mean, std } = config;
  const chosen = { classCount, trainCount, testCount, seed: dataSeed, validation: validation || undefined };
  const options = { dataDir, imageSize, mean, std, ...chosen };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const key = JSON.stringify([dataset, given]);
  const loading =
    datasets.get(key) ?? loadDataset(dataset, { ...given, readArrays, ...(progress && { progress }) });
  datasets.set(key, loading);
  return loading;
}

/** What a run trains with: its masks, and what a check made of the weights. */
type Pruned = Pick<PruneResult, "masks" | "check" | "weights" | "weightsSeed">;

/** The masks to train with; a dense run has them too, all kept, so that it is measured alike. */
async function pruned(material: Material, record: Recorder, signal: AbortSignal): Promise<Pruned> {
  const { config, place, dataset, network, sources } = material;
  const { method, density, seed, options } = config;
  const initial = await material.initial();
  const finish = (event: RunEvent & { kind: "prune.finished" }, masks: Masks, weights: Weights = initial) =>
    record({ ...event, measures: measures(weights, masks) });
  if (method === DENSE) {
    const masks = Masks.dense(network);
    const layers = layerMeasures(masks);
    const whole = {
      method,
      requestedDensity: 1,
      density: 1,
      keptCount: network.prunableCount,
      elapsedMs: 0,
      layers,
    };
    finish({ kind: "prune.finished", ...whole }, masks);
    return { masks };
  }
  let last: (RunEvent & { kind: "prune.finished" }) | undefined;
  const onEvent = (event: RunEvent) => {
    if (event.kind === "prune.finished") last = event;
    else record(event);
  };
  const { check: name, checkOptions } = config;
  const check = name === undefined ? undefined : { name, ...(checkOptions && { options: checkOptions }) };
  const { threadCount } = place;
  const subject = { network, method, options, seed, ...(threadCount !== undefined && { threadCount }) };
  const data = looksAtExamples(method) ? await dataOfDataset(subject, dataset) : undefined;
  const { scoreWeights = initial, within } = sources;
  const pruning = await prune(network, scoreWeights, {
    method,
    density,
    seed,
    options,
    ...(within && { within }),
    ...(data && { data }),
    ...(check && { check }),
    ...(place.strict && { strict: true }),
    ...(place.limitMs !== undefined && { limitMs: place.limitMs }),
    signal,
    onEvent,
  });
  finish(last!, pruning.masks, pruning.weights);
  return pruning;
}

function originOf(
  { config, network }: Material,
  weights: Weights,
  { check, weightsSeed }: Pick<Pruned, "check" | "weightsSeed">,
): MaskOrigin {
  const { method, options, seed, density } = config;
  const weightsDigest = digestWeights(network, weights);
  return {
    ...{ method, options, seed, requestedDensity: density, weightsDigest, version },
    ...(check && { check }),
    ...(weightsSeed !== undefined && { weightsSeed }),
    ...variantEntry(config, network),
  };
}

/** Which form of the architecture it is, where there are several. */
function variantEntry({ model }: TrainConfig, { inputShape }: Network): { variant?: string } {
  const variant = variantOfSeveral(model, inputShape);
  return variant === undefined ? {} : { variant };
}

/** What a training starts from; `resume` where it is gone on with. */
interface Start {
  readonly masks: Masks;
  readonly weights: Weights;
  readonly resume?: TrainCheckpoint;
}

async function trained(
  { config, place, dataset, network, executor }: Material,
  writer: RunWriter,
  { masks, weights, resume }: Start,
  record: Recorder,
  signal: AbortSignal,
): Promise<Weights> {
  const settings = settingsOf(config, dataset);
  const rewindStep = rewindStepOf(config, dataset);
  const isDue = checkpointDue(place.checkpoints, resume?.position.step);
  const events = train({
    dataset,
    network,
    weights,
    ...(config.method === DENSE ? {} : { masks }),
    executor,
    ...settings,
    loader: usualLoader(dataset, settings.augmentation),
    onBest: (best, result) => keepBest(writer, config, network, best, result),
    ...(place.threadCount === undefined ? {} : { threadCount: place.threadCount }),
    ...(resume === undefined ? {} : { resume }),
    checkpoints: {
      due: (position) => isDue(position) || position.step === rewindStep,
      keep: async (checkpoint) => {
        const { epoch, step } = checkpoint.position;
        // first, so that a run that goes on behind this step has it
        if (step === rewindStep) await keepRewind(writer, config, network, checkpoint);
        const metadata = metadataOf(config, network, { epoch: `${epoch}`, step: `${step}` });
        return writer.keepCheckpoint(toTensors(network, checkpoint, digestMasks(masks)), metadata);
      },
    },
    signal,
  });
  for (;;) {
    const { done, value } = await events.next();
    if (!done) {
      record(value);
      continue;
    }
    if (value.interrupted) throw signal.reason;
    return value.weights;
  }
}

/** What readers of a run's weights see beside them: enough to build the network again without its data set. */
function metadataOf(
  config: TrainConfig,
  network: Network,
  when: Readonly<Record<string, string>>,
): Record<string, string> {
  const input = network.inputShape.join(",");
  return { format: "pt", model: config.model, input, ...variantEntry(config, network), ...when, version };
}

/** The weights of the epoch that is the best so far by its validation examples, in place of the last such. */
function keepBest(
  writer: RunWriter,
  config: TrainConfig,
  network: Network,
  weights: Weights,
  { epoch }: EpochResult,
): Promise<void> {
  const metadata = metadataOf(config, network, { epoch: `${epoch}`, seed: `${config.seed}` });
  const tensors = weightTensors(network, weights);
  return writer.write("best.safetensors", (file) =>
    writeSafetensors(file, tensors, metadata, { force: true }),
  );
}

/** The weights of an early step, for other runs to start from. */
function keepRewind(
  writer: RunWriter,
  config: TrainConfig,
  network: Network,
  { weights, position: { step } }: TrainCheckpoint,
): Promise<void> {
  const metadata = metadataOf(config, network, { step: `${step}`, seed: `${config.seed}` });
  const tensors = weightTensors(network, weights);
  return writer.write(REWIND_FILE, (file) => writeSafetensors(file, tensors, metadata, { force: true }));
}

function accuracyOf(state: RunState): { testAccuracy?: number } {
  const testAccuracy = lastAccuracy(state);
  return testAccuracy === undefined ? {} : { testAccuracy };
}

/** What there is to go back to where numbers ended: weights are kept while they are finite alone. */
function checkpointLeft(writer: RunWriter): string {
  const kept = writer.keptStep;
  const file = writer.path("checkpoint.safetensors");
  return kept === undefined
    ? "No checkpoint had been kept before."
    : `The last good checkpoint is ${file}, of step ${kept}.`;
}

/** The state of finished runs, for reports. */
export function statesOf(results: readonly RunResult[]): RunState[] {
  return results.map(({ folder }) => readRun(folder).state);
}
