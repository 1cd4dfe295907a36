/** `phew imp`: iterative magnitude pruning with rewinding, a run folder for each round, and the table of rounds. */
import path from "node:path";
import { prunerByName, type RunEvent, requireConfinable } from "@phew/core";
import { formatTable } from "@phew/report/table";
import {
  accuracyWords,
  counted,
  doneFraction,
  formatAccuracy,
  formatCount,
  formatPercent,
  type RunState,
} from "@phew/runs";
import { UsageError } from "../failure.ts";
import { printJson, printLines, printText, printWarnings } from "../output/output.ts";
import { interruptSignal, printEvent, startProgress } from "../output/progress.ts";
import type { CommandLineSettings } from "../settings/commandLine.ts";
import type { TrainConfig } from "../settings/configuration.ts";
import { DENSE } from "../settings/pruning.ts";
import { type ComingRun, CommandPlan } from "../train/commandPlan.ts";
import { denseRound, densityAfter, prunedRound, usualRoundCount } from "../train/impRounds.ts";
import { type RunHooks, type RunPlace, requireRunnable } from "../train/runMaterial.ts";
import { type RunResult, recordsOf, runTraining } from "../train/runTraining.ts";
import { configOf, placeOf, printPlace } from "./train.ts";

export async function imp(model: string | undefined, settings: CommandLineSettings): Promise<void> {
  const { values } = settings;
  const asJson = values.json === true;
  if (values.method === DENSE) {
    throw new UsageError("--method", { given: "dense", expected: "a method that prunes, such as magnitude" });
  }
  const config = await configOf(model, settings);
  const place = placeOf(values, "imp");
  if (values.watch) return impWatched(place);
  const roundCount = values.rounds ?? usualRoundCount(config.density);
  if (roundCount > 1) requireConfinable(prunerByName(config.method));
  const signal = interruptSignal();
  const hooksOf = (round: number) => roundHooks(round, roundCount, signal, asJson);
  if (!asJson) await printPlace(denseRound(config), place);
  await requireRunnable(config, place, hooksOf(0).hooks);
  const results: RunResult[] = [];
  const plan = new CommandPlan(place, { command: "phew imp", atATime: 1, isAgain: false });
  for (let round = 0; round <= roundCount; round++) {
    const folders = results.map(({ folder }) => folder);
    const ofRound = round === 0 ? denseRound(config) : prunedRound(config, round, roundCount, folders);
    await plan.write(rounds(config, roundCount, results, ofRound));
    const { hooks, done } = hooksOf(round);
    results.push(
      await runTraining(ofRound, place, hooks).finally(() => {
        done();
        if (signal.aborted) plan.end();
      }),
    );
  }
  plan.end();
  report(config, roundCount, results, asJson);
}

/** What is done, the present round, and those to come, whose ids follow from the weights of the rounds before. */
function rounds(
  config: TrainConfig,
  roundCount: number,
  done: readonly RunResult[],
  present: TrainConfig,
): ComingRun[] {
  const round = done.length;
  const densityOf = (k: number) => densityAfter(k, roundCount, config.density);
  return Array.from({ length: roundCount + 1 }, (_, k): ComingRun => {
    if (k === round) return { config: present };
    const own = k === 0 ? denseRound(config) : { ...config, density: densityOf(k) };
    return { config: own, id: k < round ? path.basename(done[k]!.folder) : `round-${k}` };
  });
}

/** All rounds are runs of one process. */
async function impWatched({ root, experiment }: RunPlace): Promise<void> {
  const { runWatched, isOfProcess } = await import("../output/watched.ts");
  // rounds to come have no process yet
  const isOwn: typeof isOfProcess = (run, pid, startedT) =>
    run.life === "waiting" ? run.updatedT >= startedT : isOfProcess(run, pid, startedT);
  return runWatched({ folder: path.join(root, experiment), view: "overview", isOwn });
}

/** Lines and a bar on standard error, headed by the round. */
function roundHooks(
  round: number,
  roundCount: number,
  signal: AbortSignal,
  quiet: boolean,
): { readonly hooks: RunHooks; readonly done: () => void } {
  const title = `round ${round} of ${roundCount}`;
  const progress = startProgress(title, quiet);
  const onEvent = (event: RunEvent, state: RunState) => {
    if (event.kind === "train.step") {
      return progress.update(doneFraction(state), `epoch ${event.epoch}, loss ${event.loss.toFixed(3)}`);
    }
    progress.done();
    if (!quiet) printEvent(event, title);
  };
  const onData: RunHooks["onData"] = (fraction, note) => progress.update(fraction, note);
  return { hooks: { signal, onEvent, onData }, done: () => progress.done() };
}

function report(
  config: TrainConfig,
  roundCount: number,
  results: readonly RunResult[],
  asJson: boolean,
): void {
  const records = recordsOf(results);
  const states = records.map(({ state }) => state);
  const rows = results.map(({ folder, skipped, testAccuracy }, round) => ({
    round,
    requestedDensity: densityAfter(round, roundCount, config.density),
    density: states[round]!.mask?.density,
    keptCount: states[round]!.mask?.keptCount,
    testAccuracy,
    skipped,
    folder,
  }));
  const warningsOf = (round: number) => states[round]!.warnings;
  if (asJson) {
    const rounds = rows.map((row) => ({ ...row, warnings: warningsOf(row.round) }));
    printJson({ config, rounds });
    return;
  }
  const columns = [
    { key: "round", title: "round" },
    { key: "density", title: "density", format: formatPercent },
    { key: "keptCount", title: "weights", format: formatCount },
    { key: "testAccuracy", title: `test accuracy (${accuracyWords(records)})`, format: formatAccuracy },
    { key: "folder", title: "run" },
  ];
  printText(formatTable(columns, rows, "text"));
  for (const { skipped, round } of rows) {
    if (skipped) printWarnings(warningsOf(round).map((warning) => `round ${round}: ${warning}`));
  }
  const skippedCount = results.filter(({ skipped }) => skipped).length;
  if (skippedCount > 0) {
    printLines(
      `${skippedCount} of ${counted(results.length, "run")} ${skippedCount === 1 ? "was" : "were"} finished before; --force runs them again.`,
    );
  }
}
