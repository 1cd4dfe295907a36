/** `phew sweep`: many runs from one file, by a pool of processes or by Slurm, and the table of their results. */
import { existsSync } from "node:fs";
import path from "node:path";
import { ArgumentError } from "@phew/core";
import { figurePaths, formatReport, resultsTable, writeFigures, writeReport } from "@phew/report";
import { counted, readEntry, readRun, unknownLines } from "@phew/runs";
import {
  lastLines,
  noteCancelled,
  readSweepRecord,
  type Submission,
  type SweepExecutor,
  shellQuote,
  stopRunning,
  sweepJsonSchema,
  type TaskState,
  writeSweepFailures,
} from "@phew/runs/sweeps";
import { Interrupted, UsageError } from "../failure.ts";
import { printJson, printLines, printNote, printText } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { sweepShape } from "../settings/files.ts";
import {
  planSweep,
  SWEEP_EXECUTORS,
  type SweepPlan,
  type SweepPlanOptions,
  statusesOf,
} from "../sweep/sweepPlan.ts";
import { recordSweep, sweepCommand } from "../sweep/sweepRecord.ts";
import {
  countStates,
  dryRun,
  failureLines,
  failuresOf,
  progressOf,
  resultRun,
  runRow,
  statusTable,
  stoppedWords,
  warningLines,
  warningsOf,
} from "../sweep/sweepReport.ts";
import {
  checkRuns,
  requireFinishedAlike,
  requireFinishedSound,
  type SweepRun,
  writeConfigs,
} from "../sweep/sweepTasks.ts";
import { writeRunReports } from "../train/runReports.ts";

interface SweepVerbOptions extends SweepPlanOptions {
  readonly watch?: boolean;
  readonly dryRun?: boolean;
  readonly retry?: boolean;
  readonly status?: boolean;
  readonly cancel?: boolean;
  readonly logs?: string | true;
  readonly schema?: boolean;
  readonly figures?: boolean;
  readonly json?: boolean;
}

/** Last lines of a failed run's log. */
const LOG_LINES = 20;
/** Most lines that `--logs ID` prints, from at most the last 20 megabytes of the log. */
const MOST_LINES = 100_000;

export async function sweep(file: string | undefined, options: SweepVerbOptions): Promise<void> {
  if (options.schema) return printJson(sweepJsonSchema(sweepShape, SWEEP_EXECUTORS));
  if (file === undefined) {
    throw new UsageError("<file>", {
      given: "nothing",
      expected: "a sweep file",
      remedy: "phew sweep --help shows one.",
    });
  }
  requireOneTask(options);
  const plan = await planSweep(file, options);
  if (options.cancel) return cancel(plan, options);
  if (options.logs !== undefined) return showLogs(plan, options.logs);
  if (options.status) return report(plan, undefined, options);
  return options.watch ? watchSweep(plan) : carryOut(plan, options);
}

/** @throws UsageError where two things are asked for of which only one would be done */
function requireOneTask({ dryRun, retry, status, cancel, logs, watch }: SweepVerbOptions): void {
  const tasks = { "--status": status, "--cancel": cancel, "--logs": logs, "--dry-run": dryRun };
  const chosenOptions = Object.keys(tasks).filter((name) => tasks[name as keyof typeof tasks] !== undefined);
  if (retry && !dryRun && chosenOptions.length > 0) chosenOptions.push("--retry");
  if (watch && chosenOptions.length > 0) chosenOptions.push("--watch");
  if (chosenOptions.length <= 1) return;
  throw new UsageError(chosenOptions[0]!, {
    given: `it beside ${chosenOptions[1]}`,
    expected: "one of them at a time",
  });
}

