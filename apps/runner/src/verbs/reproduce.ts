/** `phew reproduce`: takes the missing measurements of an experiment, and judges its claims. */
import path from "node:path";
import { ArgumentError } from "@phew/core";
import { formatTable } from "@phew/report/table";
import { counted, formatDuration, makeFolder } from "@phew/runs";
import { datasets } from "@phew/training";
import { printJson, printLines, printNote, printText } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { sourceOf } from "../reproduce/commits.ts";
import type { Experiment, RunGrid, Scale } from "../reproduce/experiment.ts";
import { type MaskWork, maskWork, measureMasks } from "../reproduce/measureMasks.ts";
import { measureOwn, type OwnWork, ownWork } from "../reproduce/measureOwn.ts";
import { readMeasured, runFile, tableFolder } from "../reproduce/readMeasured.ts";
import { experimentByName, experiments } from "../reproduce/registry.ts";
import {
  collect,
  neededRuns,
  type RunWork,
  runWork,
  trainRuns,
  unfinished,
  unmeasuredRuns,
} from "../reproduce/trainRuns.ts";
import { lines, writeFindings } from "../reproduce/writeFindings.ts";
import { type SweepPlanOptions, statusesOf } from "../sweep/sweepPlan.ts";
import { dryRun, failureLines, progressOf } from "../sweep/sweepReport.ts";
import { checkRuns } from "../sweep/sweepTasks.ts";

export interface ReproduceOptions extends SweepPlanOptions {
  readonly scale: Scale;
  readonly out: string;
  /** Folder of each data set's files. */
  readonly data?: Readonly<Record<string, string | number | boolean>>;
  readonly dryRun?: boolean;
  readonly retry?: boolean;
  readonly analyseOnly?: boolean;
  readonly json?: boolean;
}

/** An experiment at a scale, with where its tables are. */
interface Work {
  readonly experiment: Experiment;
  readonly folder: string;
  readonly own: readonly OwnWork[];
  readonly masks: readonly MaskWork[];
  readonly runs: readonly RunWork[];
  /** The runs that follow from those, as far as these have been measured. */
  readonly following: () => Promise<readonly RunWork[]>;
}

export async function reproduce(names: readonly string[], options: ReproduceOptions): Promise<void> {
  const chosen = names.length === 0 ? [...experiments.values()] : names.map(experimentByName);
  const dataDirs = dataDirsOf(options.data);
  const works: Work[] = [];
  for (const experiment of chosen) works.push(await workOf(experiment, dataDirs, options));
  if (options.dryRun) return printPlan(works, options);
  const signal = interruptSignal();
  const documents: object[] = [];
  let failureCount = 0;
  for (const work of works) {
    if (work.runs.length > 0) makeFolder(options.runs);
    for (const folder of new Set([work.folder, ...work.runs.map(({ file }) => path.dirname(file))]))
      makeFolder(folder);
    if (options.analyseOnly) {
      work.runs.forEach(collect);
      (await work.following()).forEach(collect);
    } else failureCount += await carryOut(work, options, signal);
    const document = await writeConclusions(work, options);
    if (options.json) documents.push(document);
  }
  if (options.json) printJson(documents);
  if (failureCount > 0) process.exitCode = 1;
}

/** @throws ArgumentError for a name of no data set */
function dataDirsOf(data: ReproduceOptions["data"] = {}): Map<string, string> {
  const known = datasets.map(({ name }) => name);
  const unknown = Object.keys(data).find((name) => !known.includes(name));
  if (unknown === undefined)
    return new Map(Object.entries(data).map(([name, folder]) => [name, String(folder)]));
  throw new ArgumentError("--data", { given: `"${unknown}"`, expected: `one of ${known.join(", ")}` });
}

async function workOf(
  experiment: Experiment,
  dataDirs: ReadonlyMap<string, string>,
  options: ReproduceOptions,
): Promise<Work> {
  const { scale } = options;
  const folder = tableFolder(options.out, experiment.name, scale);
  const available = new Set(["glyphs", ...dataDirs.keys()]);
  const { own = [], masks = [], runs = [] } = experiment.plan(scale, available);
  const worksOf = async (grids: readonly RunGrid[]) => {
    const works: RunWork[] = [];
    for (const grid of grids) {
      const file = runFile(options.out, experiment, grid, scale);
      const runsOf = `${path.basename(path.dirname(file))}-${grid.name}`;
      works.push(await runWork(grid, file, runsOf, dataDirs, options));
    }
    return works;
  };
  return {
    experiment,
    folder,
    own: own.map((each) => ownWork(each, path.join(folder, `${each.name}.csv`))),
    masks: masks.map((grid) => maskWork(grid, path.join(folder, `${grid.name}.masks.csv`))),
    runs: await worksOf(runs),
    following: () =>
      worksOf(experiment.following?.(readMeasured(experiment, scale, options.out), scale, available) ?? []),
  };
}

