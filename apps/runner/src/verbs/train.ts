/** `phew train`: one run, from weights to a trained sparse network, kept in a run folder. */
import path from "node:path";
import { prunerByName, zooEntries } from "@phew/core";
import { runFolderOf, stateOfRun } from "@phew/runs";
import { UsageError } from "../failure.ts";
import { printNote } from "../output/output.ts";
import { type CommandLineSettings, verbFlags } from "../settings/commandLine.ts";
import {
  configurationOf,
  entries,
  flagName,
  identityOf,
  isCarryingOut,
  requireConsistent,
  type TrainConfig,
  usageFault,
} from "../settings/configuration.ts";
import type { TrainConfigFile } from "../settings/files.ts";
import { isModelFile } from "../settings/kinds.ts";
import { withoutArchitecture } from "../settings/model.ts";
import { DENSE } from "../settings/pruning.ts";
import { SETTINGS } from "../settings/table.ts";
import { runSource } from "../sources/runSource.ts";
import { requireKnown } from "../train/knownNames.ts";
import type { RunPlace } from "../train/runMaterial.ts";

// training code loads slowly, so it is imported after the first line is printed
export async function train(model: string | undefined, settings: CommandLineSettings): Promise<void> {
  const { values, given } = settings;
  const run = runFolderGiven(model);
  const source = values.config ?? (run && path.join(run, "config.json"));
  const beside = values.config === undefined ? undefined : model;
  const file = source === undefined ? undefined : await configFrom(source, beside, settings);
  const config = file?.config ?? (await configOf(model, settings));
  const place: RunPlace = {
    ...placeOf(
      // the file overrides the user's default
      file?.experiment === undefined || given.has("experiment")
        ? values
        : { ...values, experiment: file.experiment },
      "train",
    ),
    ...(run !== undefined && !given.has("runs") && !given.has("experiment") && placeOfRun(run, config)),
    // --force also allows other data
    data:
      file?.dataDigest === undefined || values.force === true
        ? undefined
        : { digest: file.dataDigest, source: source! },
  };
  if (values.watch)
    return (await import("../output/watched.ts")).runWatched({ folder: place.root, view: "overview" });
  if (values.json !== true) await printPlace(config, place);
  await (await import("../train/reportedTraining.ts")).trainAndReport(config, place, values);
}

/** The folder of `phew train RUN`, which goes on with a run, or does it again. */
function runFolderGiven(model: string | undefined): string | undefined {
  const run = model === undefined ? undefined : runSource(model);
  if (run === undefined) return undefined;
  if (run.part === undefined) return run.folder;
  throw new UsageError("<model>", {
    given: `${model}, weights of a run`,
    expected: "a name of the zoo, a model file, or the folder of a run to go on with",
    remedy: `To start from them: --start-weights ${model}.`,
  });
}

/**
 * The place of a run that is there already, wherever that is.
 * @throws UsageError for a folder that is not called as its configuration is: it is a copy, and would begin another
 */
function placeOfRun(folder: string, config: TrainConfig): Pick<RunPlace, "root" | "experiment"> {
  const own = path.resolve(folder);
  const above = path.dirname(own);
  const place = { root: path.relative("", path.dirname(above)) || ".", experiment: path.basename(above) };
  const id = path.basename(runFolderOf(identityOf(config, place)));
  if (id === path.basename(own)) return place;
  throw new UsageError("<model>", {
    given: `${folder}, whose name is not the id of its config.json`,
    expected: `the folder of a run to go on with, here one called ${id}`,
    remedy: `Rename it, or begin the run elsewhere: phew train --config ${path.join(folder, "config.json")}.`,
  });
}

/**
 * Where the run lies, and what it waits for: drawing or reading the data may take a while, and so does loading what trains.
 * Nothing of a run that is finished, or that cannot be.
 */
export async function printPlace(config: TrainConfig, place: RunPlace): Promise<void> {
  const { model, dataset } = config;
  const isFile = isModelFile(model);
  if (!isFile && !zooEntries.some(({ name }) => name === model)) return;
  requireKnown(config);
  const files = entries.filter(([name, { identity }]) => identity === "content" && name in config);
  const whole =
    files.length === 0 && !isFile
      ? config
      : await (await import("../sources/weightSources.ts")).withDigests(config);
  const folder = runFolderOf(identityOf(whole, place));
  const goesOn = !place.force && place.resume !== false;
  const { life, status } = stateOfRun(folder, Date.now());
  if (goesOn && life === "finished") return;
  const checkpoint = goesOn ? status?.checkpoint : undefined;
  const from =
    checkpoint &&
    `${life === "running" || life === "lost" ? "broken off" : life} after step ${checkpoint.step}, goes on; `;
  printNote(`${folder}: ${from ?? ""}its data come first (${dataset})`);
}

/** @throws UsageError if its settings are not compatible */
export function placeOf(values: CommandLineSettings["values"], experiment: string): RunPlace {
  requireConsistent(values, usageFault, isCarryingOut);
  const { runs, force = false, resume, threads, checkpointSteps: steps, checkpointMinutes: minutes } = values;
  return {
    root: runs!,
    experiment: values.experiment ?? experiment,
    force,
    resume,
    checkpoints: { steps, minutes },
    threadCount: threads,
    strict: values.strict,
    limitMs: values.limit,
  };
}

/** Settings of how a run is executed may be given beside --config. */
async function configFrom(
  path: string,
  model: string | undefined,
  { given }: CommandLineSettings,
): Promise<TrainConfigFile> {
  const other = [...given].find((name) => !isCarryingOut(SETTINGS[name]));
  if (model === undefined && other === undefined)
    return (await import("../settings/files.ts")).readTrainConfig(path);
  const beside = verbFlags("train", isCarryingOut);
  throw new UsageError("--config", {
    given: `together with ${model ?? flagName(other!)}`,
    expected: `all settings in the file, and beside it ${beside.filter((flag) => flag !== "--config").join(", ")} alone`,
  });
}

/** Options of the command line override the recipe, and the recipe overrides the defaults. */
export async function configOf(
  model: string | undefined,
  { values, given, kept }: CommandLineSettings,
): Promise<TrainConfig> {
  if (model === undefined) {
    throw new UsageError("<model>", {
      given: "nothing",
      expected: "a name of the zoo, such as resnet20, a model file, or --config with a run's config.json",
    });
  }
  if (values.method !== DENSE) prunerByName(values.method!);
  const recipe =
    values.recipe === undefined
      ? {}
      : (await import("../settings/files.ts")).readRecipe(values.recipe).settings;
  return configurationOf(withoutArchitecture({ ...values, model }), given, recipe, kept);
}