/** Its runs alone are shown, those too that were finished before. */
async function watchSweep({ folder, ownFolder, runs }: SweepPlan): Promise<void> {
  const { runWatched } = await import("../output/watched.ts");
  const ids = new Set(runs.map(({ id }) => id));
  return runWatched({
    folder,
    view: "sweep",
    isOwn: ({ id }) => ids.has(id),
    hasBegun: (startedT) => (readSweepRecord(ownFolder)?.submittedT ?? 0) >= startedT,
    killRest: () => stopRunning(runs, "SIGKILL"),
  });
}

async function carryOut(plan: SweepPlan, options: SweepVerbOptions): Promise<void> {
  const { file, sweep, runs, executor, others } = plan;
  const statuses = statusesOf(runs);
  const todo = runs.filter((_, k) => isToDo(statuses[k]!.state, options.retry === true));
  const materials = await checkRuns(file, todo);
  const finished = runs.filter((_, k) => statuses[k]!.state === "finished");
  await requireFinishedAlike(file, finished);
  if (options.strict) await requireFinishedSound(file, finished);
  if (options.dryRun) {
    const { json, text } = dryRun(plan, statuses, todo, materials);
    return options.json ? printJson(json) : printText(text);
  }
  for (const other of others) await requireIdle(other, plan);
  for (const { folder } of finished) await writeRunReports(folder, { figures: false, missingOnly: true });
  let submission: Submission | undefined;
  if (todo.length > 0) {
    await executor.ready?.();
    writeConfigs(plan.ownFolder, sweep.experiment, todo);
    if (!options.json) printNote(`${sweep.experiment}: ${countStates(statuses)}`);
    recordSweep(plan, todo, materials, options);
    submission = await submitted(plan, todo, options);
  }
  const isOver = submission?.ended !== false;
  await report(
    plan,
    submission,
    options,
    isOver && options.figures !== false ? await figuresOf(plan, submission) : [],
  );
}

/** Draws the figures of the finished runs if this call has executed some, or if there are no figures. @returns their paths */
async function figuresOf({ runs, folder }: SweepPlan, submission: Submission | undefined): Promise<string[]> {
  if (submission === undefined && figurePaths(folder).some((file) => existsSync(file))) return [];
  const finished = statusesOf(runs).filter(({ state }) => state === "finished");
  return await writeFigures(
    folder,
    finished.map(({ task }) => readRun(task.folder)),
  );
}

async function submitted(
  plan: SweepPlan,
  todo: readonly SweepRun[],
  options: SweepVerbOptions,
): Promise<Submission> {
  const { executor, sweep, ownFolder, runs } = plan;
  const progress = startProgress(sweep.experiment, options.json === true);
  const signal = interruptSignal();
  const failed = new Set<string>();
  const onTick = () => progress.update(...progressOf(statusesOf(todo), failed));
  const onFailure = (failures: ReadonlyMap<string, string>) => {
    writeSweepFailures(ownFolder, failures);
    const fresh = todo.filter(({ id }) => failures.has(id) && !failed.has(id));
    for (const { id } of fresh) failed.add(id);
    // what Ctrl-C stops did not fail, and is counted in the last line
    if (signal.aborted || options.json) return;
    progress.done();
    for (const { id, name, folder } of fresh)
      printNote(`failed: ${name}: ${failures.get(id)} (${path.relative("", folder)})`);
  };
  try {
    return await executor.submit(todo, { signal, onTick, onFailure });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(stoppedWords(statusesOf(runs), sweepCommand(plan, options)));
  } finally {
    progress.done();
  }
}

function isToDo(state: TaskState, retry: boolean): boolean {
  return state !== "finished" && (retry || state !== "failed");
}

async function requireIdle(executor: SweepExecutor, { folder }: SweepPlan): Promise<void> {
  const status = await executor.status();
  if (!status?.active) return;
  throw new ArgumentError(folder, {
    given: `a sweep in other hands: ${status.text}`,
    expected: "one that nobody runs",
    remedy: "Wait for it, or stop it with --cancel.",
  });
}

