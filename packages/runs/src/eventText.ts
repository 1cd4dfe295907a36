/** The noteworthy events of a run as one line each: for log panels, plain output and progress on standard error. */
import {
  counted,
  formatAccuracy,
  formatCount,
  formatDuration,
  formatMeasure,
  formatMegabytes,
  formatPercent,
  type RunEvent,
} from "@phew/core/messages";

export type LogLevel = "info" | "warning" | "error";

export interface EventText {
  readonly level: LogLevel;
  readonly text: string;
}

/** One line for the event; undefined for those that only mark progress. */
export function describeEvent(event: RunEvent): EventText | undefined {
  switch (event.kind) {
    case "run.started":
      return info("started");
    case "run.resumed":
      return info(`resumed in epoch ${event.epoch}, after step ${formatCount(event.step)}`);
    case "run.finished":
      return info(`finished after ${formatDuration(event.elapsedMs)}`);
    case "run.failed":
      return { level: "error", text: `failed: ${event.message}` };
    case "run.interrupted":
      return { level: "warning", text: "interrupted" };
    case "log":
      return { level: event.level === "warning" ? "warning" : "info", text: event.message };
    case "prune.started":
      return info(
        `pruning by ${event.method}: keep ${formatCount(event.keepCount)} of ${counted(event.prunableCount, "weight")} (${formatPercent(event.density)})`,
      );
    case "prune.finished":
      return info(prunedText(event));
    case "train.started":
      return info(startedText(event));
    case "train.epoch":
      return info(
        `epoch ${event.epoch}: loss ${formatMeasure(event.loss)}, test loss ${formatMeasure(event.testLoss)}, test accuracy ${formatAccuracy(event.testAccuracy)}`,
      );
    case "train.finished":
      return info(
        `trained: test accuracy ${formatAccuracy(event.testAccuracy)} after ${formatDuration(event.elapsedMs)}`,
      );
    case "prune.progress":
    case "train.step":
      return undefined;
  }
}

/** What to say of lines of a run's events that are none; undefined where there are none such. */
export function leftOutText(skippedCount: number): string | undefined {
  if (skippedCount === 0) return undefined;
  const lines = counted(skippedCount, "line");
  return `${lines} of events.jsonl left out: damaged, or of a later version of phew`;
}

function prunedText(event: Extract<RunEvent, { kind: "prune.finished" }>): string {
  const walks = event.walkCount === undefined ? "" : `, ${counted(event.walkCount, "walk")}`;
  return `pruned by ${event.method}: kept ${counted(event.keptCount, "weight")} (${formatPercent(event.density)})${walks} in ${formatDuration(event.elapsedMs)}`;
}

function startedText({
  executor,
  epochCount,
  stepsPerEpoch,
  batchSize,
  plannedMemory: memory,
}: Extract<RunEvent, { kind: "train.started" }>): string {
  const work = `training on ${executor}: ${counted(epochCount, "epoch")} of ${counted(stepsPerEpoch, "step")}, batch ${batchSize}`;
  if (memory === undefined) return work;
  const [whole, activations, weights, optimiser] = [
    memory.processBytes,
    memory.activationBytes,
    memory.weightBytes,
    memory.optimiserBytes,
  ].map(formatMegabytes);
  return `${work}; ${whole} of memory planned (activations ${activations}, weights ${weights}, optimiser ${optimiser})`;
}

function info(text: string): EventText {
  return { level: "info", text };
}
