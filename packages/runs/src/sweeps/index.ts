/** Sweeps: many runs from one file. A separate entry, so that readers of single runs need not load it. */
export {
  describeSources,
  type Estimate,
  elapsedOf,
  estimateRuns,
  makespan,
  type RunWork,
} from "./estimate.ts";
export type { ExecutorStatus, Submission, SubmitOptions, SweepExecutor } from "./executor.ts";
export { expandSweep } from "./expand.ts";
export { localPool, type PoolSettings, shareCores } from "./pool.ts";
export { requireShape, type UnknownName } from "./shapeFault.ts";
export { type SlurmExecutorSettings, slurm } from "./slurm.ts";
export { shellQuote, shellWords, slurmScript } from "./slurmScript.ts";
export {
  checkedSweep,
  type Placed,
  readSweep,
  type SettingShape,
  type Settings,
  type SlurmSettings,
  type Sweep,
  sweepJsonSchema,
  sweepSchema,
} from "./sweepFile.ts";
export {
  noteCancelled,
  type PlannedRun,
  readSweepRecord,
  type SweepRecord,
  writeSweepFailures,
  writeSweepRecord,
} from "./sweepRecord.ts";
export {
  lastLines,
  logFile,
  type SweepTask,
  stopRunning,
  sweepFolder,
  type TaskState,
  type TaskStatus,
  taskStatus,
} from "./tasks.ts";
