/**
 * Kinds of settings: a parser for the command line's text, and a schema for files. The caller passes zod, so that
 * help and verbs without files do not load it.
 */
import { AUGMENTATION_TEXT } from "@phew/training/settings";
import type { z as Zod, ZodType } from "zod";
import * as parse from "../parse.ts";

export interface Kind<T> {
  /**
   * Parser of the command line. Absent: a flag without text, or a setting of files only.
   * @throws UsageError naming the option
   */
  readonly read?: (option: string) => Reader<T>;
  /** Schema for files, described in the words of errors and docs. Absent: command line only. */
  readonly schema?: (library: Library) => ZodType;
  /** The names that it can be; absent for numbers and texts. */
  readonly choices?: (names: DataNames) => readonly string[];
}

/** @param before the value of earlier occurrences of a repeated option */
type Reader<T> = (text: string, before?: unknown) => T;

/** What schemas are made with. */
export interface Library extends DataNames {
  readonly z: typeof Zod;
}

export interface DataNames {
  /** Names of the data sets. */
  readonly datasets: readonly string[];
}

export type OptionValues = Readonly<Record<string, string | number | boolean>>;

/** @param most greatest on the command line; files take any */
export function whole(least: number, most?: number): Kind<number> {
  return {
    read: (option) => parse.wholeNumber(option, least, most),
    schema: ({ z }) => z.int().min(least).describe(`a whole number of at least ${least}`),
  };
}

export function real(least: number, most?: number): Kind<number> {
  const range = most === undefined ? `of at least ${least}` : `from ${least} to ${most}`;
  return {
    read: (option) => parse.realNumber(option, least, most),
    schema: ({ z }) => {
      const number = z.number().min(least);
      return (most === undefined ? number : number.max(most)).describe(`a number ${range}`);
    },
  };
}

/** A fraction, at least 0 and below 1. @param words describes it in messages about files */
export function part(words: string): Kind<number> {
  return {
    read: (option) => parse.realNumber(option, 0, 0.999),
    schema: ({ z }) => z.number().min(0).lt(1).describe(words),
  };
}

/** On the command line in place of a value that is to follow from other settings. */
export const AUTO = "auto";

export const density: Kind<number> = {
  read: (option) => {
    const read = parse.density(option);
    // commandLineSettings leaves it out
    return (given) => (given === AUTO ? (AUTO as unknown as number) : read(given));
  },
  schema: ({ z }) => z.number().gt(0).max(1).describe("the fraction of weights kept, above 0 and at most 1"),
};

/** As {@link density}, where none follows from others. */
export const share: Kind<number> = { read: parse.density, schema: density.schema! };

export const flag: Kind<boolean> = { schema: ({ z }) => z.boolean().describe("true or false") };

/** @param words what files may hold */
export function text(words = "a text"): Kind<string> {
  return { read: () => (given) => given, schema: ({ z }) => z.string().min(1).describe(words) };
}

/** One of the names, on the command line too. */
export function oneOf<const T extends string>(what: string, names: readonly T[]): Kind<T> {
  return {
    read: (option) => parse.oneOf(option, names) as Reader<string> as Reader<T>,
    choices: () => names,
    schema: choice(what, () => names),
  };
}

/** A name in files; on the command line its verb looks it up and lists the known names. */
export function named(what: string, names: (library: DataNames) => readonly string[]): Kind<string> {
  return { read: () => (given) => given, choices: names, schema: choice(what, names) };
}

function choice(what: string, names: (library: DataNames) => readonly string[]) {
  return (library: Library) =>
    library.z.enum(names(library)).describe(`${what}: ${names(library).join(", ")}`);
}

/** What a text must have to be the path of a file: no name of the zoo has it. */
const FILE_TEXT = /[./\\]/;

/** True where the model of a run is a file, not a name of the zoo. */
export function isModelFile(model: string): boolean {
  return FILE_TEXT.test(model);
}

/** A network of the zoo, or the file of one. @param names of the zoo */
export function model(names: readonly string[]): Kind<string> {
  return {
    read: () => (given) => given,
    choices: () => names,
    schema: ({ z }) =>
      z
        .union([z.enum(names), z.string().regex(FILE_TEXT)])
        .describe(`the file of a model, or a network of the zoo: ${names.join(", ")}`),
  };
}

/** Lengths of one input. */
export const shape: Kind<readonly number[]> = {
  read: () => parse.shape,
  schema: ({ z }) =>
    z
      .array(z.int().min(1).max(1e6))
      .min(1)
      .max(4)
      .describe("a list of lengths: channels, height and width; or features"),
};

/** One number for each channel. @param above what each is greater than */
export function channels(words: string, above?: number): Kind<readonly number[]> {
  return {
    read: (option) => parse.channels(option, above),
    schema: ({ z }) =>
      z
        .array(above === undefined ? z.number() : z.number().gt(above))
        .min(1)
        .describe(words),
  };
}

/** Fractions of the run. */
export const fractions: Kind<readonly number[]> = {
  read: parse.fractions,
  schema: ({ z }) =>
    z
      .array(z.number().gt(0).lt(1).describe("a fraction above 0 and below 1"))
      .describe("a list of fractions above 0 and below 1"),
};

export const augmentation: Kind<string> = {
  choices: () => ["none", "usual", "flip", "crop4", "crop4+flip"],
  read: (option) => parse.matching(option, AUGMENTATION_TEXT, "none, usual, flip, crop4 or crop4+flip"),
  schema: ({ z }) =>
    z.string().regex(AUGMENTATION_TEXT).describe("none, usual, flip, crop4 (any padding) or crop4+flip"),
};

/** `name=value`, again and again. */
export function optionsOf(owner: string, example: string): Kind<OptionValues> {
  return {
    read: (option) => parse.assignments(option, example) as Reader<OptionValues>,
    schema: ({ z }) => {
      const value = z
        .union([z.number(), z.string(), z.boolean()])
        .describe("a number, a text, true or false");
      return z
        .record(z.string(), value)
        .describe(`an object of options of the ${owner}: numbers, texts and flags`);
    },
  };
}

export function weightsOf(purpose: string): Kind<string> {
  return text(`weights ${purpose}: a weights file, or a run as FOLDER, FOLDER@best or FOLDER@rewind`);
}

/** SHA-256 of files, by the settings that name them. */
export function digestsOf(settings: readonly string[]): Kind<Readonly<Record<string, string>>> {
  return {
    schema: ({ z }) => {
      const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
      return z
        .record(z.enum(settings), digest.optional())
        .describe(`SHA-256 digests of the files of ${settings.join(", ")}`);
    },
  };
}

/** Milliseconds, Infinity for `none`. */
export const time: Kind<number> = { read: parse.duration };
