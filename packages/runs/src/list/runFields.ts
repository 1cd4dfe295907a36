/**
 * What a run can be chosen, sorted and shown by: fields of its own, and its settings by the names that files give them: what is not said
 * stands at its default. An option of a method is `options.bias`.
 */
import { isRecord } from "@phew/core/fields";
import { unknownName } from "@phew/core/messages";
import {
  defaultOf,
  isKnownOption,
  isPercent,
  NESTED,
  optionDefault,
  settingValue,
} from "../configurations/facts.ts";
import { OPTION_DEFAULTS } from "../configurations/optionDefaults.ts";
import { SETTING_WORDS } from "../configurations/settingWords.ts";
import type { RunEntry } from "../readRun.ts";
import type { RunLife } from "../status.ts";
import { type RunNotes, readNotes } from "./runNotes.ts";

/** A run of a list with its tags and notes. */
export interface KeptRun extends RunEntry {
  readonly notes: RunNotes;
  /** The file of its tags and notes is there and cannot be read as one. */
  readonly hasDamagedNotes: boolean;
}

export type FieldValue = string | number | boolean | readonly string[] | undefined;

export interface RunField {
  readonly key: string;
  /** What it is, for help. */
  readonly what: string;
  /** How its numbers are to be read: a moment is milliseconds since the epoch. */
  readonly unit?: "fraction" | "moment";
  /** All that its value can be. */
  readonly choices?: readonly string[];
  readonly valueOf: (run: KeptRun) => FieldValue;
}

const STATES: readonly RunLife[] = ["waiting", "running", "interrupted", "failed", "lost", "finished"];

/** Fields that every run has beside its settings. */
export const RUN_FIELDS: readonly RunField[] = [
  { key: "id", what: "name of its folder", valueOf: ({ id }) => id },
  { key: "experiment", what: "the folder above it", valueOf: ({ experiment }) => experiment },
  { key: "name", what: "what a person calls it", valueOf: ({ name }) => name },
  { key: "state", what: STATES.join(", "), choices: STATES, valueOf: ({ life }) => life },
  { key: "failure", what: "why it failed", valueOf: ({ failure }) => failure },
  {
    key: "accuracy",
    what: "its test accuracy",
    unit: "fraction",
    valueOf: ({ summary }) => summary.testAccuracy,
  },
  {
    key: "reached",
    what: "the density that its mask has",
    unit: "fraction",
    valueOf: ({ summary }) => summary.density,
  },
  {
    key: "progress",
    what: "done part of its present phase",
    unit: "fraction",
    valueOf: ({ summary }) => summary.fraction,
  },
  { key: "epoch", what: "the epoch it is in, or ended with", valueOf: ({ summary }) => summary.epoch },
  { key: "begun", what: "when its process began", unit: "moment", valueOf: ({ status }) => status?.startedT },
  { key: "updated", what: "its last sign of life", unit: "moment", valueOf: ({ updatedT }) => updatedT },
  { key: "tag", what: "its tags", valueOf: ({ notes }) => notes.tags },
  { key: "note", what: "its notes", valueOf: ({ notes }) => notes.notes.map(({ text }) => text) },
  { key: "folder", what: "where it lies", valueOf: ({ folder }) => folder },
];

/** A run with its tags and notes. */
export function keptRun(entry: RunEntry): KeptRun {
  const notes = readNotes(entry.folder);
  return { ...entry, notes: notes ?? { tags: [], notes: [] }, hasDamagedNotes: notes === undefined };
}

/** Fields by name. @param runs all there are: a setting that one of them has is known, as those of `phew train` are */
export function fieldsOf(runs: readonly RunEntry[]): RunFieldTable {
  const names = new Set(SETTING_WORDS.map(({ key }) => key));
  for (const { config } of runs) {
    for (const [name, value] of Object.entries(config)) {
      names.add(name);
      if (NESTED.includes(name) && isRecord(value))
        for (const inner of Object.keys(value)) names.add(`${name}.${inner}`);
    }
  }
  return new RunFieldTable([...names], new Map([["method", methodsOf(runs)]]));
}

/** Those that this version has, and those of the runs, which another may have made. */
function methodsOf(runs: readonly RunEntry[]): string[] {
  const own = runs.flatMap(({ config: { method } }) => (typeof method === "string" ? method : []));
  return [...new Set([...Object.keys(OPTION_DEFAULTS.options), "dense", ...own])];
}

export class RunFieldTable {
  readonly #fields: ReadonlyMap<string, RunField>;

  /** @param choices all values of settings, by name */
  constructor(settings: readonly string[], choices: ReadonlyMap<string, readonly string[]> = new Map()) {
    const ofSettings = settings.map((key): RunField => {
      const own = choices.get(key);
      return { ...settingField(key), ...(own && { choices: own }) };
    });
    const all = [...ofSettings, ...RUN_FIELDS];
    this.#fields = new Map(all.map((field) => [field.key, field]));
  }

  /** @param subject where the name stands, for the message @throws ArgumentError for a name that no run and no setting has */
  named(subject: string, name: string): RunField {
    const field = this.#fields.get(name) ?? this.#fields.get(joinedName(name)) ?? this.#optionNamed(name);
    if (field !== undefined) return field;
    const own = RUN_FIELDS.map(({ key }) => key);
    throw unknownName(subject, name, [
      ...own,
      ...[...this.#fields.keys()].filter((key) => !own.includes(key)),
    ]);
  }

  /** An option of a method, or of a check, as names of runs have it: `bias`. */
  #optionNamed(name: string): RunField | undefined {
    const [first = "", ...rest] = name.split(".");
    if (isKnownOption(first, rest.join("."))) return settingField(name);
    return NESTED.map((outer) => {
      const key = `${outer}.${name}`;
      return this.#fields.get(key) ?? (isKnownOption(outer, name) ? settingField(key) : undefined);
    }).find((field) => field !== undefined);
  }
}

/** `train-count` is `trainCount`. */
function joinedName(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function settingField(key: string): RunField {
  const [outer = "", ...inner] = key.split(".");
  return {
    key,
    what: "a setting",
    ...(isPercent(key) && { unit: "fraction" as const }),
    valueOf: ({ config, seed, isConfigUnknown }) => {
      if (isConfigUnknown) return undefined;
      const value =
        key === "seed" ? (config.seed ?? seed) : (settingValue(outer, config) ?? defaultOf(outer, config));
      if (inner.length === 0) return plain(value);
      const name = inner.join(".");
      return plain((isRecord(value) ? value[name] : undefined) ?? optionDefault(outer, name, config));
    },
  };
}

function plain(value: unknown): FieldValue {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.join(",");
  if (isRecord(value)) {
    const entries = Object.entries(value).map(([name, inner]) => `${name}=${inner}`);
    return entries.length === 0 ? undefined : entries.join(",");
  }
  return value as FieldValue;
}
