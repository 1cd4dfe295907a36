/** Recipes: how to train, as a JSON file. Those that come with phew are known by name. */
import { ArgumentError, nearestName } from "@phew/core";
import { readText } from "@phew/formats";
import { requireShape } from "@phew/runs/sweeps";
import { recipeFiles } from "@phew/training";
import { z } from "zod";
import { parseJson } from "./parseJson.ts";
import type { TrainConfig } from "./trainConfig.ts";
import { trainSettings } from "./trainSettings.ts";

const recipeSettings = z
  .strictObject(trainSettings)
  .pick({
    epochs: true,
    batchSize: true,
    rate: true,
    momentum: true,
    nesterov: true,
    weightDecay: true,
    schedule: true,
    drops: true,
    dropFactor: true,
    endRate: true,
    warmupEpochs: true,
    labelSmoothing: true,
    clipNorm: true,
    augmentation: true,
    validation: true,
    mean: true,
    std: true,
    patience: true,
  })
  .partial()
  .describe("an object of settings");

const RECIPE_FORM = 'a recipe: { "summary", "source", "settings": { … } }';

const recipeSchema = z.strictObject({
  summary: z.string().optional().describe("a text"),
  source: z.string().optional().describe("a text"),
  settings: recipeSettings,
});

export interface Recipe {
  /** One line for lists. */
  readonly summary?: string;
  /** Where the settings are from. */
  readonly source?: string;
  /** What it says; the rest is left to the command line and the defaults. */
  readonly settings: Partial<TrainConfig>;
}

/**
 * @param name of a recipe that comes with phew, or a file that ends in `.json`
 * @throws ArgumentError where there is none of this name, the file is no JSON, or a field is unknown or of another kind
 */
export function readRecipe(name: string): Recipe {
  const files = recipeFiles();
  const path = name.endsWith(".json") ? name : files.get(name);
  if (path === undefined) {
    const nearest = nearestName(name, [...files.keys()]);
    throw new ArgumentError("recipe", {
      given: `"${name}"`,
      expected: `one of ${[...files.keys()].join(", ")}, or a file that ends in .json`,
      ...(nearest === undefined ? {} : { remedy: `Did you mean "${nearest}"?` }),
    });
  }
  return requireShape(path, recipeSchema, parseJson(path, readText(path), RECIPE_FORM)) as Recipe;
}

/** All that come with phew, by name. */
export function listRecipes(): ReadonlyMap<string, Recipe> {
  return new Map([...recipeFiles().keys()].map((name) => [name, readRecipe(name)]));
}
