/** Writes the record of a sweep, which screens read: its runs, their expected times, and the command that continues it. */
import path from "node:path";
import { shellQuote, writeSweepRecord } from "@phew/runs/sweeps";
import type { SweepPlan, SweepPlanOptions } from "./sweepPlan.ts";
import { entriesBelow } from "./sweepReport.ts";
import { limitText, type RunMaterial, type SweepRun } from "./sweepTasks.ts";
import { estimateSweep } from "./sweepWork.ts";

interface CalledOptions extends SweepPlanOptions {
  readonly figures?: boolean;
}

/** Writes it into the sweep's own folder, which is there. @param todo the runs that are about to begin */
export function recordSweep(
  plan: SweepPlan,
  todo: readonly SweepRun[],
  materials: ReadonlyMap<string, RunMaterial>,
  options: CalledOptions,
): void {
  const { runMs } = estimateSweep(todo, materials, entriesBelow(plan.root));
  const expected = new Map(todo.map(({ id }, k) => [id, Math.round(runMs[k]!)]));
  const { executor, sweep } = plan;
  const throttle = options.throttle ?? sweep.slurm.throttle;
  writeSweepRecord(plan.ownFolder, {
    file: path.resolve(plan.file),
    options: planOptionWords(options),
    calledFrom: process.cwd(),
    executor: executor.name,
    atATime: executor.name === "pool" ? plan.processCount : throttle,
    submittedT: Date.now(),
    runs: plan.runs.map(({ id, config }) => ({
      id,
      config,
      seed: config.seed,
      estimateMs: expected.get(id),
    })),
  });
}

/** The command that goes on with a sweep, for a shell; folders that everybody has are not named. */
export function sweepCommand({ file }: SweepPlan, options: CalledOptions): string {
  const words = planOptionWords(options).filter((word) => word !== `--runs=${USUAL_RUNS}`);
  return ["phew", "sweep", file, ...words].map(shellQuote).join(" ");
}

const USUAL_RUNS = "runs";

/** The options of a plan as words of a command line. */
function planOptionWords({ sbatch, strict, figures, limit, ...options }: CalledOptions): string[] {
  const { on, workers, threads, throttle, runs } = options;
  const values = { on, workers, threads, throttle, limit: limit && limitText(limit), runs };
  return [
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...(sbatch ?? []).map((words) => `--sbatch=${words}`),
    ...(strict ? ["--strict"] : []),
    ...(figures === false ? ["--no-figures"] : []),
  ];
}
