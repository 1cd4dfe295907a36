/** Settings in the words of the command line: what a person would type. */

import { canonicalJson, type RunConfig } from "@phew/runs";
import { shellQuote } from "@phew/runs/sweeps";
import { rules } from "@phew/training/settings";
import { entries, flagName, isOwn, type SettingName, type TrainConfig } from "./configuration.ts";
import { optimiserDefaults, optimiserNamed } from "./optimisers.ts";
import { DENSE } from "./pruning.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";

/** A value as its option takes it; of an object a text for each time that the option is given. */
export function valueTexts(value: unknown): string[] {
  if (Array.isArray(value)) return [value.length === 0 ? "none" : value.join(",")];
  if (typeof value === "object" && value !== null)
    return Object.entries(value).map(([name, inner]) => `${name}=${inner}`);
  return [`${value}`];
}

/** The values that a configuration takes without options. */
export function usualSettings({ method, optimiser }: TrainConfig): RunConfig {
  return {
    ...Object.fromEntries(entries.map(([name, entry]) => [name, entry.default])),
    ...optimiserDefaults(optimiser),
    rate: optimiserNamed(optimiser).rate,
    ...(method === DENSE && { density: 1 }),
  };
}

/**
 * `phew train lenet5 --density 0.05`: the command of a configuration, with what differs from {@link usualSettings}.
 * @param experiment of the run; printed if it differs from the default of `phew train`
 */
export function trainCommand(config: TrainConfig, experiment: string): string {
  const usual = usualSettings(config);
  const words = entries.flatMap(([name, entry]) => {
    const value = (config as unknown as RunConfig)[name];
    if (!isOwn(entry) || entry.flag === undefined || value === undefined) return [];
    const isUsual = canonicalJson(value) === canonicalJson(usual[name] ?? null);
    return isUsual ? [] : optionWords(name, value);
  });
  const where = experiment === "train" ? [] : ["--experiment", experiment];
  return ["phew", "train", config.model, ...words, ...where].map(shellQuote).join(" ");
}

/**
 * The control of a run whose rule found its density: masks of that density that stay, trained as long.
 * @param density of its last masks @returns undefined of a run that was asked for its density
 */
export function controlOf(
  { rule, ruleOptions: _, ...config }: TrainConfig,
  density: number,
): TrainConfig | undefined {
  const found = rules.find(({ name }) => name === rule);
  if (found?.schedule.densityBound === undefined) return undefined;
  return { ...config, density: Number(density.toPrecision(7)) };
}

function optionWords(name: SettingName, value: unknown): string[] {
  const { type }: Setting = SETTINGS[name];
  if (type.read === undefined) return [flagName(name)];
  return valueTexts(value).flatMap((text) => [flagName(name), text]);
}
