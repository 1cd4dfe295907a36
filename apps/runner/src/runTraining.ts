/** One training run, from its configuration to a finished run folder: prune, train, keep what happened. */
import { existsSync } from "node:fs";
import {
  ArgumentError,
  completeCheck,
  initialise,
  layerMeasures,
  Masks,
  measures,
  type Network,
  ownInitialisation,
  type PruneResult,
  prune,
  prunerByName,
  type RunEvent,
  type Weights,
  zooEntries,
  zooModel,
} from "@phew/core";
import { digestWeights, float32Tensor, type MaskOrigin, writeSafetensors } from "@phew/formats";
import { lastAccuracy, type RunState, RunWriter, readRun, readStatus, runFolderOf } from "@phew/runs";
import {
  type Dataset,
  DivergedError,
  type ExecutorFactory,
  loadDataset,
  loadExecutor,
  train,
} from "@phew/training";
import { describeFailure, Failure, Interrupted } from "./failure.ts";
import { dataOfDataset, looksAtExamples } from "./pruningData.ts";
import { runName, TRAIN_DEFAULTS, type TrainConfig } from "./trainConfig.ts";
import { version } from "./version.ts";

/** Where a run's folder goes. */
export interface RunPlace {
  readonly root: string;
  readonly experiment: string;
  /** Run again where this configuration has been run. */
  readonly force: boolean;
  readonly threadCount?: number;
}

export interface RunResult {
  readonly folder: string;
  /** True where the run had been finished before. */
  readonly skipped: boolean;
  readonly testAccuracy?: number;
}

