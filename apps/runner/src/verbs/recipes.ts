/** `phew recipes`: lists the recipes, or shows one. */
import { formatTable } from "@phew/report/table";
import { printJson, printLines, printText } from "../output/output.ts";
import { listRecipes, type Recipe, readRecipe } from "../settings/files.ts";

export async function recipes(name: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  if (name !== undefined) return showRecipe(name, readRecipe(name), options.json === true);
  const rows = [...listRecipes()].map(([recipe, { summary = "" }]) => ({ recipe, summary }));
  if (options.json) return printJson([...listRecipes()].map(([recipe, rest]) => ({ name: recipe, ...rest })));
  const columns = [
    { key: "recipe", title: "recipe" },
    { key: "summary", title: "" },
  ];
  printText(formatTable(columns, rows, "text"));
  printLines("phew recipes NAME shows its settings and source; phew train --recipe NAME trains by it.");
}

function showRecipe(name: string, recipe: Recipe, json: boolean): void {
  if (json) {
    printJson({ name, ...recipe });
    return;
  }
  const rows = Object.entries(recipe.settings).map(([setting, value]) => ({ setting, value: String(value) }));
  const columns = [
    { key: "setting", title: "setting" },
    { key: "value", title: "value" },
  ];
  printText(formatTable(columns, rows, "text"));
  if (recipe.source !== undefined) printLines(`Source: ${recipe.source}`);
}
