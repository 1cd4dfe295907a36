/** Recipes: how to train, as a JSON file. Those that come with phew are known by name. */
import { readFileSync } from "node:fs";
import { ArgumentError, nearestName } from "@phew/core";
import { requireShape } from "@phew/runs/sweeps";
import { recipeFiles } from "@phew/training";
import { z } from "zod";
import type { TrainConfig } from "./trainConfig.ts";
import { trainSettings } from "./trainSettings.ts";

const {
  epochs,
  batchSize,
  rate,
  momentum,
  nesterov,
  weightDecay,
  schedule,
  drops,
  dropFactor,
  endRate,
  warmupEpochs,
  labelSmoothing,
  clipNorm,
  augmentation,
  validation,
  patience,
} = trainSettings;

const recipeSettings = z
  .strictObject({
    epochs,
    batchSize,
    rate,
    momentum,
    nesterov,
    weightDecay,
    schedule,
    drops,
    dropFactor,
    endRate,
    warmupEpochs,
    labelSmoothing,
    clipNorm,
    augmentation,
    validation,
    patience,
  })
  .partial()
  .describe("an object of settings");

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
  return requireShape(path, recipeSchema, parse(path)) as Recipe;
}

/** All that come with phew, by name. */
export function listRecipes(): ReadonlyMap<string, Recipe> {
  return new Map([...recipeFiles().keys()].map((name) => [name, readRecipe(name)]));
}

function parse(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new ArgumentError(path, { given: "a file that cannot be read", expected: "a recipe" });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ArgumentError(path, {
      given: `broken JSON (${error instanceof Error ? error.message : error})`,
      expected: 'a recipe: { "summary", "source", "settings": { … } }',
    });
  }
}
