/** The noteworthy events of a run as one line each: for log panels, plain output and progress on standard error. */
import {
  counted,
  type EventKind,
  type EventOf,
  formatAccuracy,
  formatCount,
  formatDuration,
  formatMeasure,
  formatMegabytes,
  formatPercent,
} from "@phew/core/messages";

export type LogLevel = "info" | "warning" | "error";

export interface EventText {
  readonly level: LogLevel;
  readonly text: string;
}

/** A line for each kind; undefined: it only marks progress. */
const TEXTS: { readonly [K in EventKind]: ((event: EventOf<K>) => EventText) | undefined } = {
  "run.started": () => info("started"),
  "run.resumed": ({ epoch, step }) => info(`resumed in epoch ${epoch}, after step ${formatCount(step)}`),
  "run.finished": ({ elapsedMs }) => info(`finished after ${formatDuration(elapsedMs)}`),
  "run.failed": ({ message }) => ({ level: "error", text: `failed: ${message}` }),
  "run.interrupted": () => ({ level: "warning", text: "interrupted" }),
  log: ({ level, message }) => ({ level, text: message }),
  "prune.started": ({ method, keepCount, prunableCount, density }) =>
    info(
      `pruning by ${method}: keep ${formatCount(keepCount)} of ${counted(prunableCount, "weight")} (${formatPercent(density)})`,
    ),
  "prune.progress": undefined,
  "prune.finished": (event) => info(prunedText(event)),
  "train.started": (event) => info(startedText(event)),
  "train.step": undefined,
  "train.epoch": ({ epoch, loss, testLoss, testAccuracy }) =>
    info(
      `epoch ${epoch}: loss ${formatMeasure(loss)}, test loss ${formatMeasure(testLoss)}, test accuracy ${formatAccuracy(testAccuracy)}`,
    ),
  // hundreds of them: the epochs sum them up
  "rule.changed": undefined,
  "rule.measured": ({ changes, density, everKept, initialOverlap, coreSize }) => {
    const core = coreSize === undefined ? "" : `, 90 % of all paths through ${counted(coreSize, "unit")}`;
    return info(
      `masks after ${counted(changes, "change")}: ${formatPercent(density)} kept, overlap ${formatPercent(initialOverlap)} with the first, ${formatPercent(everKept)} kept at any time${core}`,
    );
  },
  "train.finished": ({ testAccuracy, elapsedMs }) =>
    info(`trained: test accuracy ${formatAccuracy(testAccuracy)} after ${formatDuration(elapsedMs)}`),
};

/** One line for the event; undefined for those that only mark progress. */
export function describeEvent<K extends EventKind>(event: EventOf<K>): EventText | undefined {
  const kind: K = event.kind;
  return TEXTS[kind]?.(event);
}

/** A note on lines of a run's events that could not be parsed; undefined if there are none. */
export function leftOutText(skippedCount: number): string | undefined {
  if (skippedCount === 0) return undefined;
  const lines = counted(skippedCount, "line");
  return `${lines} of events.jsonl left out: damaged, or of a later version of phew`;
}

function prunedText(event: EventOf<"prune.finished">): string {
  const walks = event.walkCount === undefined ? "" : `, ${counted(event.walkCount, "walk")}`;
  return `pruned by ${event.method}: kept ${counted(event.keptCount, "weight")} (${formatPercent(event.density)})${walks} in ${formatDuration(event.elapsedMs)}`;
}

function startedText({
  executor,
  epochCount,
  stepsPerEpoch,
  batchSize,
  plannedMemory: memory,
}: EventOf<"train.started">): string {
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
