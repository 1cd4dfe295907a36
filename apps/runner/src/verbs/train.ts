/** `phew train`: one run, from weights to a trained sparse network, kept in a run folder. */
import { prunerByName, type RunEvent } from "@phew/core";
import {
  compareRuns,
  describeEvent,
  formatAccuracy,
  formatTable,
  writeFigures,
  writeReport,
} from "@phew/runs";
import { executorNames } from "@phew/training";
import { UsageError } from "../failure.ts";
import { printJson, printLines, printText } from "../output.ts";
import { interruptSignal, startProgress } from "../progress.ts";
import { type RunResult, runTraining, statesOf } from "../runTraining.ts";
import { runName, type TrainConfig } from "../trainConfig.ts";

interface TrainVerbOptions
  extends Omit<TrainConfig, "model" | "density" | "options" | "classCount" | "executor"> {
  readonly classes?: number;
  readonly density?: number;
  readonly option: TrainConfig["options"];
  readonly executor?: string;
  readonly threads?: number;
  readonly runs: string;
  readonly experiment: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Fraction of the test set that the report's last column asks for. */
const TARGET_ACCURACY = 0.9;

export async function train(model: string, options: TrainVerbOptions): Promise<void> {
  const config = configOf(model, options);
  const { runs: root, experiment, force = false, threads } = options;
  const place = { root, experiment, force, ...(threads === undefined ? {} : { threadCount: threads }) };
  const progress = startProgress(runName(config), options.json);
  let stepsPerEpoch = 1;
  const onEvent = (event: RunEvent) => {
    if (event.kind === "train.started") stepsPerEpoch = event.stepsPerEpoch;
    if (event.kind === "train.step") {
      const note = `epoch ${event.epoch} of ${config.epochs}, loss ${event.loss.toFixed(3)}, ${Math.round(event.imagesPerSecond)} images/s`;
      progress.update(event.step / (stepsPerEpoch * config.epochs), note);
      return;
    }
    progress.done();
    const line = describeEvent(event);
    if (!options.json && line !== undefined) process.stderr.write(`${line.text}\n`);
  };
  const result = await runTraining(config, place, { signal: interruptSignal(), onEvent }).finally(() =>
    progress.done(),
  );
  await report(config, result, options.json === true);
}

function configOf(model: string, options: TrainVerbOptions): TrainConfig {
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
  const { classes, option, threads: _t, runs: _r, experiment: _e, force: _f, json: _j, ...rest } = options;
  return {
    ...rest,
    model,
    options: option,
    density: options.density ?? 1,
    executor: options.executor ?? executorNames[0]!,
    ...(classes === undefined ? {} : { classCount: classes }),
  };
}

async function report(config: TrainConfig, result: RunResult, json: boolean): Promise<void> {
  const states = statesOf([result]);
  const table = compareRuns(states, { targetAccuracy: TARGET_ACCURACY });
  const files = result.skipped
    ? []
    : [...writeReport(result.folder, table), ...(await writeFigures(result.folder, states))];
  if (json) return printJson({ ...result, config, ...table.rows[0] });
  if (result.skipped) {
    printLines(
      `This run was finished before: test accuracy ${formatAccuracy(result.testAccuracy ?? Number.NaN)}. --force runs it again.`,
    );
  }
  printText(formatTable(table.columns, table.rows, "text"));
  printLines(
    `Everything is in ${result.folder}${files.length > 0 ? `, ${files.length} reports and figures among it` : ""}.`,
  );
}