export interface RunHooks {
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** Everything a run computes with. */
interface Material {
  readonly config: TrainConfig;
  readonly place: RunPlace;
  readonly dataset: Dataset;
  readonly network: Network;
  /** As drawn, before pruning. */
  readonly initial: Weights;
  readonly executor: ExecutorFactory;
}

/** Data sets of this process, so that a row of runs draws or reads them once. */
const datasets = new Map<string, Promise<Dataset>>();

/**
 * @throws ArgumentError before anything is written where the configuration cannot be run; Interrupted where the signal
 *   fired: the run's folder then says so
 */
export async function runTraining(config: TrainConfig, place: RunPlace, hooks: RunHooks): Promise<RunResult> {
  const identity = {
    root: place.root,
    experiment: place.experiment,
    config: { ...config },
    defaults: TRAIN_DEFAULTS,
    seed: config.seed,
  };
  const folder = runFolderOf(identity);
  if (!place.force && readStatus(folder)?.state === "finished") {
    return { folder, skipped: true, ...accuracyOf(readRun(folder).state) };
  }
  const material = await gather(config, place);
  const writer = RunWriter.open({ ...identity, name: runName(config), existing: "restart" });
  const record = (event: RunEvent) => {
    writer.append(event);
    hooks.onEvent?.(event);
  };
  try {
    record({ kind: "run.started", name: runName(config), config: { ...config } });
    const { masks, ...origin } = await pruned(material, record, hooks.signal);
    const start = { ...material, initial: origin.weights ?? material.initial };
    await writer.saveMasks(masks, originOf(start, origin));
    const weights = await trained(start, masks, record, hooks.signal);
    await keepWeights(writer.path("checkpoint.safetensors"), material, weights);
    writer.close({ state: "finished" });
  } catch (error) {
    if (hooks.signal.aborted) {
      writer.close({ state: "interrupted" });
      throw new Interrupted(`stopped; what was done is in ${folder}`);
    }
    const failure =
      error instanceof DivergedError ? new Failure(`${error.message} ${checkpointLeft(writer)}`) : error;
    writer.close({ state: "failed", failure: describeFailure(failure).message });
    throw failure;
  }
  return { folder, skipped: false, ...accuracyOf(writer.state) };
}

async function gather(config: TrainConfig, place: RunPlace): Promise<Material> {
  // an unknown name is told before a data set is read or drawn
  if (!zooEntries.some(({ name }) => name === config.model)) zooModel(config.model);
  if (config.method !== "dense") prunerByName(config.method);
  requireCheck(config);
  const dataset = await datasetOf(config);
  const network = zooModel(config.model, { classCount: dataset.classCount, inputShape: dataset.inputShape });
  const initial = await initialise(network, {
    seed: config.seed,
    initialisation: ownInitialisation(network),
  });
  const executor = await loadExecutor(config.executor);
  return { config, place, dataset, network, initial, executor };
}

/** The data set of a configuration, once a process. @throws ArgumentError where it cannot be had */
export function datasetOf(config: TrainConfig): Promise<Dataset> {
  const { dataset, dataDir, classCount, trainCount, testCount, dataSeed } = config;
  const options = { dataDir, classCount, trainCount, testCount, seed: dataSeed };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const key = JSON.stringify([dataset, given]);
  const loading = datasets.get(key) ?? loadDataset(dataset, given);
  datasets.set(key, loading);
  return loading;
}

/** @throws ArgumentError for a check that is not known, that has no such option, or that has no mask to check */
function requireCheck({ method, check, checkOptions = {} }: TrainConfig): void {
  if (check === undefined) {
    if (Object.keys(checkOptions).length === 0) return;
    throw new ArgumentError("check options", {
      given: "some without a check",
      expected: "a check with them",
    });
  }
  completeCheck({ name: check, options: checkOptions });
  if (method !== "dense") return;
  throw new ArgumentError("check", { given: `${check} of a dense run`, expected: "a run that prunes" });
}

/** What a run trains with: its masks, and what a check made of the weights. */
type Pruned = Pick<PruneResult, "masks" | "check" | "weights" | "weightsSeed">;

/** The masks to train with; a dense run has them too, all kept, so that it is measured alike. */
async function pruned(
  { config, place, dataset, network, initial }: Material,
  record: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<Pruned> {
  const { method, density, seed, options } = config;
  const finish = (event: RunEvent & { kind: "prune.finished" }, masks: Masks, weights: Weights = initial) =>
    record({ ...event, measures: measures(weights, masks) });
  if (method === "dense") {
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
  const pruning = await prune(network, initial, {
    method,
    density,
    seed,
    options,
    ...(data && { data }),
    ...(check && { check }),
    signal,
    onEvent,
  });
  finish(last!, pruning.masks, pruning.weights);
  return pruning;
}

function originOf(
  { config, network, initial }: Material,
  { check, weightsSeed }: Pick<Pruned, "check" | "weightsSeed">,
): MaskOrigin {
  const { method, options, seed, density } = config;
  const weightsDigest = digestWeights(network, initial);
  return {
    ...{ method, options, seed, requestedDensity: density, weightsDigest, version },
    ...(check && { check }),
    ...(weightsSeed !== undefined && { weightsSeed }),
  };
}

async function trained(
  { config, place, dataset, network, initial, executor }: Material,
  masks: Masks,
  record: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<Weights> {
  const { momentum, nesterov, weightDecay, drops, dropFactor, batchSize, rate, labelSmoothing, seed } =
    config;
  const events = train({
    dataset,
    network,
    weights: initial,
    ...(config.method === "dense" ? {} : { masks }),
    executor,
    optimiser: { momentum, nesterov, weightDecay },
    epochCount: config.epochs,
    batchSize,
    rate,
    schedule: { kind: "step", drops, factor: dropFactor },
    labelSmoothing,
    seed,
    ...(place.threadCount === undefined ? {} : { threadCount: place.threadCount }),
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

async function keepWeights(file: string, { config, network }: Material, weights: Weights): Promise<void> {
  const tensors = new Map(
    network.parameters.map(({ name, shape }) => [name, float32Tensor(shape, weights.get(name)!)]),
  );
  const metadata = {
    format: "pt",
    model: config.model,
    epoch: `${config.epochs}`,
    seed: `${config.seed}`,
    version,
  };
  await writeSafetensors(file, tensors, metadata, { force: true });
}

function accuracyOf(state: RunState): { testAccuracy?: number } {
  const testAccuracy = lastAccuracy(state);
  return testAccuracy === undefined ? {} : { testAccuracy };
}

/** What there is to go back to where numbers ended: weights are kept while they are finite alone. */
function checkpointLeft(writer: RunWriter): string {
  const file = writer.path("checkpoint.safetensors");
  return existsSync(file) ? `The last good checkpoint is ${file}.` : "No checkpoint had been kept before.";
}

/** The state of finished runs, for reports. */
export function statesOf(results: readonly RunResult[]): RunState[] {
  return results.map(({ folder }) => readRun(folder).state);
}
