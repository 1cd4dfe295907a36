/**
 * What all packages need for messages: errors, quantities in words, and the events of a run. Loads no network code;
 * the index exports it too.
 */
export { ArgumentError, type ArgumentFault, nearestName, unknownName } from "./errors.ts";
export {
  type EpochResult,
  EVENT_FIELDS,
  type EventKind,
  type EventOf,
  type LayerMeasure,
  type LayerProgress,
  type LayerShape,
  type LifeEvent,
  type LogEvent,
  type MaskMeasures,
  type PruneEvent,
  type RunEvent,
  type TimedRunEvent,
  type TrainEvent,
} from "./events.ts";
export { downloadFault, type ForeignFile, foreignFile, requireOwnFile } from "./foreignFile.ts";
export {
  counted,
  formatAccuracy,
  formatClock,
  formatCount,
  formatDuration,
  formatEta,
  formatMeasure,
  formatMegabytes,
  formatMoment,
  formatPercent,
  formatShortCount,
} from "./quantity.ts";
export { shortened } from "./shortened.ts";
export { errorCode, writeFault } from "./writeFault.ts";
