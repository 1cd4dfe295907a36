/** One event, one line of `events.jsonl`; numbers JSON lacks are written as "NaN", "Infinity" and "-Infinity". */
import type {
  LayerMeasure,
  LayerProgress,
  LayerShape,
  MaskMeasures,
  RunEvent,
  TimedRunEvent,
} from "@phew/core";

type FieldType =
  | "number"
  | "numbers"
  | "string"
  | "object"
  | "measures"
  | "layers"
  | "layerShapes"
  | "layerProgress";
type RequiredKey<T> = { [K in keyof T]-?: undefined extends T[K] ? never : K }[keyof T];
type EventOf<K extends RunEvent["kind"]> = Extract<RunEvent, { readonly kind: K }>;

/** What a reader relies on in each kind of event; a line that lacks it is left out. */
const FIELDS: {
  readonly [K in RunEvent["kind"]]: Readonly<Record<Exclude<RequiredKey<EventOf<K>>, "kind">, FieldType>>;
} = {
  "run.started": { name: "string", config: "object" },
  "run.resumed": { epoch: "number", step: "number" },
  "run.finished": { elapsedMs: "number" },
  "run.failed": { message: "string" },
  "run.interrupted": {},
  log: { level: "string", message: "string" },
  "prune.started": { method: "string", density: "number", keepCount: "number", prunableCount: "number" },
  "prune.progress": { keptCount: "number", keepCount: "number", elapsedMs: "number" },
  "prune.finished": {
    method: "string",
    requestedDensity: "number",
    density: "number",
    keptCount: "number",
    elapsedMs: "number",
    layers: "layers",
  },
  "train.started": {
    executor: "string",
    epochCount: "number",
    stepsPerEpoch: "number",
    batchSize: "number",
    trainCount: "number",
    testCount: "number",
  },
  "train.step": {
    epoch: "number",
    step: "number",
    loss: "number",
    rate: "number",
    imagesPerSecond: "number",
  },
  "train.epoch": {
    epoch: "number",
    loss: "number",
    accuracy: "number",
    testLoss: "number",
    testAccuracy: "number",
    rate: "number",
    elapsedMs: "number",
  },
  "train.finished": { testAccuracy: "number", testLoss: "number", elapsedMs: "number" },
};

/** Fields that may be absent, but have this type where they are there. */
const OPTIONAL_FIELDS: Readonly<Record<string, FieldType>> = {
  layerShapes: "layerShapes",
  layerProgress: "layerProgress",
  walkCount: "number",
  stepCount: "number",
  expectedCount: "number",
  gradientNorms: "numbers",
  layerMs: "numbers",
  round: "number",
  roundCount: "number",
  threshold: "number",
  measures: "measures",
  log10Trace: "number",
  log10RelativeTrace: "number",
  validationCount: "number",
  plannedMemory: "object",
  multiplyAdds: "object",
  testAccuracy5: "number",
  validationLoss: "number",
  validationAccuracy: "number",
  validationAccuracy5: "number",
  bestEpoch: "number",
};

const SHAPE_FIELDS: Readonly<Record<RequiredKey<LayerShape>, FieldType>> = {
  name: "string",
  shape: "object",
  count: "number",
};

const LAYER_FIELDS: Readonly<Record<RequiredKey<LayerMeasure>, FieldType>> = {
  ...SHAPE_FIELDS,
  keptCount: "number",
  width: "number",
};

const PROGRESS_FIELDS: Readonly<Record<RequiredKey<LayerProgress>, FieldType>> = {
  keptCount: "number",
  width: "number",
  units: "string",
};

const MEASURE_FIELDS: Readonly<Record<RequiredKey<MaskMeasures>, FieldType>> = {
  pathKernelTrace: "number",
  relativeTrace: "number",
  meanWidth: "number",
  minWidth: "number",
  deadUnitCount: "number",
  ineffectiveCount: "number",
  logPathCount: "number",
};

const NON_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Infinity,
  "-Infinity": -Infinity,
};

/** The event as one line, line break included. */
export function writeEventLine(event: TimedRunEvent): string {
  const { t, kind, ...rest } = event;
  return `${JSON.stringify({ t, kind, ...rest }, nonFiniteAsText)}\n`;
}

/** The event of a line; undefined for a half line, an unknown kind, or a field that is missing or of another type. */
export function parseEventLine(line: string): TimedRunEvent | undefined {
  const event = parseObject(line);
  if (event === undefined || typeof event.t !== "number" || typeof event.kind !== "string") return undefined;
  const kind = event.kind;
  if (!Object.hasOwn(FIELDS, kind)) return undefined;
  const fields: Readonly<Record<string, FieldType>> = FIELDS[kind as RunEvent["kind"]];
  return completed(event, fields) ? (event as unknown as TimedRunEvent) : undefined;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Turns texts back to numbers in place; false where something required is missing. */
function completed(object: Record<string, unknown>, fields: Readonly<Record<string, FieldType>>): boolean {
  for (const key in fields) if (!fitted(object, key, fields[key]!)) return false;
  for (const key in OPTIONAL_FIELDS) {
    if (object[key] !== undefined && !fitted(object, key, OPTIONAL_FIELDS[key]!)) delete object[key];
  }
  return true;
}

function fitted<K extends string | number>(object: Record<K, unknown>, key: K, type: FieldType): boolean {
  const value = object[key];
  switch (type) {
    case "number":
      if (typeof value === "number") return true;
      // null is how plain JSON.stringify writes NaN
      object[key] = value === null ? Number.NaN : NON_FINITE[String(value)];
      return object[key] !== undefined;
    case "numbers":
      return Array.isArray(value) && value.every((_, k) => fitted(value, k, "number"));
    case "string":
      return typeof value === "string";
    case "object":
      return typeof value === "object" && value !== null;
    case "layers":
      return areAll(value, LAYER_FIELDS);
    case "layerShapes":
      return areAll(value, SHAPE_FIELDS);
    case "layerProgress":
      return areAll(value, PROGRESS_FIELDS);
    case "measures":
      return isRecord(value) && completed(value, MEASURE_FIELDS);
  }
}

function areAll(value: unknown, fields: Readonly<Record<string, FieldType>>): boolean {
  return Array.isArray(value) && value.every((item) => isRecord(item) && completed(item, fields));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nonFiniteAsText(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
