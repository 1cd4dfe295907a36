import { configHash, readEnvironments, readRun, runAccuracy } from "@phew/runs";
import { checkedSweep, type TaskStatus } from "@phew/runs/sweeps";
import { z } from "zod";
import { QUIET_DEFAULTS, type TrainConfig } from "../settings/configuration.ts";
import { sweepShape } from "../settings/files.ts";
import {
  planOf,
  SWEEP_EXECUTORS,
  type SweepPlan,
  type SweepPlanOptions,
  statusesOf,
} from "../sweep/sweepPlan.ts";
import { checkRuns, type SweepRun, writeConfigs } from "../sweep/sweepTasks.ts";
import { commitsOf } from "./commits.ts";
import type { RunGrid } from "./experiment.ts";
import { labelOf } from "./maskWords.ts";
import { type RunRow, readRunRows, writeRunRows } from "./results.ts";

export interface RunWork {
  readonly grid: RunGrid;
  readonly file: string;
  readonly plan: SweepPlan;
  /** Runs without a row, whether they have been started or not. */
  readonly runs: readonly SweepRun[];
}

/** @param experiment folder of the runs @param dataDirs of data sets, by name */
export async function runWork(
  grid: RunGrid,
  file: string,
  experiment: string,
  dataDirs: ReadonlyMap<string, string>,
  options: SweepPlanOptions,
): Promise<RunWork> {
  const { settings, seedCount: seeds, grid: lists = {}, list = [] } = grid;
  const dataDir = dataDirs.get(settings.dataset as string);
  const sweep = {
    experiment,
    settings: { ...settings, ...(dataDir && { dataDir }) },
    grid: lists,
    list,
    seeds,
  };
  const shape = { ...sweepShape, seed: z.int().min(0) };
  const plan = await planOf(experiment, checkedSweep(experiment, sweep, shape, SWEEP_EXECUTORS), options);
  return { grid, file, plan, runs: unmeasuredRuns({ grid, file, plan }) };
}

/** The runs of the plan that the experiment needs. */
export function neededRuns({ grid: { only = {} }, plan }: Pick<RunWork, "grid" | "plan">): SweepRun[] {
  const chosen = Object.entries(only);
  return plan.runs.filter(({ config }) =>
    chosen.every(([name, values]) => values.includes(config[name as keyof TrainConfig])),
  );
}

/** Runs of which the table has no row. */
export function unmeasuredRuns(work: Pick<RunWork, "grid" | "file" | "plan">): SweepRun[] {
  const rows = readRunRows(work.file);
  return neededRuns(work).filter(({ config }) => !rows.has(keyOf(config)));
}

/**
 * Runs that are neither finished nor failed, or failed and wanted again; all those of one seed before the next, so that a
 * table that ends short compares all methods over the same seeds.
 */
export function unfinished(runs: readonly SweepRun[], retry: boolean): SweepRun[] {
  const statuses = statusesOf(runs);
  return runs
    .filter((_, k) => {
      const { state } = statuses[k]!;
      return state !== "finished" && (retry || state !== "failed");
    })
    .sort((a, b) => a.config.seed - b.config.seed);
}

/** Runs what is left as a sweep; rewrites the table whenever a run has ended. */
export async function trainRuns(
  work: RunWork,
  retry: boolean,
  signal: AbortSignal,
  onProgress: (statuses: readonly TaskStatus[]) => void,
): Promise<ReadonlyMap<string, string>> {
  const { plan, runs } = work;
  const todo = unfinished(runs, retry);
  collect(work);
  if (todo.length === 0) return new Map();
  await checkRuns(plan.file, todo);
  await plan.executor.ready?.();
  writeConfigs(plan.ownFolder, plan.sweep.experiment, todo);
  let finishedCount = 0;
  const onTick = () => {
    const statuses = statusesOf(todo);
    const now = statuses.filter(({ state }) => state === "finished").length;
    if (now > finishedCount) collect(work);
    finishedCount = now;
    onProgress(statuses);
  };
  const { failures } = await plan.executor.submit(todo, { signal, onTick });
  collect(work);
  return failures;
}

/** Adds finished runs to the table. */
export function collect({ file, plan, runs }: RunWork): void {
  const rows = readRunRows(file);
  const statuses = statusesOf(runs);
  const finished = runs.filter((_, k) => statuses[k]!.state === "finished");
  const fresh = finished.filter(({ config }) => !rows.has(keyOf(config)));
  if (fresh.length === 0) return;
  for (const { config, folder } of fresh) rows.set(keyOf(config), rowOf(config, folder));
  const order = plan.runs.map(({ config }) => keyOf(config));
  writeRunRows(
    file,
    [...new Set([...order, ...rows.keys()])].flatMap((key) => rows.get(key) ?? []),
  );
}

/** The folder of the data is not part of it, so that tables are valid on other computers. */
function keyOf({ dataDir: _, seed, ...config }: TrainConfig): string {
  return `${configHash({ ...config }, QUIET_DEFAULTS)}-${seed}`;
}

function rowOf(config: TrainConfig, folder: string): RunRow {
  const { state } = readRun(folder);
  const { mask, training, epochs, rewiring } = state;
  const measures = mask?.measures;
  const last = epochs.at(-1);
  return {
    key: keyOf(config),
    model: config.model,
    dataset: config.dataset,
    method: labelOf(config),
    // of a network of fewer units the density whose number of weights it has
    density: config.narrowToDensity ?? config.density,
    init: config.init ?? "own",
    classes: config.classCount ?? NaN,
    trainCount: training?.trainCount ?? NaN,
    epochs: config.epochs,
    seed: config.seed,
    accuracy: runAccuracy(state) ?? NaN,
    loss: last?.testLoss ?? NaN,
    reached: rewiring?.density ?? mask?.density ?? NaN,
    trace: measures?.pathKernelTrace ?? NaN,
    logRelativeTrace: measures?.log10RelativeTrace ?? Math.log10(measures?.relativeTrace ?? NaN),
    meanWidth: measures?.meanWidth ?? NaN,
    minWidth: measures?.minWidth ?? NaN,
    multiplyAdds: training?.multiplyAdds?.kept ?? NaN,
    stepsPerEpoch: training?.stepsPerEpoch ?? NaN,
    accuracies: epochs.map(({ testAccuracy }) => testAccuracy),
    losses: epochs.map(({ loss }) => loss),
    validationAccuracy: last?.validationAccuracy,
    commit: commitsOf(readEnvironments(folder)),
  };
}
