export type {
  Batch,
  Executor,
  ExecutorFactory,
  ExecutorOptions,
  OptimiserOptions,
  StepResult,
} from "./executor.ts";
