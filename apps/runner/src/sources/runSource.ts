/**
 * A run's folder in place of a file of weights, of masks, or of a model: `FOLDER` (and `FOLDER@final`) means the
 * final weights, `FOLDER@best` those of its best epoch, `FOLDER@rewind` those it kept early. It has one mask.
 */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { ArgumentError } from "@phew/core";
import { isRecord } from "@phew/core/fields";
import { readEntry, stateOfRun } from "@phew/runs";

/** The file that a run's early weights are in. */
export const REWIND_FILE = "rewind.safetensors";
const MASKS_FILE = "masks.safetensors";

/** Words after `@`, and the run's file for each. */
const PARTS: Readonly<Record<string, string>> = {
  final: "checkpoint.safetensors",
  best: "best.safetensors",
  rewind: REWIND_FILE,
};

const REMEDIES: Readonly<Record<string, string>> = {
  [PARTS.final!]:
    "Its checkpoint is gone, or it pruned and did not train: name a model, and its masks beside it.",
  [PARTS.best!]: "A run keeps it where it chooses by --validation examples.",
  [REWIND_FILE]: "A run keeps it with --rewind-step or --rewind-epoch.",
};

export interface RunSource {
  readonly folder: string;
  /** The word after `@`, unchecked. */
  readonly part: string | undefined;
}

/** The run that a text names; undefined if it names a file, or nothing that exists. */
export function runSource(text: string): RunSource | undefined {
  if (existsSync(text)) {
    const isRun = statSync(text).isDirectory() && existsSync(path.join(text, "config.json"));
    return isRun ? { folder: text, part: undefined } : undefined;
  }
  const at = text.lastIndexOf("@");
  if (at < 1) return undefined;
  const folder = text.slice(0, at);
  return existsSync(path.join(folder, "config.json")) ? { folder, part: text.slice(at + 1) } : undefined;
}

/** The network that a run trained. */
export interface RunModel {
  /** Of the zoo, or the path of its file. */
  readonly name: string;
  /** Of its file; undefined for a network of the zoo. */
  readonly digest: string | undefined;
  /** Of a file with several outputs, the one that was trained. */
  readonly output: string | undefined;
  /** Of the zoo with fewer units: the density whose number of weights it has. */
  readonly narrowTo: number | undefined;
}

/** @throws ArgumentError where the run's config.json names no model */
export function runModel(subject: string, { folder }: RunSource): RunModel {
  const config = readEntry(folder, Date.now())?.config ?? {};
  const { model, output, sourceDigests, narrowToDensity } = config;
  const digest = isRecord(sourceDigests) ? sourceDigests.model : undefined;
  const narrowTo = typeof narrowToDensity === "number" ? narrowToDensity : undefined;
  if (typeof model === "string")
    return { name: model, digest: textOf(digest), output: textOf(output), narrowTo };
  throw new ArgumentError(subject, {
    given: `a run whose config.json names ${model === undefined ? "no model" : JSON.stringify(model)}`,
    expected: "the config.json of a run of phew train",
  });
}

const textOf = (value: unknown) => (typeof value === "string" ? value : undefined);

/** @throws ArgumentError for another word after `@`, or if the run is not finished or lacks the file */
export function runWeightsFile(subject: string, { folder, part }: RunSource): string {
  const name = Object.hasOwn(PARTS, part ?? "final") ? PARTS[part ?? "final"] : undefined;
  if (name === undefined) {
    const known = Object.keys(PARTS).map((word) => `@${word}`);
    throw new ArgumentError(subject, { given: `@${part}`, expected: known.join(", ") });
  }
  const { life } = stateOfRun(folder, Date.now());
  if (name !== REWIND_FILE && life !== "finished") {
    throw new ArgumentError(subject, {
      given: `a run that is ${life === "waiting" ? "not begun" : life}`,
      expected: "a finished one",
      remedy: `phew train ${folder} goes on with it.`,
    });
  }
  return existing(subject, folder, name);
}

/** @throws ArgumentError for a word after `@`, or if the run has no masks */
export function runMasksFile(subject: string, { folder, part }: RunSource): string {
  if (part !== undefined) {
    throw new ArgumentError(subject, {
      given: `@${part}`,
      expected: "a run's folder alone: it has one mask",
    });
  }
  return existing(subject, folder, MASKS_FILE);
}

function existing(subject: string, folder: string, name: string): string {
  const file = path.join(folder, name);
  if (existsSync(file)) return file;
  throw new ArgumentError(subject, {
    given: `a run without ${name}`,
    expected: "one that has it",
    remedy: REMEDIES[name],
  });
}

/** The file of weights that an option means: itself, or that of a run. @throws ArgumentError as {@link runWeightsFile} */
export function weightsFileOf(text: string): string {
  const run = runSource(text);
  return run === undefined ? text : runWeightsFile(text, run);
}

/** The file of masks that an option means: itself, or that of a run. @throws ArgumentError as {@link runMasksFile} */
export function masksFileOf(text: string): string {
  const run = runSource(text);
  return run === undefined ? text : runMasksFile(text, run);
}
