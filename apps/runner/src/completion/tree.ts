/** Verbs, options and their arguments, from commander's tree; the shells' scripts are made from it. */
import { zooEntries } from "@phew/core";
import { THEME_NAMES, VIEW_NAMES } from "@phew/dashboard/watch";
import { RUN_FIELDS } from "@phew/runs/list";
import { datasets, recipeFiles } from "@phew/training";
import type { Argument, Command, Option } from "commander";
import { attributeOf, entries, isOwn } from "../settings/configuration.ts";

/** What a word may be: one of these, a file, or a run that is kept. */
export interface Taken {
  readonly words: readonly string[];
  readonly isFile: boolean;
  readonly isRun: boolean;
}

export interface CompletedOption {
  /** `--density`, and `-d` where it has a letter. */
  readonly names: readonly string[];
  readonly help: string;
  /** Undefined for a flag. */
  readonly takes: Taken | undefined;
}

export interface CompletedVerb {
  /** `runs list`; of the program itself empty. */
  readonly path: string;
  readonly verbs: readonly { readonly name: string; readonly help: string }[];
  readonly options: readonly CompletedOption[];
  /** What all its arguments together may be. */
  readonly takes: Taken;
}

const NOTHING: Taken = { words: [], isFile: false, isRun: false };
const FILE: Taken = { ...NOTHING, isFile: true };
const RUN: Taken = { ...FILE, isRun: true };

const datasetNames = datasets.map(({ name }) => name);

/** Arguments by name; those of other names are files. */
const ARGUMENTS: Readonly<Record<string, Taken>> = {
  model: { ...FILE, words: zooEntries.map(({ name }) => name) },
  dataset: { ...NOTHING, words: datasetNames },
  recipe: { ...FILE, words: [...recipeFiles().keys()] },
  run: RUN,
  a: RUN,
  b: RUN,
  runs: RUN,
  "runs-and-tags": RUN,
  filters: { ...NOTHING, words: filters() },
  text: NOTHING,
};

/**
 * Filters of runs for equality, which need no quotes: with each value where all are known, else as far as "=". Settings that
 * are objects or lists have none.
 */
function filters(): string[] {
  const zoo = zooEntries.map(({ name }) => name);
  const own = entries.filter(([name, entry]) => isOwn(entry) && name !== "sourceDigests");
  const ofSettings = own.flatMap(([name, { type }]) =>
    filtersOf(name, name === "model" ? zoo : type.choices?.({ datasets: datasetNames })),
  );
  return [...RUN_FIELDS.flatMap(({ key, choices }) => filtersOf(key, choices)), ...ofSettings];
}

function filtersOf(name: string, choices: readonly string[] = []): string[] {
  return choices.length === 0 ? [`${name}=`] : choices.map((choice) => `${name}=${choice}`);
}

/** Choices of options whose parsers do not list them. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  "--view": VIEW_NAMES,
  "--theme": THEME_NAMES,
};

/** Placeholders of numbers and texts in flags, for which nothing is completed. */
const NO_FILE =
  /^(n|r|x|s|f|c|m|d|t|k|list|kind|fraction|fractions|factor|shape|in-out|name=value|time|names?|accuracy|sizes)$/;

/** The program and every verb below it, the program first. */
export function completedVerbs(program: Command): CompletedVerb[] {
  const below = (command: Command, path: string): CompletedVerb[] => [
    verbOf(command, path),
    ...command.commands.flatMap((inner) => below(inner, `${path} ${inner.name()}`.trim())),
  ];
  return below(program, "");
}

function verbOf(command: Command, path: string): CompletedVerb {
  const taken = command.registeredArguments.map(argumentOf);
  return {
    path,
    verbs: command.commands.map((inner) => ({
      name: inner.name(),
      help: inner.summary() || inner.description(),
    })),
    options: [
      ...command.options.filter(({ hidden }) => !hidden).map(optionOf),
      { names: ["--help", "-h"], help: "display help for command", takes: undefined },
    ],
    takes: {
      words: taken.flatMap(({ words }) => words),
      isFile: taken.some(({ isFile }) => isFile),
      isRun: taken.some(({ isRun }) => isRun),
    },
  };
}

function argumentOf(argument: Argument): Taken {
  if (argument.argChoices !== undefined) return { ...NOTHING, words: argument.argChoices };
  return ARGUMENTS[argument.name()] ?? FILE;
}

function optionOf(option: Option): CompletedOption {
  return {
    names: [option.long, option.short].filter((name) => name !== undefined),
    help: option.description,
    takes: option.required || option.optional ? takenBy(option) : undefined,
  };
}

function takenBy(option: Option): Taken {
  const words = option.argChoices ?? choicesOf(option);
  if (words.length > 0) return { ...NOTHING, words };
  const kind = /[<[]([^\]>]+)[\]>]/.exec(option.flags)?.[1] ?? "";
  if (option.long === "--recipe") return ARGUMENTS.recipe!;
  return ARGUMENTS[kind] ?? (NO_FILE.test(kind) ? NOTHING : FILE);
}

/** Names that its parser knows, or those of the setting that is called as it. */
function choicesOf({ parseArg, long }: Option): readonly string[] {
  const own = (parseArg as { readonly choices?: readonly string[] } | undefined)?.choices;
  const called = entries.find(([name]) => long === `--${attributeOf(name)}`);
  return own ?? OPTIONS[long!] ?? called?.[1].type.choices?.({ datasets: datasetNames }) ?? [];
}
