/** Trains one run, and prints its events and progress, then its results. */
import { formatPercent, type RunEvent } from "@phew/core";
import { formatReport } from "@phew/report";
import { doneFraction, formatAccuracy, formatMegabytes, type RunState } from "@phew/runs";
import { watchGrowth } from "@phew/training";
import { printJson, printLines, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, printEvent, startProgress } from "../output/progress.ts";
import type { CommandLineSettings } from "../settings/commandLine.ts";
import { controlCommand } from "../settings/commandText.ts";
import { runName, type TrainConfig } from "../settings/configuration.ts";
import type { RunPlace } from "./runMaterial.ts";
import { reportOf, writeRunReports } from "./runReports.ts";
import { type RunResult, recordsOf, runTraining } from "./runTraining.ts";

/** @param values of the command line: `json` and `figures` decide what is printed and written */
export async function trainAndReport(
  config: TrainConfig,
  place: RunPlace,
  values: CommandLineSettings["values"],
): Promise<void> {
  await report(config, place, await trainWithProgress(config, place, values.json === true), values);
}

/** Trains, and prints events during the training. */
async function trainWithProgress(config: TrainConfig, place: RunPlace, quiet: boolean): Promise<Trained> {
  const progress = startProgress(runName(config), quiet);
  let grown = watchGrowth();
  let grownBytes: number | undefined;
  const onEvent = (event: RunEvent, state: RunState) => {
    // growth is measured from here, so that data and pruning do not count
    if (event.kind === "prune.finished" || event.kind === "run.resumed") grown = watchGrowth();
    if (event.kind === "train.finished") grownBytes = grown();
    if (event.kind === "train.step") {
      const note = `epoch ${event.epoch} of ${config.epochs}, loss ${event.loss.toFixed(3)}, ${Math.round(event.imagesPerSecond)} images/s`;
      progress.update(doneFraction(state), note);
      return;
    }
    progress.done();
    if (!quiet) printEvent(event);
  };
  const result = await runTraining(config, place, {
    signal: interruptSignal(),
    onEvent,
    onData: (fraction, note) => progress.update(fraction, note),
  }).finally(() => progress.done());
  return { result, grownBytes };
}

/** A run, and by how many bytes the process grew during its training. */
interface Trained {
  readonly result: RunResult;
  readonly grownBytes?: number | undefined;
}

async function report(
  config: TrainConfig,
  { experiment }: RunPlace,
  { result, grownBytes }: Trained,
  { json, figures = true }: CommandLineSettings["values"],
): Promise<void> {
  const records = recordsOf([result]);
  const table = reportOf(result.folder);
  const files = await writeRunReports(result.folder, { figures, missingOnly: result.skipped });
  const warnings = records.flatMap(({ state }) => state.warnings);
  const found = records[0]!.state.rewiring?.density;
  const control = found === undefined ? undefined : controlCommand(config, experiment, found);
  if (json) return printJson({ ...result, config, grownBytes, ...table.rows[0], control, warnings });
  if (result.skipped) {
    printLines(
      `This run was finished before: test accuracy ${formatAccuracy(result.testAccuracy ?? Number.NaN)}. --force runs it again.`,
    );
  }
  printText(formatReport(table, "text"));
  if (result.skipped) printWarnings(warnings);
  if (grownBytes !== undefined)
    printLines(`The process grew by ${formatMegabytes(grownBytes)} while it trained.`);
  if (control !== undefined) {
    printLines(
      `The density found is ${formatPercent(found!, 4)}. What masks of that density reach that stay, trained as long: ${control}`,
    );
  }
  printLines(
    `Everything is in ${result.folder}${files.length > 0 ? `, ${files.length} ${figures ? "reports and figures" : "reports"} among it` : ""}.`,
  );
}
