import {
  ArgumentError,
  completeCheck,
  completeOptions,
  initialisationByName,
  initialise,
  keepCountAt,
  type Network,
  ownInitialisation,
  prunerByName,
  type RunEvent,
  requireMeaning,
  requireWithin,
  variantOfSeveral,
  type Weights,
  zooEntries,
  zooModel,
} from "@phew/core";
import { counted, type RunState, readStatus, runFolderOf } from "@phew/runs";
import {
  checkTraining,
  type Dataset,
  datasetByName,
  type ExecutorFactory,
  loadDataset,
  loadExecutor,
} from "@phew/training";
import { identityOf, type TrainConfig } from "../settings/configuration.ts";
import { DENSE } from "../settings/pruning.ts";
import { readArrays } from "../sources/arrayFile.ts";
import { readSources, type Sources, withDigests } from "../sources/weightSources.ts";
import type { CheckpointPolicy } from "./checkpoints.ts";
import { settingsOf } from "./loopSettings.ts";
import { requireSameData } from "./sameData.ts";

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

export interface RunHooks {
  readonly signal: AbortSignal;
  /** @param state the run with the event in it */
  readonly onEvent?: (event: RunEvent, state: RunState) => void;
  /** Told before the data are read or drawn: where the run comes to lie, and that they are what it waits for. */
  readonly onPlace?: (text: string) => void;
  /** How much of a large data set has been read, before the first event. */
  readonly onData?: (fraction: number, note: string) => void;
}

/** Everything a run computes with. */
export interface Material {
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

/** Data sets of this process, so that a row of runs draws or reads them once. */
const datasets = new Map<string, Promise<Dataset>>();

export async function gather(config: TrainConfig, place: RunPlace, hooks: RunHooks): Promise<Material> {
  // an unknown name, and an executor that is not installed, are told before a data set is read or drawn
  if (!zooEntries.some(({ name }) => name === config.model)) zooModel(config.model);
  requireKnown(config);
  hooks.onPlace?.(placeText(config, place));
  const executor = await loadExecutor(config.executor, { fastMath: config.fastMath ?? false });
  const dataset = await datasetOf(config, hooks.onData);
  if (place.data !== undefined) requireSameData(config, place.data.source, place.data.digest, dataset);
  const network = zooModel(config.model, { classCount: dataset.classCount, inputShape: dataset.inputShape });
  requireFitting(config, { dataset, network });
  const sources = await readSources(config, network);
  const keepCount = keepCountAt(config.density, network.prunableCount);
  if (sources.within !== undefined) requireWithin(prunerByName(config.method), keepCount, sources.within);
  let drawn: Promise<Weights> | undefined;
  const initial = async () => {
    if (sources.startWeights !== undefined) return sources.startWeights;
    const { seed, init } = config;
    const initialisation = init === undefined ? ownInitialisation(network) : initialisationByName(init);
    drawn ??= initialise(network, { seed, initialisation });
    return drawn;
  };
  return { config, place, dataset, network, sources, initial, executor };
}

/** Where the run lies and what it waits for, which may take a while. */
function placeText(config: TrainConfig, place: RunPlace): string {
  const folder = runFolderOf(identityOf(config, place));
  const { state, checkpoint } = (!place.force && place.resume !== false && readStatus(folder)) || {};
  const from =
    checkpoint && `${state === "running" ? "broken off" : state} after step ${checkpoint.step}, goes on; `;
  const { embedded } = datasetByName(config.dataset);
  return `${folder}: ${from ?? ""}${embedded ? "draws" : "reads"} its data (${config.dataset})`;
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
export function rewindStepOf(
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

/** Which form of the architecture it is, where there are several. */
export function variantEntry({ model }: TrainConfig, { inputShape }: Network): { variant?: string } {
  const variant = variantOfSeveral(model, inputShape);
  return variant === undefined ? {} : { variant };
}
