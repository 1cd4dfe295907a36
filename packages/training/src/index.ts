/** Data sets, the training loop and its executors. The executors are loaded only when they are asked for. */

export { contactSheet, type GreyBitmap } from "./datasets/contactSheet.ts";
export type { Classes, Dataset, Examples, Normalisation } from "./datasets/dataset.ts";
export { dataStamp } from "./datasets/digest.ts";
export { type DownloadOptions, download } from "./datasets/download.ts";
export type { DatasetEntry, DatasetHead, DatasetOptions, Download, NamedArray } from "./datasets/entry.ts";
export { datasetByName, datasets, loadDataset } from "./datasets/registry.ts";
export { demoRecipe } from "./demoRecipe.ts";
export { DivergedError, GradientError } from "./diverged.ts";
export { bestEpoch, type EpochResult, isPatienceOver } from "./earlyStopping.ts";
export type {
  Batch,
  EvaluationResult,
  Executor,
  ExecutorFactory,
  ExecutorOptions,
  OptimiserState,
  PlannedMemory,
  StepResult,
} from "./executor.ts";
export { type ExecutorVariant, executorNames, loadExecutor } from "./executors.ts";
export { watchGrowth } from "./memoryUse.ts";
export { chosenOptimiser, type OptimiserOptions } from "./optimisers/chosen.ts";
export { AUGMENTATION_TEXT, type Augmentation, augmentationOf } from "./pipeline/augmentation.ts";
export { type BatchLoader, type BatchRequest, inlineLoader, type LoaderFactory } from "./pipeline/loader.ts";
export { epochOrder } from "./pipeline/order.ts";
export { threadLoader, usualLoader } from "./pipeline/threadLoader.ts";
export { pruningBatches } from "./pruningExamples.ts";
export { recipeFiles } from "./recipes.ts";
export { type ChosenRule, chosenRule, type RuleOptions, ruleOptions } from "./rules/chosen.ts";
export { rules } from "./rules/registry.ts";
export { type CosineSchedule, type RatePlan, rateAt, type Schedule, type StepSchedule } from "./schedule.ts";
export { createDifferentiator, type DifferentiatorOptions } from "./sparse/run/differentiator.ts";
export {
  type Availability,
  loadTensorflowExecutor,
  probeTensorflow,
  type TensorflowBackend,
} from "./tensorflow.ts";
export {
  checkTraining,
  epochsTo,
  requireHead,
  stepEventInterval,
  type TrainOptions,
  type TrainOutcome,
  train,
} from "./train.ts";
export type { CheckpointKeeper, TrainCheckpoint, TrainPosition } from "./trainPosition.ts";
