/** Trains one run, and prints its events and progress, then its results. */
import { formatPercent, type RunEvent } from "@phew/core";
import { formatReport } from "@phew/report";
import { doneFraction, formatAccuracy, formatMegabytes, type RunRecord, type RunState } from "@phew/runs";
import { watchGrowth } from "@phew/training";
import { printJson, printLines, printNote, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, printEvent, startProgress } from "../output/progress.ts";
import type { CommandLineSettings } from "../settings/commandLine.ts";
import { controlOf, trainCommand } from "../settings/commandText.ts";
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
  const isQuiet = values.json === true;
  const trained = await trainWithProgress(config, place, isQuiet);
  const [record] = recordsOf([trained.result]) as [RunRecord];
  const found = record.state.rewiring?.density;
  const control = found === undefined ? undefined : controlOf(config, found);
  // runs of a sweep are given as files: the sweep says what is run
  const isTrained = control !== undefined && values.control !== false && values.config === undefined;
  if (isTrained)
    printNote(`The density found is ${formatPercent(found!, 4)}: masks of that density follow that stay.`);
  await report(config, place, { ...trained, record }, values, {
    found,
    config: control,
    result: isTrained ? (await trainWithProgress(control, place, isQuiet)).result : undefined,
  });
}

/** Of a run that found its density: masks of that density that stay. */
interface Control {
  readonly found: number | undefined;
  readonly config: TrainConfig | undefined;
  /** Undefined if it was not trained. */
  readonly result: RunResult | undefined;
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
  { result, grownBytes, record }: Trained & { readonly record: RunRecord },
  { json, figures = true }: CommandLineSettings["values"],
  control: Control,
): Promise<void> {
  const table = reportOf(result.folder);
  const files = await writeRunReports(result.folder, { figures, missingOnly: result.skipped });
  const { warnings } = record.state;
  const command = control.config && trainCommand(control.config, experiment);
  if (control.result)
    await writeRunReports(control.result.folder, { figures, missingOnly: control.result.skipped });
  if (json) {
    const controlRun = control.result && { ...control.result, config: control.config };
    return printJson({
      ...result,
      ...{ config, grownBytes, ...table.rows[0], control: command, controlRun, warnings },
    });
  }
  if (result.skipped) {
    printLines(
      `This run was finished before: test accuracy ${formatAccuracy(result.testAccuracy ?? Number.NaN)}. --force runs it again.`,
    );
  }
  printText(formatReport(table, "text"));
  if (result.skipped) printWarnings(warnings);
  if (grownBytes !== undefined)
    printLines(`The process grew by ${formatMegabytes(grownBytes)} while it trained.`);
  if (command !== undefined) {
    const { result: stayed, found } = control;
    const what = `The density found is ${formatPercent(found!, 4)}.`;
    printLines(
      stayed === undefined
        ? `${what} What masks of that density reach that stay, trained as long: ${command}`
        : `${what} Masks of that density that stay, trained as long, reach ${formatAccuracy(stayed.testAccuracy ?? Number.NaN)} (${stayed.folder}); this run, ${formatAccuracy(result.testAccuracy ?? Number.NaN)}.`,
    );
  }
  printLines(
    `Everything is in ${result.folder}${files.length > 0 ? `, ${files.length} ${figures ? "reports and figures" : "reports"} among it` : ""}.`,
  );
}
