/** `phew train`: one run, from weights to a trained sparse network, kept in a run folder. */
import { prunerByName, type RunEvent } from "@phew/core";
import { doneFraction, formatAccuracy, formatMegabytes, formatTable, type RunState } from "@phew/runs";
import { executorNames, watchGrowth } from "@phew/training";
import { UsageError } from "../failure.ts";
import { printJson, printLines, printText, printWarnings } from "../output.ts";
import { interruptSignal, startProgress, tellEvent } from "../progress.ts";
import { readRecipe } from "../recipe.ts";
import { reportOf, writeRunReports } from "../runReports.ts";
import { type RunPlace, type RunResult, runTraining, statesOf } from "../runTraining.ts";
import { runName, type TrainConfig } from "../trainConfig.ts";
import { readTrainConfig, type TrainConfigFile } from "../trainConfigFile.ts";

export interface TrainVerbOptions
  extends Omit<TrainConfig, "model" | "density" | "options" | "checkOptions" | "classCount" | "executor"> {
  readonly classes?: number;
  readonly density?: number;
  readonly option: TrainConfig["options"];
  readonly checkOption?: TrainConfig["options"];
  readonly executor?: string;
  readonly threads?: number;
  readonly config?: string;
  readonly recipe?: string;
  readonly runs: string;
  readonly experiment?: string;
  readonly checkpointSteps?: number;
  readonly checkpointMinutes?: number;
  readonly strict?: boolean;
  readonly limit?: number;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly figures: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** Options that say where and how a run is worked on, not what it is: they go with --config. */
const BESIDE_CONFIG = [
  "--config",
  "--threads",
  "--runs",
  "--experiment",
  "--checkpoint-steps",
  "--checkpoint-minutes",
  "--strict",
  "--limit",
  "--resume",
  "--no-resume",
  "--force",
  "--watch",
  "--no-figures",
  "--json",
];

/** @param given options that stand on the command line, by their long names */
export async function train(
  model: string | undefined,
  options: TrainVerbOptions,
  given: readonly string[],
): Promise<void> {
  const file = options.config === undefined ? undefined : configFrom(options.config, model, given);
  const config = file?.config ?? configOf(model, options, given);
  const place: RunPlace = {
    ...placeOf(options, file?.experiment),
    // --force is for other data too
    ...(file?.dataDigest === undefined || options.force === true
      ? {}
      : { data: { digest: file.dataDigest, source: options.config! } }),
  };
  if (options.watch) return (await import("../watched.ts")).runWatched(options.runs, "overview");
  const progress = startProgress(runName(config), options.json);
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
    if (!options.json) tellEvent(event);
  };
  const result = await runTraining(config, place, {
    signal: interruptSignal(),
    onEvent,
    onData: (fraction, note) => progress.update(fraction, note),
  }).finally(() => progress.done());
  await report(config, result, options, grownBytes);
}

export function placeOf(options: TrainVerbOptions, experiment = "train"): RunPlace {
  const {
    runs,
    force = false,
    resume,
    threads,
    checkpointSteps: steps,
    checkpointMinutes: minutes,
    strict,
    limit,
  } = options;
  if (force && resume === true) {
    throw new UsageError("--resume", {
      given: "together with --force",
      expected: "one of them: to go on with the run, or to do it again",
    });
  }
  return {
    root: runs,
    experiment: options.experiment ?? experiment,
    force,
    ...(resume === undefined ? {} : { resume }),
    checkpoints: { ...(steps === undefined ? {} : { steps }), ...(minutes === undefined ? {} : { minutes }) },
    ...(threads === undefined ? {} : { threadCount: threads }),
    ...(strict && { strict }),
    ...(limit === undefined ? {} : { limitMs: limit }),
  };
}

function configFrom(path: string, model: string | undefined, given: readonly string[]): TrainConfigFile {
  const other = model ?? given.find((name) => !BESIDE_CONFIG.includes(name));
  if (other === undefined) return readTrainConfig(path);
  throw new UsageError("--config", {
    given: `together with ${other}`,
    expected: `all settings in the file, and beside it ${BESIDE_CONFIG.slice(1).join(", ")} alone`,
  });
}

/** What stands on the command line goes before the recipe, the recipe before the defaults. */
export function configOf(
  model: string | undefined,
  options: TrainVerbOptions,
  given: readonly string[],
): TrainConfig {
  if (model === undefined) {
    throw new UsageError("<model>", {
      given: "nothing",
      expected: "a name of the zoo, such as resnet20, or --config with a run's config.json",
    });
  }
  const dense = options.method === "dense";
  if (!dense) prunerByName(options.method);
  if (!dense && options.density === undefined) {
    throw new UsageError("--density", {
      given: "nothing",
      expected: "the fraction of weights kept, such as --density 0.05",
      remedy: "For a dense run: --method dense.",
    });
  }
  if (dense && options.density !== undefined && options.density !== 1) {
    throw new UsageError("--density", {
      given: `${options.density} for a dense run`,
      expected: "none, or 1",
    });
  }
  const {
    classes,
    option,
    checkOption,
    threads: _t,
    runs: _r,
    experiment: _e,
    force: _f,
    figures: _g,
    watch: _w,
    json: _j,
    config: _c,
    resume: _u,
    checkpointSteps: _s,
    checkpointMinutes: _m,
    strict: _i,
    limit: _l,
    recipe,
    ...rest
  } = options;
  return {
    ...rest,
    ...(recipe === undefined ? {} : leftToRecipe(recipe, given)),
    model,
    options: option,
    ...(checkOption === undefined ? {} : { checkOptions: checkOption }),
    density: options.density ?? 1,
    executor: options.executor ?? executorNames[0]!,
    ...(classes === undefined ? {} : { classCount: classes }),
  };
}

function leftToRecipe(recipe: string, given: readonly string[]): Partial<TrainConfig> {
  const own = new Set(given.map(settingOf));
  return Object.fromEntries(Object.entries(readRecipe(recipe).settings).filter(([key]) => !own.has(key)));
}

/** `--no-nesterov` is about nesterov, `--batch-size` about batchSize. */
function settingOf(option: string): string {
  return option.replace(/^--(no-)?/, "").replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

async function report(
  config: TrainConfig,
  result: RunResult,
  { json, figures }: Pick<TrainVerbOptions, "json" | "figures">,
  grownBytes: number | undefined,
): Promise<void> {
  const states = statesOf([result]);
  const table = reportOf(result.folder);
  const files = await writeRunReports(result.folder, { figures, missingOnly: result.skipped });
  const memory = grownBytes === undefined ? {} : { grownBytes };
  const warnings = states.flatMap((state) => state.warnings);
  if (json) return printJson({ ...result, config, ...memory, ...table.rows[0], warnings });
  if (result.skipped) {
    printLines(
      `This run was finished before: test accuracy ${formatAccuracy(result.testAccuracy ?? Number.NaN)}. --force runs it again.`,
    );
  }
  printText(formatTable(table.columns, table.rows, "text"));
  if (result.skipped) printWarnings(warnings);
  if (grownBytes !== undefined)
    printLines(`The process grew by ${formatMegabytes(grownBytes)} while it trained.`);
  printLines(
    `Everything is in ${result.folder}${files.length > 0 ? `, ${files.length} ${figures ? "reports and figures" : "reports"} among it` : ""}.`,
  );
}
