/** The runs of a sweep file as tasks: each a configuration, checked as far as it can be without training. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ArgumentError, keepCountAt } from "@phew/core";
import { makeOwnFolder, type RunConfig, replaceFile, runFolderOf } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { type Settings, type Sweep, type SweepTask, sweepFolder } from "@phew/runs/sweeps";
import { type Dataset, executorNames, loadExecutor } from "@phew/training";
import {
  type FaultOf,
  followed,
  identityOf,
  type TrainConfig,
  USUAL_DEFAULTS,
} from "../settings/configuration.ts";
import { checkTrainConfig, readRecipe, withoutLeftOut } from "../settings/files.ts";
import { AUTO } from "../settings/kinds.ts";
import { withoutArchitecture } from "../settings/model.ts";
import { optimiserNamed } from "../settings/optimisers.ts";
import { DENSE } from "../settings/pruning.ts";
import { withDigests } from "../sources/weightSources.ts";
import { requireKnown } from "../train/knownNames.ts";
import { datasetOf, requireFitting } from "../train/runMaterial.ts";
import { type RunNetwork, requireFittingHead, runNetwork } from "../train/runNetwork.ts";
import { requireSound } from "../train/runTraining.ts";
import { requireSameFiles } from "../train/sameData.ts";

export interface SweepRun extends SweepTask {
  readonly config: TrainConfig & RunConfig;
  /** As the sweep file has them, for messages. */
  readonly settings: Settings;
}

/** Executor and backend of a configuration, if known beforehand. */
export interface RunMaterial extends RunNetwork {
  readonly dataset: Dataset;
}

/**
 * The tasks of expanded settings, in order; identical runs once.
 * @param threadCount threads of each run; default: its own choice
 * @throws ArgumentError naming the run whose settings are not compatible
 */
export async function sweepRuns(
  file: string,
  { experiment }: Sweep,
  expanded: readonly Settings[],
  place: {
    readonly root: string;
    readonly threadCount?: number;
    readonly strict?: boolean;
    readonly limitMs?: number | undefined;
  },
): Promise<SweepRun[]> {
  const root = path.resolve(place.root);
  const folder = sweepFolder(root, experiment);
  const runs: Omit<SweepRun, "name">[] = [];
  for (const settings of expanded) {
    const config = await within(file, settings, () => completeConfig(settings));
    const runFolder = runFolderOf(identityOf(config, { root, experiment }));
    const id = path.basename(runFolder);
    runs.push({
      id,
      folder: runFolder,
      experiment,
      config: { ...config },
      settings,
      command: [
        ...[process.execPath, fileURLToPath(new URL("../../bin/phew.js", import.meta.url))],
        ...["train", "--config", configFile(folder, id), "--runs", root, "--no-figures"],
        ...(place.threadCount === undefined ? [] : ["--threads", `${place.threadCount}`]),
        ...(place.strict ? ["--strict"] : []),
        ...(place.limitMs === undefined ? [] : ["--limit", limitText(place.limitMs)]),
      ],
    });
  }
  const different = [...new Map(runs.map((run) => [run.id, run])).values()];
  const configurations = configurationsOf(different);
  return different.map((run) => ({ ...run, name: configurations.titleOf(run) }));
}

/** As `--limit` reads it. */
export const limitText = (ms: number) => (Number.isFinite(ms) ? `${ms / 1000}s` : "none");

/** Writes the files that the commands of the tasks read. */
export function writeConfigs(folder: string, experiment: string, runs: readonly SweepRun[]): void {
  for (const own of [folder, path.join(folder, "configs")]) makeOwnFolder(own);
  for (const { id, config } of runs) {
    replaceFile(configFile(folder, id), `${JSON.stringify({ experiment, config }, undefined, 2)}\n`);
  }
}

function configFile(folder: string, id: string): string {
  return path.join(folder, "configs", `${id}.json`);
}

