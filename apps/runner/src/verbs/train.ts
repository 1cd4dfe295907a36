/** `phew train`: one run, from weights to a trained sparse network, kept in a run folder. */
import { prunerByName, type RunEvent } from "@phew/core";
import { formatReport } from "@phew/report";
import { doneFraction, formatAccuracy, formatMegabytes, type RunState } from "@phew/runs";
import { watchGrowth } from "@phew/training";
import { UsageError } from "../failure.ts";
import { printJson, printLines, printText, printWarnings, tellLine } from "../output/output.ts";
import { interruptSignal, startProgress, tellEvent } from "../output/progress.ts";
import { type ToldSettings, verbFlags } from "../settings/commandLine.ts";
import {
  configurationOf,
  flagName,
  isCarryingOut,
  requireConsistent,
  runName,
  type TrainConfig,
  usageFault,
} from "../settings/configuration.ts";
import { readRecipe, readTrainConfig, type TrainConfigFile } from "../settings/files.ts";
import { DENSE } from "../settings/pruning.ts";
import { SETTINGS } from "../settings/table.ts";
import type { RunPlace } from "../train/runMaterial.ts";
import { reportOf, writeRunReports } from "../train/runReports.ts";
import { type RunResult, recordsOf, runTraining } from "../train/runTraining.ts";

export async function train(model: string | undefined, settings: ToldSettings): Promise<void> {
  const { told, given } = settings;
  const file = told.config === undefined ? undefined : configFrom(told.config, model, settings);
  const config = file?.config ?? configOf(model, settings);
  const place: RunPlace = {
    ...placeOf(
      // the file overrides the user's default
      file?.experiment === undefined || given.has("experiment")
        ? told
        : { ...told, experiment: file.experiment },
      "train",
    ),
    // --force also allows other data
    ...(file?.dataDigest === undefined || told.force === true
      ? {}
      : { data: { digest: file.dataDigest, source: told.config! } }),
  };
  if (told.watch) return (await import("../output/watched.ts")).runWatched(place.root, "overview");
  const result = await trainTold(config, place, told.json === true);
  await report(config, result, told);
}

/** Trains, and reports events meanwhile. */
async function trainTold(config: TrainConfig, place: RunPlace, quiet: boolean): Promise<Trained> {
  const progress = startProgress(runName(config), quiet);
  let grown = watchGrowth();
  let grownBytes: number | undefined;
  const onEvent = (event: RunEvent, state: RunState) => {
    // the data are there before, and what pruning needed is no part of it
    if (event.kind === "prune.finished" || event.kind === "run.resumed") grown = watchGrowth();
    if (event.kind === "train.finished") grownBytes = grown();
    if (event.kind === "train.step") {
      const note = `epoch ${event.epoch} of ${config.epochs}, loss ${event.loss.toFixed(3)}, ${Math.round(event.imagesPerSecond)} images/s`;
      progress.update(doneFraction(state), note);
      return;
    }
    progress.done();
    if (!quiet) tellEvent(event);
  };
  const result = await runTraining(config, place, {
    signal: interruptSignal(),
    onEvent,
    onPlace: (text) => !quiet && tellLine(text),
    onData: (fraction, note) => progress.update(fraction, note),
  }).finally(() => progress.done());
  return { result, ...(grownBytes === undefined ? {} : { grownBytes }) };
}

/** A run, and by how much the process grew while it trained. */
interface Trained {
  readonly result: RunResult;
  readonly grownBytes?: number;
}

/** @throws UsageError if its settings are not compatible */
export function placeOf(told: ToldSettings["told"], experiment: string): RunPlace {
  requireConsistent(told, usageFault, isCarryingOut);
  const { runs, force = false, resume, threads, checkpointSteps: steps, checkpointMinutes: minutes } = told;
  return {
    root: runs!,
    experiment: told.experiment ?? experiment,
    force,
    ...(resume === undefined ? {} : { resume }),
    checkpoints: { ...(steps === undefined ? {} : { steps }), ...(minutes === undefined ? {} : { minutes }) },
    ...(threads === undefined ? {} : { threadCount: threads }),
    ...(told.strict && { strict: true }),
    ...(told.limit === undefined ? {} : { limitMs: told.limit }),
  };
}

/** Settings that say how a run is carried out go with --config. */
function configFrom(path: string, model: string | undefined, { given }: ToldSettings): TrainConfigFile {
  const other = [...given].find((name) => !isCarryingOut(SETTINGS[name]));
  if (model === undefined && other === undefined) return readTrainConfig(path);
  const beside = verbFlags("train", isCarryingOut);
  throw new UsageError("--config", {
    given: `together with ${model ?? flagName(other!)}`,
    expected: `all settings in the file, and beside it ${beside.filter((flag) => flag !== "--config").join(", ")} alone`,
  });
}

/** Options of the command line override the recipe, and the recipe overrides the defaults. */
export function configOf(model: string | undefined, { told, given, kept }: ToldSettings): TrainConfig {
  if (model === undefined) {
    throw new UsageError("<model>", {
      given: "nothing",
      expected: "a name of the zoo, such as resnet20, or --config with a run's config.json",
    });
  }
  if (told.method !== DENSE) prunerByName(told.method!);
  const recipe = told.recipe === undefined ? {} : readRecipe(told.recipe).settings;
  return configurationOf({ ...told, model }, given, recipe, kept);
}

async function report(
  config: TrainConfig,
  { result, grownBytes }: Trained,
  { json, figures = true }: ToldSettings["told"],
): Promise<void> {
  const records = recordsOf([result]);
  const table = reportOf(result.folder);
  const files = await writeRunReports(result.folder, { figures, missingOnly: result.skipped });
  const memory = grownBytes === undefined ? {} : { grownBytes };
  const warnings = records.flatMap(({ state }) => state.warnings);
  if (json) return printJson({ ...result, config, ...memory, ...table.rows[0], warnings });
  if (result.skipped) {
    printLines(
      `This run was finished before: test accuracy ${formatAccuracy(result.testAccuracy ?? Number.NaN)}. --force runs it again.`,
    );
  }
  printText(formatReport(table, "text"));
  if (result.skipped) printWarnings(warnings);
  if (grownBytes !== undefined)
    printLines(`The process grew by ${formatMegabytes(grownBytes)} while it trained.`);
  printLines(
    `Everything is in ${result.folder}${files.length > 0 ? `, ${files.length} ${figures ? "reports and figures" : "reports"} among it` : ""}.`,
  );
}
