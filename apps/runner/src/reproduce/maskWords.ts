/** Names of trained configurations in tables and plans of experiments, as in `phew compare --methods`. */
import { isRecord } from "@phew/core/fields";
import type { Settings } from "@phew/runs/sweeps";
import { maskRecipes } from "../prune/maskRecipe.ts";
import type { TrainConfig } from "../settings/configuration.ts";

/** Settings of a run for `phew:bias=square`, `synflow+rescale:over=layer`. @throws ArgumentError for an unknown name */
export function settingsOf(label: string): Settings {
  const [{ method, options, check }] = maskRecipes(label) as [ReturnType<typeof maskRecipes>[number]];
  const given = Object.keys(options).length > 0 && { options };
  if (check === undefined) return { method, ...given };
  const checkOptions = Object.keys(check.options).length > 0 && { checkOptions: check.options };
  return { method, ...given, check: check.name, ...checkOptions };
}

/** The words for a run's settings; those of a rule follow: `erk rigl:every=20`. */
export function labelOf({
  method,
  options,
  check,
  checkOptions,
  rule,
  ruleOptions,
  narrowToDensity,
}: Pick<
  TrainConfig,
  "method" | "options" | "check" | "checkOptions" | "rule" | "ruleOptions" | "narrowToDensity"
>): string {
  const words = (of: unknown) =>
    isRecord(of) ? Object.entries(of).map(([name, value]) => `:${name}=${value}`) : [];
  if (narrowToDensity !== undefined) return `narrow ${method}`;
  const made = [method, ...words(options)].join("");
  const checked = check === undefined ? made : [`${made}+${check}`, ...words(checkOptions)].join("");
  return rule === undefined ? checked : [`${checked} ${rule}`, ...words(ruleOptions)].join("");
}
