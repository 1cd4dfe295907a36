/** A run's configuration from a file: the `config.json` of a run folder, or one written in its manner. */
import { readFileSync } from "node:fs";
import { ArgumentError, unknownName } from "@phew/core";
import { TRAIN_DEFAULTS, type TrainConfig } from "./trainConfig.ts";

export interface TrainConfigFile {
  /** Folder of this and like runs, where the file names one. */
  readonly experiment?: string;
  readonly config: TrainConfig;
}

interface Field {
  readonly holds: (value: unknown) => boolean;
  /** What it holds, in words. */
  readonly expected: string;
}

const text: Field = { holds: (value) => typeof value === "string" && value !== "", expected: "a text" };
const flag: Field = { holds: (value) => typeof value === "boolean", expected: "true or false" };

const FIELDS: { readonly [K in keyof Required<TrainConfig>]: Field } = {
  model: text,
  dataset: text,
  dataDir: text,
  classCount: whole(2),
  trainCount: whole(1),
  testCount: whole(1),
  dataSeed: whole(0),
  method: text,
  density: {
    holds: (value) => isNumber(value) && value > 0 && value <= 1,
    expected: "the fraction of weights kept, above 0 and at most 1",
  },
  options: {
    holds: (value) => isObject(value) && Object.values(value).every(isPlainValue),
    expected: "an object of numbers, texts and flags",
  },
  seed: whole(0),
  epochs: whole(1),
  batchSize: whole(1),
  rate: real(0),
  momentum: real(0, 0.9999),
  nesterov: flag,
  weightDecay: real(0),
  drops: {
    holds: (value) => Array.isArray(value) && value.every((drop) => isNumber(drop) && drop > 0 && drop < 1),
    expected: "a list of fractions above 0 and below 1",
  },
  dropFactor: real(0, 1),
  labelSmoothing: real(0, 0.999),
  executor: text,
};

const OPTIONAL: ReadonlySet<string> = new Set([
  "dataDir",
  "classCount",
  "trainCount",
  "testCount",
  "dataSeed",
]);
/** What stands beside `config` in a run folder's file. */
const FRAME = ["experiment", "name", "seed", "config"];

/** @throws ArgumentError where the file is missing or no JSON, or a field is missing, unknown or of another kind */
export function readTrainConfig(path: string): TrainConfigFile {
  const document = parse(path);
  if (!isObject(document)) throw wrong(path, "JSON that is no object", "a run's config.json");
  if (!isObject(document.config))
    throw wrong(`"config" in ${path}`, shown(document.config), "an object of settings");
  requireKnown(path, document, FRAME);
  const { experiment } = document;
  if (experiment !== undefined && typeof experiment !== "string")
    throw wrong(`"experiment" in ${path}`, shown(experiment), "a text");
  return {
    ...(experiment === undefined ? {} : { experiment }),
    config: checkTrainConfig(path, document.config),
  };
}

/**
 * A configuration with every field checked, those absent at their defaults.
 * @param source where it comes from, for messages
 * @throws ArgumentError for the first field that is missing, unknown or of another kind
 */
export function checkTrainConfig(source: string, given: Readonly<Record<string, unknown>>): TrainConfig {
  requireKnown(source, given, Object.keys(FIELDS));
  const config: Record<string, unknown> = { ...TRAIN_DEFAULTS, ...given };
  for (const [name, { holds, expected }] of Object.entries(FIELDS)) {
    const value = config[name];
    if (value === undefined && OPTIONAL.has(name)) continue;
    if (!holds(value)) throw wrong(`"${name}" in ${source}`, shown(value), expected);
  }
  return config as unknown as TrainConfig;
}

function parse(path: string): unknown {
  const bytes = readFileSync(path, "utf8");
  try {
    return JSON.parse(bytes);
  } catch (error) {
    throw wrong(
      path,
      `broken JSON (${error instanceof Error ? error.message : error})`,
      "a run's config.json",
    );
  }
}

function requireKnown(source: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given))
    if (!known.includes(name)) throw unknownName(`a field of ${source}`, name, known);
}

function wrong(subject: string, given: string, expected: string): ArgumentError {
  return new ArgumentError(subject, { given, expected });
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

function whole(least: number): Field {
  return {
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= least,
    expected: `a whole number of at least ${least}`,
  };
}

function real(least: number, most = Number.POSITIVE_INFINITY): Field {
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  return {
    holds: (value) => isNumber(value) && value >= least && value <= most,
    expected: `a number ${range}`,
  };
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isPlainValue = (value: unknown) =>
  isNumber(value) || typeof value === "string" || typeof value === "boolean";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
