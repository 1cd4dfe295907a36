/** The recipes that come with this package: JSON files, one a recipe, each with its source. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../recipes/", import.meta.url));

/** Paths by name, sorted. */
export function recipeFiles(): ReadonlyMap<string, string> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".json"));
  return new Map(files.sort().map((file) => [basename(file, ".json"), join(FOLDER, file)]));
}
