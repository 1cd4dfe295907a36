/** The settings of one run, each as a line. */
import type { RunConfig } from "../canonicalJson.ts";
import { factsOf, labelOf, valueText } from "./facts.ts";

export interface SettingLine {
  /** Label of the setting, and its value as text. */
  readonly label: string;
  readonly text: string;
  /** True if the value is the default. */
  readonly isDefault: boolean;
}

/** In the order of the table of settings; the seed is none of them. @param config as `config.json` has it */
export function settingLines(config: RunConfig): SettingLine[] {
  return [...factsOf(config).facts].map(([key, { value, isDefault }]) => ({
    label: labelOf(key),
    text: valueText(key, value),
    isDefault,
  }));
}
