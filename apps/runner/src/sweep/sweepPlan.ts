/** All a sweep is, once its file has been read: its runs, its folder, and what executes it. */
import { availableParallelism } from "node:os";
import path from "node:path";
import {
  expandSweep,
  localPool,
  type Placed,
  readSweep,
  type Sweep,
  type SweepExecutor,
  shareCores,
  shellWords,
  slurm,
  sweepFolder,
  type TaskStatus,
  taskStatus,
} from "@phew/runs/sweeps";
import { UsageError } from "../failure.ts";
import { printWarnings } from "../output/output.ts";
import { sweepShape } from "../settings/files.ts";
import { isModelFile } from "../settings/kinds.ts";
import { misplacedName } from "../settings/misplacedName.ts";
import { type SweepRun, sweepRuns } from "./sweepTasks.ts";

export interface SweepPlanOptions {
  readonly on?: string;
  readonly workers?: number | undefined;
  readonly threads?: number | undefined;
  readonly throttle?: number;
  /** Each a line of options. */
  readonly sbatch?: readonly string[];
  readonly runs: string;
  readonly strict?: boolean;
  readonly limit?: number;
}

export interface SweepPlan {
  readonly file: string;
  readonly sweep: Sweep;
  readonly runs: readonly SweepRun[];
  /** Above all experiments. */
  readonly root: string;
  /** The experiment's folder, and the one in it with the sweep's own files. */
  readonly folder: string;
  readonly ownFolder: string;
  /** Runs at a time on this machine. */
  readonly processCount: number;
  /** The executor to use, and the others, which may have tasks of this sweep already. */
  readonly executor: SweepExecutor;
  readonly others: readonly SweepExecutor[];
}

/** The first is taken unless another is asked for. */
export const SWEEP_EXECUTORS = ["pool", "slurm"] as const;

/** @throws ArgumentError if the file, or a run in it, is not valid; checks that need data come later */
export async function planSweep(file: string, options: SweepPlanOptions): Promise<SweepPlan> {
  const sweep = readSweep(file, sweepShape, SWEEP_EXECUTORS, {
    placed: modelsInPlace,
    unknownName: misplacedName,
  });
  printWarnings(
    sweep.renamed.map(
      ([old, now]) => `${file}: "${old}" is called "${now}" now; the next release does not know the old name`,
    ),
  );
  return planOf(file, sweep, options);
}

/** A plan of a sweep that was read or made already. @param file names it in errors */
export async function planOf(file: string, sweep: Sweep, options: SweepPlanOptions): Promise<SweepPlan> {
  const expanded = expandSweep(sweep);
  const on = options.on ?? sweep.on ?? SWEEP_EXECUTORS[0];
  requireOf(on, options);
  const threads = options.threads ?? sweep.threads;
  const processes = options.workers ?? sweep.workers;
  const cores = shareCores(availableParallelism(), expanded.length, { processes, threads });
  const threadCount = on === "slurm" ? (threads ?? 1) : cores.threadCount;
  const root = path.resolve(options.runs);
  const ownFolder = sweepFolder(root, sweep.experiment);
  const executors = [
    localPool({ folder: ownFolder, processCount: cores.processCount }),
    slurm({
      folder: ownFolder,
      jobName: `phew-${sweep.experiment}`,
      threadCount,
      throttle: options.throttle ?? sweep.slurm.throttle,
      sbatch: [...(sweep.slurm.sbatch ?? []), ...(options.sbatch ?? []).flatMap(optionWords)],
    }),
  ];
  return {
    file,
    sweep,
    runs: await sweepRuns(file, sweep, expanded, {
      root,
      threadCount,
      strict: options.strict === true,
      limitMs: options.limit,
    }),
    root,
    folder: path.dirname(ownFolder),
    ownFolder,
    processCount: cores.processCount,
    executor: executors.find(({ name }) => name === on)!,
    others: executors.filter(({ name }) => name !== on),
  };
}

/** Files of models stand in a sweep file from its own folder, as in a project of both. */
const modelsInPlace: Placed = (setting, value, folder) => {
  const isModel = setting === "model" || setting === "architecture";
  if (!isModel || typeof value !== "string" || !isModelFile(value)) return value;
  const file = path.relative("", path.resolve(folder, value));
  // a name without a dot and a folder would be one of the zoo
  return isModelFile(file) ? file : `.${path.sep}${file}`;
};

/** @throws UsageError for an option of the other executor, which would do nothing */
function requireOf(on: string, { throttle, sbatch, workers }: SweepPlanOptions): void {
  const others = on === "slurm" ? { "--workers": workers } : { "--throttle": throttle, "--sbatch": sbatch };
  for (const [option, value] of Object.entries(others)) {
    if (value === undefined) continue;
    throw new UsageError(option, {
      given: `it for ${on}`,
      expected: `--on ${on === "slurm" ? "pool" : "slurm"} beside it`,
    });
  }
}

/** The present state of each run. */
export function statusesOf(runs: readonly SweepRun[]): TaskStatus[] {
  const now = Date.now();
  return runs.map((run) => taskStatus(run, now));
}

function optionWords(text: string): string[] {
  const words = shellWords(text);
  if (words !== undefined) return words;
  throw new UsageError("--sbatch", { given: `'${text}'`, expected: "options whose quotes are closed" });
}
