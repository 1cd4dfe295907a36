import {
  ArgumentError,
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
} from "@phew/core";
import type { ReadModel } from "@phew/formats";
import { counted, type RunState } from "@phew/runs";
import { checkTraining, type Dataset, type ExecutorFactory, loadDataset, loadExecutor } from "@phew/training";
import type { TrainConfig } from "../settings/configuration.ts";
import { DENSE } from "../settings/pruning.ts";
import { readArrays } from "../sources/arrayFile.ts";
import { readSources, type Sources, withDigests } from "../sources/weightSources.ts";
import type { CheckpointPolicy } from "./checkpoints.ts";
import { requireKnown } from "./knownNames.ts";
import { settingsOf, startDensityOf } from "./loopSettings.ts";
import { networkNotes, ownWeights, requireFittingHead, runNetwork } from "./runNetwork.ts";
import { requireSameData } from "./sameData.ts";

/** Parent of the run's folder. */
export interface RunPlace {
  readonly root: string;
  readonly experiment: string;
  /** Run again where this configuration has been run. */
  readonly force: boolean;
  /** False: start again if it was started and not finished. Default true. */
  readonly resume?: boolean | undefined;
  readonly checkpoints?: CheckpointPolicy | undefined;
  readonly threadCount?: number | undefined;
  /** Digest that the data must have, and the file that requires it. */
  readonly data?: { readonly digest: string; readonly source: string } | undefined;
  /** A mask that breaks the network ends the run before it trains. */
  readonly strict?: boolean | undefined;
  /** Longest that walks may be expected to take, in milliseconds; an hour unless given. */
  readonly limitMs?: number | undefined;
}

export interface RunHooks {
  readonly signal: AbortSignal;
  /** @param state the run with the event in it */
  readonly onEvent?: (event: RunEvent, state: RunState) => void;
  /** How much of a large data set has been read, before the first event. */
  readonly onData?: (fraction: number, note: string) => void;
}

/** Everything a run computes with. */
export interface Material {
  readonly config: TrainConfig;
  readonly place: RunPlace;
  readonly dataset: Dataset;
  readonly network: Network;
  /** The file of the network; undefined for one of the zoo. */
  readonly model: ReadModel | undefined;
  /** What is said of the network when the run begins. */
  readonly notes: readonly string[];
  /** Inputs from other runs. */
  readonly sources: Sources;
  /** What training starts from, before pruning. */
  readonly initial: () => Promise<Weights>;
  readonly executor: ExecutorFactory;
}

/** Data sets of this process, so that consecutive runs read or generate them once. */
const datasets = new Map<string, Promise<Dataset>>();

export async function gather(config: TrainConfig, place: RunPlace, hooks: RunHooks): Promise<Material> {
  // checked before a data set is read: unknown names, networks of files, and executors that are not installed
  requireKnown(config);
  await requireFittingHead(config);
  const executor = await loadExecutor(config.executor, { fastMath: config.fastMath ?? false });
  const dataset = await datasetOf(config, hooks.onData);
  if (place.data !== undefined) requireSameData(config, place.data.source, place.data.digest, dataset);
  const made = await runNetwork(config, dataset);
  const { network, model } = made;
  requireFitting(config, { dataset, network });
  const sources = await readSources(config, network, model);
  const own = ownWeights(config, made);
  const keepCount = keepCountAt(startDensityOf(config), network.prunableCount);
  if (sources.within !== undefined) requireWithin(prunerByName(config.method), keepCount, sources.within);
  let drawn: Promise<Weights> | undefined;
  const initial = async () => {
    if (sources.startWeights !== undefined) return sources.startWeights;
    if (own !== undefined) return own;
    const { seed, init } = config;
    const initialisation = init === undefined ? ownInitialisation(network) : initialisationByName(init);
    drawn ??= initialise(network, { seed, initialisation });
    return drawn;
  };
  return {
    config,
    place,
    dataset,
    network,
    model,
    notes: networkNotes(config, made),
    sources,
    initial,
    executor,
  };
}

/** @throws ArgumentError before any training if the configuration, or a file that it names, is not usable */
export async function requireRunnable(config: TrainConfig, place: RunPlace, hooks: RunHooks): Promise<void> {
  await gather(await withDigests(config), place, hooks);
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

/** The step after which the run keeps its weights for rewinding; undefined for none. */
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

/** The data set of a configuration, once per process. @throws ArgumentError if it cannot be read */
export function datasetOf(config: TrainConfig, progress?: RunHooks["onData"]): Promise<Dataset> {
  const { dataset, dataDir, classCount, trainCount, testCount, dataSeed, imageSize, validation } = config;
  const { samplesPerClass } = config;
  const { mean, std } = config;
  const counts = { classCount, trainCount, testCount, samplesPerClass };
  const chosen = { ...counts, seed: dataSeed, validation: validation || undefined };
  const options = { dataDir, imageSize, mean, std, ...chosen };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const key = JSON.stringify([dataset, given]);
  const loading = datasets.get(key) ?? loadDataset(dataset, { ...given, readArrays, progress });
  datasets.set(key, loading);
  return loading;
}

/** The variant of the architecture, if there are several. */
export function variantEntry({ model }: TrainConfig, { inputShape }: Network): { variant?: string } {
  const variant = variantOfSeveral(model, inputShape);
  return variant === undefined ? {} : { variant };
}