/** @returns how many runs failed */
async function carryOut(
  { experiment, own, masks, runs, following }: Work,
  options: ReproduceOptions,
  signal: AbortSignal,
): Promise<number> {
  const failures: { id: string; run: string; message: string }[] = [];
  for (const work of own.filter(({ keys }) => keys.length > 0)) {
    const progress = startProgress(`${experiment.name}: ${work.measurement.name}`, options.json);
    await measureOwn(work, signal, (fraction, doing) => progress.update(fraction, doing)).finally(() =>
      progress.done(),
    );
  }
  for (const work of masks.filter(({ jobs }) => jobs.length > 0)) {
    const progress = startProgress(`${experiment.name}: masks of ${work.grid.name}`, options.json);
    await measureMasks(work, signal, (fraction, doing) => progress.update(fraction, doing)).finally(() =>
      progress.done(),
    );
  }
  const train = async (work: RunWork) => {
    const progress = startProgress(`${experiment.name}: ${work.grid.name}`, options.json);
    const failed = await trainRuns(work, options.retry === true, signal, (statuses) =>
      progress.update(...progressOf(statuses)),
    ).finally(() => progress.done());
    const names = new Map(work.runs.map(({ id, name }) => [id, name]));
    for (const [id, message] of failed) failures.push({ id, run: names.get(id)!, message });
  };
  for (const work of runs) await train(work);
  for (const work of await following()) await train(work);
  for (const line of failureLines(failures)) printNote(line);
  return failures.length;
}

/** Analyses the measurements, writes the results and prints them. */
async function writeConclusions(work: Work, options: ReproduceOptions): Promise<object> {
  const { experiment, folder } = work;
  const measured = readMeasured(experiment, options.scale, options.out);
  const { notes, ...found } = experiment.analyse(measured, options.scale);
  const findings = { ...found, notes: [...notes, ...unmeasured(work, await work.following())] };
  const { files, verdicts } = await writeFindings(
    folder,
    experiment,
    options.scale,
    findings,
    sourceOf(experiment, options.scale, measured),
  );
  if (!options.json) {
    printLines(`${experiment.name}: ${experiment.question}`, "");
    for (const { title, report } of findings.tables)
      printText(`${title}\n${formatTable(report.columns, report.rows, "text")}\n`);
    printLines(...lines(verdicts), ...findings.notes, `All of it is in ${folder}.`, "");
  }
  return {
    experiment: experiment.name,
    scale: options.scale,
    folder,
    verdicts,
    notes: findings.notes,
    files,
  };
}

/** A note on what the tables lack of the plan; none where they have it all. */
function unmeasured({ own, masks, runs }: Work, after: readonly RunWork[]): string[] {
  const left = [
    ...own.map(({ measurement, file }) => {
      const { name, keys } = measurement;
      return { name, all: keys.length, count: ownWork(measurement, file).keys.length };
    }),
    ...masks.map(({ grid, file }) => {
      const all = grid.seedCount * grid.densities.length;
      return { name: grid.name, all, count: maskWork(grid, file).jobs.length };
    }),
    ...[...runs, ...after].map((work) => {
      return { name: work.grid.name, all: neededRuns(work).length, count: unmeasuredRuns(work).length };
    }),
  ].filter(({ count }) => count > 0);
  if (left.length === 0) return [];
  const parts = left.map(
    ({ name, count, all }) => `${name} (${count === all ? "all" : `${count} of ${all}`})`,
  );
  return [`Not measured yet: ${parts.join(", ")}.`];
}

async function printPlan(works: readonly Work[], options: ReproduceOptions): Promise<void> {
  const plans: object[] = [];
  for (const { experiment, folder, own, masks, runs, following } of works) {
    const ownCount = own.reduce((sum, { keys }) => sum + keys.length, 0);
    const maskCount = masks.reduce((sum, { grid, jobs }) => sum + jobs.length * grid.methods.length, 0);
    let totalMs = 0;
    let runCount = 0;
    for (const work of [...runs, ...(await following())]) {
      const todo = unfinished(work.runs, options.retry === true);
      const { json } = dryRun(work.plan, statusesOf(todo), todo, await checkRuns(work.plan.file, todo));
      runCount += todo.length;
      totalMs += json.totalMs;
    }
    plans.push({
      experiment: experiment.name,
      scale: options.scale,
      folder,
      ownCount,
      maskCount,
      runCount,
      totalMs,
    });
    if (options.json) continue;
    const time = runCount === 0 ? "" : `, about ${formatDuration(totalMs)} for these`;
    const others = ownCount === 0 ? "" : `${counted(ownCount, "row")} of its own to measure, `;
    printLines(
      `${experiment.name} at ${options.scale} scale: ${others}${counted(maskCount, "mask")} to measure, ${counted(runCount, "run")} to train${time}${experiment.following === undefined ? "" : "; others follow from what these give"}.`,
    );
  }
  if (options.json) printJson(plans);
}
