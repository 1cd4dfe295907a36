export type {
  LayerMeasure,
  LayerProgress,
  LayerShape,
  MaskMeasures,
  RunEvent,
  TimedRunEvent,
} from "@phew/core/messages";
export {
  ArgumentError,
  counted,
  formatAccuracy,
  formatClock,
  formatCount,
  formatDuration,
  formatEta,
  formatMeasure,
  formatMegabytes,
  formatPercent,
  formatShortCount,
  unknownName,
} from "@phew/core/messages";
export { processLives } from "@phew/formats/tensors";
export { accuracyEpoch, accuracyWords, runAccuracy } from "./accuracy.ts";
export { canonicalJson, configHash, nonDefaults, type RunConfig } from "./canonicalJson.ts";
export { describeFailure, type FailureLine } from "./describeFailure.ts";
export {
  describeEnvironment,
  type EnvironmentFile,
  type RunEnvironment,
  readEnvironments,
} from "./environment.ts";
export { parseEventLine, writeEventLine } from "./eventLine.ts";
export { describeEvent, type EventText, type LogLevel, leftOutText } from "./eventText.ts";
export {
  blockText,
  cellText,
  csvLines,
  csvText,
  jsonText,
  latexText,
  lineText,
  markdownText,
  markupText,
} from "./foreignText.ts";
export { grouped } from "./grouped.ts";
export {
  appendPoint,
  type Curve,
  EMPTY_HISTORY,
  fullCurve,
  type History,
  recentCurve,
} from "./history.ts";
export { metricsCsv } from "./metricsCsv.ts";
export { ownProcess, type ProcessOwner } from "./processes.ts";
export {
  doneFraction,
  epochsTo,
  leftMs,
  type RunSummary,
  summarise,
  type WalkRates,
  walkRates,
  walksPerSecond,
} from "./progress.ts";
export {
  faultLines,
  findRunFolders,
  listRuns,
  type RunEntry,
  RunList,
  type RunRecord,
  RunTail,
  readEntry,
  readEvents,
  readRun,
  unknownLines,
} from "./readRun.ts";
export {
  type EpochPoint,
  initialRunState,
  type LogEntry,
  type MaskState,
  type PlannedMemory,
  type PruningSample,
  type PruningState,
  type RewiringState,
  type RunPhase,
  type RunState,
  reduce,
  reduceAll,
  type TrainingState,
} from "./reduce.ts";
export { openRegular } from "./regularFile.ts";
export { makeFolder, makeOwnFolder, replaceFile } from "./replaceFile.ts";
export { parseRunData, type RunData, readDataStamp, readRunData } from "./runData.ts";
export {
  isTidy,
  type RunCheckpoint,
  type RunIdentity,
  type RunOptions,
  RunWriter,
  runFolderOf,
  withFinishedRun,
} from "./runFolder.ts";
export { isFinished, type StateOfRun, stateOfRun } from "./runLife.ts";
export { findOutput, type RunOutput, readOutput } from "./runOutput.ts";
export { shortNames } from "./shortNames.ts";
export { lifeOf, type RunLife, type RunnerState, type RunStatus, readJson, readStatus } from "./status.ts";
export { COMMAND, type SweepEntry, SweepList, type SweepRecord } from "./sweeps/sweepRecord.ts";
export { type SweepProgress, sweepProgress } from "./sweeps/sweepTime.ts";
export { linkTensorboard } from "./tensorboardLinks.ts";
export { cutMiddle, cutText, graphemes, padText, textWidth } from "./textWidth.ts";
export { type LayerUnits, readUnitCounts } from "./unitCounts.ts";