/** States and results of the runs; writes files of results if any run is finished. */
async function report(
  { runs, sweep, folder, executor, others }: SweepPlan,
  submission: Submission | undefined,
  options: SweepVerbOptions,
  figures: readonly string[] = [],
): Promise<void> {
  const { experiment } = sweep;
  const statuses = statusesOf(runs);
  const entries = runs.flatMap(({ folder: own }) => readEntry(own, Date.now()) ?? []);
  const unknown = new Set(entries.flatMap(({ isConfigUnknown, id }) => (isConfigUnknown ? [id] : [])));
  const results = resultsTable(
    statuses.map((status) => ({ ...resultRun(status), isConfigUnknown: unknown.has(status.task.id) })),
  );
  const anyFinished = statuses.some(({ state }) => state === "finished");
  const written = anyFinished ? writeReport(folder, results, "results") : [];
  const files = [...written, ...figures].map((file) => path.relative("", file));
  const failures = failuresOf(statuses, submission);
  const warnings = warningsOf(statuses);
  const executorStatuses = await Promise.all([executor, ...others].map((each) => each.status()));
  const statusTexts = executorStatuses.flatMap((status) => status?.text ?? []);
  if (failures.length > 0) process.exitCode = 1;
  if (options.json) {
    const rows = statuses.map(runRow);
    return printJson({
      experiment,
      folder,
      runs: rows,
      results: results.rows,
      failures,
      warnings,
      unknown: [...unknown],
      hands: statusTexts,
      files,
    });
  }
  if (options.status) printText(`${statusTable(statuses)}\n`);
  if (anyFinished) printText(`${formatReport(results, "text")}\n`);
  printLines(
    `${experiment}: ${countStates(statuses)}.`,
    ...(submission ? [`${submission.text}.`] : []),
    ...statusTexts.map((text) => `${text}.`),
    ...failureLines(failures),
    ...warningLines(warnings),
    ...unknownLines(entries).map((line) => `warning: ${line}.`),
    ...(written.length > 0
      ? [`The results are in ${written.map((file) => path.relative("", file)).join(", ")}.`]
      : []),
    ...(figures.length > 0
      ? [
          `${counted(figures.length / 2, "figure")} of them ${figures.length === 2 ? "is" : "are"} there as SVG and PNG; phew report ${shellQuote(path.relative("", folder) || ".")} --html makes one page of all.`,
        ]
      : []),
    ...(submission?.ended === false
      ? ["This terminal is not needed any more: --status shows how far it is, phew watch shows it."]
      : []),
  );
}

async function cancel(
  { executor, others, runs, sweep, folder, ownFolder }: SweepPlan,
  options: SweepVerbOptions,
): Promise<void> {
  const answers: string[] = [];
  noteCancelled(ownFolder, Date.now());
  for (const each of [executor, ...others]) {
    // runs of an ended pool may still be running
    if (each === executor || (await each.status())?.active) answers.push(await each.cancel(runs));
  }
  if (options.json) return printJson({ experiment: sweep.experiment, folder, cancelled: answers });
  printLines(...answers.map((text) => `${sweep.experiment}: ${text}.`));
}

function showLogs({ runs, executor }: SweepPlan, which: string | true): void {
  const unsuccessful = statusesOf(runs).filter(({ state }) => state === "failed" || state === "lost");
  const chosen =
    which === true ? unsuccessful.map(({ task }) => task) : runs.filter(({ id }) => id === which);
  if (which !== true && chosen.length === 0) {
    throw new UsageError("--logs", {
      given: `"${which}"`,
      expected: "the id of a run of this sweep",
      remedy: "--status lists them.",
    });
  }
  if (chosen.length === 0) printLines("No run failed.");
  for (const task of chosen) {
    const file = executor.logs(task);
    const lines = lastLines(file, which === true ? LOG_LINES : MOST_LINES);
    printLines(
      `── ${task.id}  ${task.name}  ${file}`,
      ...(lines.length > 0 ? lines : ["(it printed nothing)"]),
    );
  }
}
