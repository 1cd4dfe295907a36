/** The runs of a sweep file as tasks: each a configuration, checked as far as it can be without training. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  ArgumentError,
  completeOptions,
  keepCountAt,
  type Network,
  prunerByName,
  zooModel,
} from "@phew/core";
import { makeOwnFolder, replaceFile, runFolderOf } from "@phew/runs";
import { type SettingShape, type Settings, type Sweep, type SweepTask, sweepFolder } from "@phew/runs/sweeps";
import { type Dataset, executorNames, loadExecutor } from "@phew/training";
import { z } from "zod";
import { readRecipe } from "./recipe.ts";
import { datasetOf, requireSound } from "./runTraining.ts";
import { requireSameFiles } from "./sameData.ts";
import { identityOf, runName, type TrainConfig, USUAL_SETTINGS } from "./trainConfig.ts";
import { checkTrainConfig } from "./trainConfigFile.ts";
import { DENSE, trainSettings } from "./trainSettings.ts";
import { withDigests } from "./weightSources.ts";

export interface SweepRun extends SweepTask {
  readonly config: TrainConfig;
}

/** What a configuration computes with, as far as it can be known before. */
export interface RunMaterial {
  readonly dataset: Dataset;
  readonly network: Network;
}

const { seed: _, ...sweepSettings } = trainSettings;
/** The settings a sweep file may hold; seeds have a place of their own there. */
export const sweepShape: SettingShape = {
  ...sweepSettings,
  recipe: z
    .string()
    .min(1)
    .describe(
      "name of a recipe (phew recipes lists them), or its file from where phew is called; other settings go before its own",
    ),
};

/**
 * The tasks of expanded settings, in order; those that are the same run once.
 * @param threadCount threads of each run; its own choice unless given
 * @throws ArgumentError naming the run whose settings do not go together
 */
export function sweepRuns(
  file: string,
  { experiment }: Sweep,
  expanded: readonly Settings[],
  place: {
    readonly root: string;
    readonly threadCount?: number;
    readonly strict?: boolean;
    readonly limitMs?: number | undefined;
  },
): SweepRun[] {
  const root = path.resolve(place.root);
  const folder = sweepFolder(root, experiment);
  const runs = expanded.map((settings): SweepRun => {
    const config = within(file, settings, () => completeConfig(settings));
    const runFolder = runFolderOf(identityOf(config, { root, experiment }));
    const id = path.basename(runFolder);
    const shown = {
      model: config.model,
      dataset: config.dataset,
      method: config.method,
      density: config.density,
    };
    return {
      id,
      name: `${config.model}, ${runName(config)}, seed ${config.seed}`,
      folder: runFolder,
      settings: { ...shown, ...settings },
      config,
      command: [
        ...[process.execPath, fileURLToPath(new URL("../bin/phew.js", import.meta.url))],
        ...["train", "--config", configFile(folder, id), "--runs", root, "--no-figures"],
        ...(place.threadCount === undefined ? [] : ["--threads", `${place.threadCount}`]),
        ...(place.strict ? ["--strict"] : []),
        ...(place.limitMs === undefined ? [] : ["--limit", limitText(place.limitMs)]),
      ],
    };
  });
  return [...new Map(runs.map((run) => [run.id, run])).values()];
}

/** As `--limit` reads it. */
const limitText = (ms: number) => (Number.isFinite(ms) ? `${ms / 1000}s` : "none");

/** Writes what the commands of the tasks read. */
export function writeConfigs(folder: string, experiment: string, runs: readonly SweepRun[]): void {
  for (const own of [folder, path.join(folder, "configs")]) makeOwnFolder(own);
  for (const { id, config } of runs) {
    replaceFile(configFile(folder, id), `${JSON.stringify({ experiment, config }, undefined, 2)}\n`);
  }
}

function configFile(folder: string, id: string): string {
  return path.join(folder, "configs", `${id}.json`);
}

function completeConfig({ recipe, ...settings }: Settings): TrainConfig {
  const dense = (settings.method ?? USUAL_SETTINGS.method) === DENSE;
  if (!dense && settings.density === undefined) {
    throw new ArgumentError("density", {
      given: "nothing",
      expected: "the fraction of weights kept, such as 0.05",
      remedy: 'Put it into "settings" or "grid".',
    });
  }
  const config = checkTrainConfig("settings", {
    ...USUAL_SETTINGS,
    ...(dense ? { density: 1 } : {}),
    ...(recipe === undefined ? {} : readRecipe(recipe as string).settings),
    ...settings,
  });
  if (dense && config.density !== 1) {
    throw new ArgumentError("density", {
      given: `${config.density} for a dense run`,
      expected: "none, or 1",
      remedy: 'Put { "method": "dense" } into "list", beside the grid of densities.',
    });
  }
  if (!dense) completeOptions(prunerByName(config.method), config.options);
  return withDigests(config);
}

/**
 * Checks what needs data and network: files, classes, numbers of weights, executors. Each of them is made once.
 * @returns the material of every run, by id
 * @throws ArgumentError naming the run that cannot be carried out
 */
export async function checkRuns(file: string, runs: readonly SweepRun[]): Promise<Map<string, RunMaterial>> {
  const networks = new Map<string, Network>();
  const materials = new Map<string, RunMaterial>();
  const executors = new Set(runs.map(({ config }) => config.executor));
  for (const name of executorNames) if (executors.has(name)) await loadExecutor(name);
  for (const { id, config, settings } of runs) {
    if (config.fastMath)
      await withinAsync(file, settings, () => loadExecutor(config.executor, { fastMath: true }));
    const dataset = await withinAsync(file, settings, () => datasetOf(config));
    const { classCount, inputShape } = dataset;
    const key = JSON.stringify([config.model, classCount, inputShape]);
    within(file, settings, () => {
      const network = networks.get(key) ?? zooModel(config.model, { classCount, inputShape });
      networks.set(key, network);
      keepCountAt(config.density, network.prunableCount);
      materials.set(id, { dataset, network });
    });
  }
  return materials;
}

/**
 * Runs that were finished before count as done where their data are what they were.
 * @throws ArgumentError naming the run whose data are others by now
 */
export async function requireFinishedAlike(file: string, runs: readonly SweepRun[]): Promise<void> {
  for (const { config, settings, folder } of runs)
    await withinAsync(file, settings, () => requireSameFiles(config, folder, () => datasetOf(config)));
}

/** @throws ArgumentError naming the finished run whose masks cut outputs off or collapse a layer */
export async function requireFinishedSound(file: string, runs: readonly SweepRun[]): Promise<void> {
  const pruned = runs.filter(({ config }) => config.method !== DENSE);
  const materials = await checkRuns(file, pruned);
  for (const { id, settings, folder } of pruned)
    await withinAsync(file, settings, () => requireSound(folder, materials.get(id)!.network));
}

function within<T>(file: string, settings: Settings, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw placed(file, settings, error);
  }
}

async function withinAsync<T>(file: string, settings: Settings, act: () => Promise<T>): Promise<T> {
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
