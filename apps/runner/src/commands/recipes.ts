import type { Command } from "commander";
import { option } from "./options.ts";

export function declareRecipes(program: Command): void {
  program
    .command("recipes")
    .summary("the recipes for training that come with phew")
    .description("Lists the recipes of phew train --recipe, or the settings and source of one.")
    .argument("[recipe]", "show this one: a name or a .json file")
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (recipe, options) => (await import("../verbs/recipes.ts")).recipes(recipe, options));
}
