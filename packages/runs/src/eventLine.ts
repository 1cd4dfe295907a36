/**
 * One event, one line of `events.jsonl`; numbers JSON lacks are written as "NaN", "Infinity" and "-Infinity".
 * Here stands what each field of each kind may be. Whoever reads an event can rely on all of it.
 */
import type {
  LayerMeasure,
  LayerProgress,
  LayerShape,
  MaskMeasures,
  RunEvent,
  TimedRunEvent,
} from "@phew/core/messages";
import {
  anyNumber,
  type Check,
  duration,
  type Fields,
  fraction,
  isRecord,
  list,
  moment,
  oneOf,
  optional,
  record,
  settings,
  text,
  whole,
  within,
} from "./fields.ts";
import { MESSAGE_LIMIT, NAME_LIMIT } from "./status.ts";

type EventOf<K extends RunEvent["kind"]> = Extract<RunEvent, { readonly kind: K }>;
/** All fields of a kind but the two that every event has. */
type OwnFields<K extends RunEvent["kind"]> = Omit<EventOf<K>, "kind">;

/** Of layers that a network can have. */
const LAYER_LIMIT = 100_000;
const count = whole();
/** Epochs and steps of one: their product is a number that can be counted. */
const steps = whole(0, 2 ** 26);
const name = text(NAME_LIMIT);
const message = text(MESSAGE_LIMIT);
const positive = within(0, Infinity);
const perLayer = list(positive, LAYER_LIMIT);

const shapeFields: Fields<LayerShape> = {
  name,
  shape: list(whole(0), 8),
  count,
};
const measureFields: Fields<LayerMeasure> = { ...shapeFields, keptCount: count, width: fraction };
const layerMeasure = record<LayerMeasure>(measureFields);
const layerMeasures = list<LayerMeasure>((value) => {
  const layer = layerMeasure(value);
  return layer !== undefined && layer.keptCount <= layer.count ? layer : undefined;
}, LAYER_LIMIT);

const layerProgress = record<LayerProgress>({
  keptCount: count,
  width: fraction,
  units: (value) => (typeof value === "string" && /^[\da-f]{0,64}$/.test(value) ? value : undefined),
  expectedCount: optional(positive),
});

const measures = record<MaskMeasures>({
  pathKernelTrace: anyNumber,
  relativeTrace: anyNumber,
  meanWidth: fraction,
  minWidth: fraction,
  deadUnitCount: count,
  ineffectiveCount: count,
  logPathCount: anyNumber,
  log10Trace: optional(anyNumber),
  log10RelativeTrace: optional(anyNumber),
});

const plannedMemory = record<NonNullable<EventOf<"train.started">["plannedMemory"]>>({
  processBytes: positive,
  activationBytes: positive,
  weightBytes: positive,
  optimiserBytes: positive,
});

const FIELDS: { readonly [K in RunEvent["kind"]]: Fields<OwnFields<K>> } = {
  "run.started": { name, config: settings },
  "run.resumed": { epoch: steps, step: count },
  "run.finished": { elapsedMs: duration },
  "run.failed": { message },
  "run.interrupted": {},
  log: { level: oneOf(["info", "warning"]), message },
  "prune.started": {
    method: name,
    density: fraction,
    keepCount: count,
    prunableCount: count,
    layerShapes: optional(list(record<LayerShape>(shapeFields), LAYER_LIMIT)),
  },
  "prune.progress": {
    keptCount: count,
    keepCount: count,
    walkCount: optional(count),
    expectedWalkCount: optional(anyNumber),
    expectedMs: optional(anyNumber),
    stepCount: optional(count),
    round: optional(count),
    roundCount: optional(count),
    threshold: optional(anyNumber),
    elapsedMs: duration,
    layerProgress: optional(list(layerProgress, LAYER_LIMIT)),
  },
  "prune.finished": {
    method: name,
    requestedDensity: fraction,
    density: fraction,
    keptCount: count,
    walkCount: optional(count),
    elapsedMs: duration,
    layers: layerMeasures,
    measures: optional(measures),
  },
  "train.started": {
    executor: name,
    epochCount: steps,
    stepsPerEpoch: steps,
    batchSize: count,
    trainCount: count,
    validationCount: optional(count),
    testCount: count,
    multiplyAdds: optional(record<{ dense: number; kept: number }>({ dense: positive, kept: positive })),
    plannedMemory: optional(plannedMemory),
  },
  "train.step": {
    epoch: steps,
    step: count,
    loss: anyNumber,
    rate: anyNumber,
    imagesPerSecond: positive,
  },
  "train.epoch": {
    epoch: steps,
    loss: anyNumber,
    accuracy: fraction,
    testLoss: anyNumber,
    testAccuracy: fraction,
    testAccuracy5: optional(fraction),
    validationLoss: optional(anyNumber),
    validationAccuracy: optional(fraction),
    validationAccuracy5: optional(fraction),
    rate: anyNumber,
    elapsedMs: duration,
    gradientNorms: optional(perLayer),
    layerMs: optional(perLayer),
  },
  "train.finished": {
    testAccuracy: fraction,
    testLoss: anyNumber,
    bestEpoch: optional(steps),
    elapsedMs: duration,
  },
};

const CHECKS: ReadonlyMap<string, Check<unknown>> = new Map(
  Object.entries(FIELDS).map(([kind, fields]) => [kind, record(fields as Fields<unknown>)]),
);

/** The event as one line, line break included. */
export function writeEventLine(event: TimedRunEvent): string {
  const { t, kind, ...rest } = event;
  return `${JSON.stringify({ t, kind, ...rest }, nonFiniteAsText)}\n`;
}

/**
 * The event of a line; undefined for a half line, an unknown kind, or a field that is missing, of another type or out of
 * its range.
 */
export function parseEventLine(line: string): TimedRunEvent | undefined {
  const event = parseObject(line);
  if (event === undefined || moment(event.t) === undefined) return undefined;
  return CHECKS.get(event.kind as string)?.(event) as TimedRunEvent | undefined;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function nonFiniteAsText(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
