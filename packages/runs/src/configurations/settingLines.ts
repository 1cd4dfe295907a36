/** The settings of one run, each as a line. */
import type { RunConfig } from "../canonicalJson.ts";
import { factsOf, labelOf, valueText } from "./facts.ts";

export interface SettingLine {
  /** What a person calls the setting, and its value as it is read. */
  readonly label: string;
  readonly text: string;
  /** True where nothing else would have been taken. */
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