async function completeConfig(given: Settings): Promise<TrainConfig> {
  const { recipe, ...settings } = withoutArchitecture(withoutLeftOut(given));
  const isFound = given.density === AUTO;
  const follows = followed({ method: USUAL_DEFAULTS.method, ...settings }, isFound ? autoFault : sweepFault);
  const ofRecipe = recipe === undefined ? {} : readRecipe(recipe as string).settings;
  // what a run leaves out is none, whatever the recipe says
  const fromRecipe = Object.entries(ofRecipe).filter(([name]) => !Object.hasOwn(given, name));
  const merged: Settings = { ...Object.fromEntries(fromRecipe), ...settings };
  const { rate } = optimiserNamed(merged.optimiser);
  const all = { ...USUAL_DEFAULTS, rate, ...follows, ...merged };
  const config = checkTrainConfig("settings", all, sweepFault);
  requireKnown(config);
  return withDigests(config);
}

/** In the words of a sweep file. */
const sweepFault: FaultOf = (name, fault) => {
  const isMissing = fault.given === "nothing";
  const remedy = isMissing
    ? 'Put it into "settings" or "grid".'
    : 'Put { "method": "dense" } into "list", beside the grid of densities.';
  return new ArgumentError(name, isMissing || name === "density" ? { ...fault, remedy } : fault);
};

const autoFault: FaultOf = (name, { expected }) =>
  new ArgumentError(name, {
    given: `"${AUTO}" without a rule that finds it`,
    expected,
    remedy: 'Put "rule": "path-find" and "validation": 0.1 beside it.',
  });

/**
 * Checks what needs data and network: files, classes, numbers of weights, executors. Each of them is made once.
 * @returns the material of every run, by id
 * @throws ArgumentError naming the run that cannot be carried out
 */
export async function checkRuns(file: string, runs: readonly SweepRun[]): Promise<Map<string, RunMaterial>> {
  const networks = new Map<string, RunNetwork>();
  const materials = new Map<string, RunMaterial>();
  const executors = new Set(runs.map(({ config }) => config.executor));
  for (const name of executorNames) if (executors.has(name)) await loadExecutor(name);
  for (const { id, config, settings } of runs) {
    if (config.fastMath)
      await within(file, settings, () => loadExecutor(config.executor, { fastMath: true }));
    await within(file, settings, () => requireFittingHead(config));
    const dataset = await within(file, settings, () => datasetOf(config));
    const { classCount, inputShape } = dataset;
    const { model, input, output, sourceDigests, narrowToDensity } = config;
    const named = [model, narrowToDensity, sourceDigests?.model, input, output];
    const key = JSON.stringify([...named, classCount, inputShape]);
    await within(file, settings, async () => {
      const made = networks.get(key) ?? (await runNetwork(config, dataset));
      networks.set(key, made);
      keepCountAt(config.density, made.network.prunableCount);
      requireFitting(config, { dataset, network: made.network });
      materials.set(id, { dataset, ...made });
    });
  }
  return materials;
}

/**
 * Finished runs count as done if their data have not changed.
 * @throws ArgumentError naming a run whose data have changed
 */
export async function requireFinishedAlike(file: string, runs: readonly SweepRun[]): Promise<void> {
  for (const { config, settings, folder } of runs)
    await within(file, settings, () => requireSameFiles(config, folder, () => datasetOf(config)));
}

/** @throws ArgumentError naming the finished run whose masks cut outputs off or collapse a layer */
export async function requireFinishedSound(file: string, runs: readonly SweepRun[]): Promise<void> {
  const pruned = runs.filter(({ config }) => config.method !== DENSE);
  const materials = await checkRuns(file, pruned);
  for (const { id, settings, folder } of pruned)
    await within(file, settings, () => requireSound(folder, materials.get(id)!));
}

async function within<T>(file: string, settings: Settings, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw placed(file, settings, error);
  }
}

/** The fault of one run, with the run's settings before it. */
function placed(file: string, settings: Settings, error: unknown): unknown {
  if (!(error instanceof ArgumentError)) return error;
  return new ArgumentError(`${file}: run ${JSON.stringify(settings)}: ${error.subject}`, error.fault);
}
