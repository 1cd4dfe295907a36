/**
 * Settings in files: a run folder's `config.json` and files of the same form, recipes, sweep files; with descriptions
 * for errors and editors.
 */
import { ArgumentError, nearestName } from "@phew/core";
import { readText } from "@phew/formats";
import { parseRunData } from "@phew/runs";
import { requireShape, type SettingShape } from "@phew/runs/sweeps";
import { datasets, recipeFiles } from "@phew/training";
import { type ZodType, z } from "zod";
import { parseJson } from "../sources/parseJson.ts";
import {
  entries,
  type FaultOf,
  isOwn,
  QUIET_DEFAULTS,
  requireConsistent,
  type SettingName,
  type TrainConfig,
} from "./configuration.ts";
import type { Library } from "./kinds.ts";
import { ofItsOptimiser } from "./optimisers.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";

const library: Library = { z, datasets: datasets.map(({ name }) => name) };

/** The schemas of the settings that are chosen, by name. */
function shapeOf(
  isChosen: (entry: Setting) => boolean,
  made = (schema: ZodType, _: Setting): ZodType => schema,
) {
  return Object.fromEntries(
    entries.flatMap(([name, entry]) =>
      isChosen(entry) ? [[name, made(entry.type.schema!(library), entry)]] : [],
    ),
  );
}

/** The settings a sweep file may hold, null and `leftOut` for none; seeds have a place of their own there. */
export const sweepShape: SettingShape = shapeOf(
  ({ identity }) => identity !== undefined && identity !== "seed",
  (schema, { leftOut }) =>
    (leftOut === undefined ? schema : orWord(schema, leftOut))
      .nullable()
      .describe(leftOut === undefined ? schema.description! : `${schema.description}, or "${leftOut}"`),
);

/** Names stay one list, among which messages find the nearest. */
function orWord(schema: ZodType, word: string): ZodType {
  return schema instanceof z.ZodEnum
    ? z.enum([...schema.options.map(String), word])
    : z.union([schema, z.literal(word)]);
}

/** What a run of a sweep file has of its settings. */
export function withoutLeftOut(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isLeftOut = (name: string, value: unknown) =>
    value === null || (value !== undefined && value === (SETTINGS[name as SettingName] as Setting).leftOut);
  return Object.fromEntries(Object.entries(settings).filter(([name, value]) => !isLeftOut(name, value)));
}

const isSure = ({ default: usual, required }: Setting) => usual !== undefined || required === true;

/** A whole configuration. */
const configSchema = z.strictObject(
  shapeOf(isOwn, (schema, entry) => (isSure(entry) ? schema : schema.optional())),
);

const recipeSchema = z.strictObject({
  summary: z.string().optional().describe("a text"),
  source: z.string().optional().describe("a text"),
  settings: z
    .strictObject(shapeOf(({ inRecipes }) => inRecipes === true))
    .partial()
    .describe("an object of settings"),
});

export interface TrainConfigFile {
  /** Folder of this and similar runs, if the file names one. */
  readonly experiment?: string;
  readonly config: TrainConfig;
  /** The data that the run was trained on, if the file has them. */
  readonly dataDigest?: string;
}

/** The fields beside `config` in a run folder's file. */
const frame = z.strictObject({
  experiment: z.string().optional().describe("a text"),
  name: z.unknown().optional(),
  seed: z.unknown().optional(),
  data: z.unknown().optional(),
  config: z.record(z.string(), z.unknown()).describe("an object of settings"),
});

/**
 * A run's configuration from a file: the `config.json` of a run folder, or one of the same form.
 * @throws ArgumentError if the file is missing or not JSON, or as {@link checkTrainConfig}
 */
export function readTrainConfig(path: string): TrainConfigFile {
  const { experiment, config, data } = requireShape(
    path,
    frame,
    parseJson(path, readText(path), "a run's config.json"),
  );
  const dataDigest = parseRunData(data)?.digest;
  return {
    ...(experiment === undefined ? {} : { experiment }),
    config: checkTrainConfig(path, config),
    ...(dataDigest === undefined ? {} : { dataDigest }),
  };
}

/**
 * A configuration with every field checked, absent ones at their defaults.
 * @param source for messages
 * @param faultOf makes the error for settings that are not compatible
 * @throws ArgumentError for the first field that is missing, unknown, of another kind, or not compatible with others
 */
export function checkTrainConfig(
  source: string,
  given: Readonly<Record<string, unknown>>,
  faultOf: FaultOf = (name, fault) => new ArgumentError(`${source}: ${name}`, fault),
): TrainConfig {
  const config = ofItsOptimiser(
    requireShape(source, configSchema, { ...QUIET_DEFAULTS, ...given }),
    (name) => given[name] !== undefined,
    (name, fault) => faultOf(name as SettingName, fault),
  );
  requireConsistent(config, faultOf);
  return config as unknown as TrainConfig;
}

const RECIPE_FORM = 'a recipe: { "summary", "source", "settings": { … } }';

/** How to train, as a JSON file. Those that come with phew are known by name. */
export interface Recipe {
  /** One line for lists. */
  readonly summary?: string;
  /** Source of the settings. */
  readonly source?: string;
  /** Its settings; the others come from the command line and the defaults. */
  readonly settings: Partial<TrainConfig>;
}

/**
 * @param name of a built-in recipe, or a file that ends in `.json`
 * @throws ArgumentError if there is none of this name, the file is not JSON, or a field is unknown or of another kind
 */
export function readRecipe(name: string): Recipe {
  const files = recipeFiles();
  const path = name.endsWith(".json") ? name : files.get(name);
  if (path === undefined) {
    const nearest = nearestName(name, [...files.keys()]);
    throw new ArgumentError("recipe", {
      given: `"${name}"`,
      expected: `one of ${[...files.keys()].join(", ")}, or a file that ends in .json`,
      remedy: nearest && `Did you mean "${nearest}"?`,
    });
  }
  return requireShape(path, recipeSchema, parseJson(path, readText(path), RECIPE_FORM)) as Recipe;
}

/** The recipes of phew by name. */
export function listRecipes(): ReadonlyMap<string, Recipe> {
  return new Map([...recipeFiles().keys()].map((name) => [name, readRecipe(name)]));
}
