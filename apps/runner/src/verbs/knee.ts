/**
 * `phew knee`: of each configuration's finished runs the least density that is about as good as dense; of a sweep file, whose
 * runs are trained as far as that takes.
 */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { ArgumentError, fitLogistic, formatPercent, type Knee, knee, logisticAt } from "@phew/core";
import { formatTable, runFigureRows } from "@phew/report";
import { counted, formatAccuracy, listRuns, readRun, runAccuracy } from "@phew/runs";
import { Failure, UsageError } from "../failure.ts";
import { printJson, printLines, printText } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { DENSE } from "../settings/pruning.ts";
import type { SweepRun } from "../sweep/sweepTasks.ts";

interface KneeOptions {
  readonly tolerance: number;
  readonly json?: boolean;
  /** For a sweep file. */
  readonly runs?: string;
  readonly workers?: number;
  readonly threads?: number;
}

/** Runs of a sweep: how many were needed, and how many were not. */
interface Halved {
  readonly trained: number;
  readonly saved: number;
}

/** @param place folder of runs, or a sweep file @throws UsageError for options that would do nothing; as {@link kneeOfRuns} */
export async function kneeOf(place: string, options: KneeOptions): Promise<void> {
  if (existsSync(place) && statSync(place).isFile()) return kneeOfSweep(place, options);
  for (const name of ["runs", "workers", "threads"] as const) {
    if (options[name] === undefined) continue;
    throw new UsageError(`--${name}`, {
      given: `${options[name]} beside the folder ${place}, of which nothing is trained`,
      expected: "it beside a sweep file",
    });
  }
  return kneeOfRuns(place, options);
}

/** Trains the runs of a sweep by successive halving. @throws ArgumentError as `phew sweep`; Failure if runs failed */
async function kneeOfSweep(file: string, options: KneeOptions): Promise<void> {
  const { planSweep, statusesOf } = await import("../sweep/sweepPlan.ts");
  const { checkRuns, writeConfigs } = await import("../sweep/sweepTasks.ts");
  const { failureLines, progressOf } = await import("../sweep/sweepReport.ts");
  const { trainHalving } = await import("../sweep/halving.ts");
  const { runs = "runs", workers, threads, tolerance, json } = options;
  const plan = await planSweep(file, { runs, workers, threads, on: "pool" });
  const densities = new Set(plan.runs.map(({ config }) => config.density));
  const hasDense = plan.runs.some(({ config }) => config.method === DENSE);
  if (!hasDense || densities.size < 3) {
    throw new ArgumentError(file, {
      given: `${counted(densities.size, "density", "densities")}${hasDense ? "" : ", no dense network"}`,
      expected: "a dense network and at least two densities",
      remedy: 'Put { "method": "dense" } into "list", beside the grid of densities.',
    });
  }
  await checkRuns(file, plan.runs);
  const signal = interruptSignal();
  const train = async (rung: readonly SweepRun[]) => {
    const statuses = statusesOf(rung);
    const todo = rung.filter((_, k) => statuses[k]!.state !== "finished");
    if (todo.length === 0) return;
    writeConfigs(plan.ownFolder, plan.sweep.experiment, todo);
    const progress = startProgress(`${plan.sweep.experiment}: ${counted(rung.length, "run")}`, json === true);
    const onTick = () => progress.update(...progressOf(statusesOf(rung)));
    const { failures } = await plan.executor.submit(todo, { signal, onTick }).finally(() => progress.done());
    const failed = [...failures].map(([id, message]) => {
      return { id, run: plan.runs.find((run) => run.id === id)?.name ?? id, message };
    });
    if (failed.length > 0) throw new Failure(failureLines(failed).join("\n"));
  };
  const accuracyOf = ({ config, folder }: SweepRun) => {
    const { state } = readRun(folder);
    return config.validation > 0 ? state.epochs.at(-1)?.validationAccuracy : runAccuracy(state);
  };
  const needed = await trainHalving(plan.runs, tolerance, train, accuracyOf);
  const halved = { trained: needed.length, saved: plan.runs.length - needed.length };
  const ids = new Set(needed.map(({ id }) => id));
  return kneeOfRuns(plan.folder, options, (folder) => ids.has(path.basename(folder)), halved);
}

type Row = ReturnType<typeof runFigureRows>[number];

/** A configuration, all of its densities together. */
interface FoundKnee extends Knee {
  readonly series: string;
  readonly runCount: number;
  readonly seedCount: number;
  /** Where the fitted curve levels off, and the least density at which it is within the tolerance of that; at least 4 densities. */
  readonly plateau?: number;
  readonly fitted?: number;
}

/** @throws ArgumentError if there are no finished runs of a dense network and of several densities */
async function kneeOfRuns(
  folder: string,
  { tolerance, json }: KneeOptions,
  isWanted: (folder: string) => boolean = () => true,
  halved?: Halved,
): Promise<void> {
  const finished = listRuns(folder).filter((run) => run.life === "finished" && isWanted(run.folder));
  const rows = runFigureRows(finished.map((entry) => readRun(entry.folder)));
  const dense = rows.filter(({ method }) => method === DENSE);
  const series = [
    ...new Set(rows.flatMap((row) => (row.method === DENSE ? [] : [row.series ?? row.method]))),
  ];
  if (new Set(dense.map((row) => row.series)).size !== 1 || series.length === 0) {
    throw new ArgumentError(folder, {
      given: `${finished.length} finished runs, ${new Set(dense.map((row) => row.series)).size} dense configurations, ${series.length} others`,
      expected: "finished runs of one dense configuration and of at least one other",
      remedy: "A sweep over method and density makes them; docs/dynamic.md has one.",
    });
  }
  // examples that were set aside may choose a density, those of the test may not
  const isValidated = rows.every(({ validationAccuracy }) => validationAccuracy !== undefined);
  const chosen = isValidated ? rows.map((row) => ({ ...row, accuracy: row.validationAccuracy! })) : rows;
  const denseRows = chosen.filter(({ method }) => method === DENSE);
  const found = series.map((name) => foundKnee(name, chosen, denseRows, tolerance));
  const by = isValidated ? "validation" : "test";
  if (json) return printJson({ tolerance, by, dense: found[0]!.dense, knees: found, ...halved });
  printText(formatTable(COLUMNS, found.map(cellsOf), "text"));
  printLines(
    `Dense: ${formatAccuracy(found[0]!.dense)}, mean of ${dense.length}. Within ${formatPercent(tolerance)} of it by the mean over seeds; 95 % of 2,000 resamples of the seeds.`,
    isValidated
      ? "Accuracies are of the validation examples, after the last epoch."
      : 'Accuracies are of the test examples, which then say nothing more of the density chosen: with "validation": 0.1 in the sweep, examples that are set aside choose.',
    ...(halved === undefined
      ? []
      : [
          `Successive halving trained ${halved.trained} of ${counted(halved.trained + halved.saved, "run")}: ${halved.saved} saved.`,
        ]),
  );
}

const COLUMNS = [
  { key: "series", title: "configuration" },
  { key: "runs", title: "runs" },
  { key: "seeds", title: "seeds" },
  { key: "knee", title: "least density" },
  { key: "interval", title: "95 %" },
  { key: "plateau", title: "plateau of the fit" },
  { key: "fitted", title: "density of the fit" },
];

function foundKnee(name: string, rows: readonly Row[], dense: readonly Row[], tolerance: number): FoundKnee {
  const own = rows.filter((row) => row.method !== DENSE && (row.series ?? row.method) === name);
  const runs = [
    ...own.map(({ density, seed, accuracy = NaN }) => ({ density, seed, accuracy })),
    ...dense.map(({ seed, accuracy = NaN }) => ({ density: 1, seed, accuracy })),
  ];
  return {
    series: name,
    runCount: own.length,
    seedCount: new Set(own.map(({ seed }) => seed)).size,
    ...knee(runs, tolerance),
    ...fitOf(own, tolerance),
  };
}

function fitOf(own: readonly Row[], tolerance: number): Pick<FoundKnee, "plateau" | "fitted"> {
  const densities = own.map(({ density }) => density);
  if (new Set(densities).size < 4) return {};
  const curve = fitLogistic(
    densities,
    own.map(({ accuracy = NaN }) => accuracy),
  );
  // the curve is solved for its plateau less the tolerance
  const share = 1 - tolerance / curve.plateau;
  const fitted = Math.exp(curve.middle + Math.log(share / (1 - share)) / curve.slope);
  const isInside = logisticAt(curve, 1) >= curve.plateau - tolerance;
  return { plateau: curve.plateau, ...(isInside && tolerance > 0 ? { fitted } : {}) };
}

function cellsOf(found: FoundKnee) {
  const { density, isBelowAll, low, high, plateau, fitted } = found;
  return {
    series: found.series,
    runs: found.runCount,
    seeds: found.seedCount,
    knee: density === undefined ? "none" : `${isBelowAll ? "≤ " : ""}${formatPercent(density)}`,
    interval: `${formatPercent(low)} to ${formatPercent(high)}`,
    plateau: plateau === undefined ? undefined : formatAccuracy(plateau),
    fitted: fitted === undefined ? undefined : formatPercent(fitted),
  };
}
