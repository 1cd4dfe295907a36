/**
 * Settings of optimisers, from packages/training/src/optimisers: the table has those of all optimisers, and a run has
 * those of its own.
 */
import type { ArgumentFault } from "@phew/core";
import { type Optimiser, type OptimiserSetting, optimisers } from "@phew/training/settings";
import * as kind from "./kinds.ts";
import { type Setting, setting, TRAINING } from "./setting.ts";

/** The one that is taken unless another is named. Configurations do not name it: those of before could not. */
const usual = optimisers[0]!;

/** @param name absent: the usual one */
export function optimiserNamed(name?: unknown): Optimiser {
  return optimisers.find((optimiser) => optimiser.name === name) ?? usual;
}

/** The settings of an optimiser at their defaults. */
export function optimiserDefaults(name?: unknown): Readonly<Record<string, number | boolean>> {
  const { settings } = optimiserNamed(name);
  return Object.fromEntries(Object.entries(settings).map(([own, declared]) => [own, declared.default]));
}

/** Each setting once, with the optimisers that have it. */
const owners = new Map<string, readonly Optimiser[]>(
  optimisers
    .flatMap(({ settings }) => Object.keys(settings))
    .map((name) => [name, optimisers.filter(({ settings }) => Object.hasOwn(settings, name))]),
);

export const OPTIMISER = {
  /** Absent: sgd. The optimiser's own settings are beside it, by their names. */
  optimiser: setting({
    type: kind.oneOf(
      "an optimiser",
      optimisers.map(({ name }) => name),
    ),
    flag: "--optimiser <name>",
    help: `${optimisers.map(({ name, summary }) => `${name}, ${summary}`).join("; ")}; ${usual.name} unless given`,
    verbs: TRAINING,
    identity: "changed",
    inRecipes: true,
  }),
  rate: setting({
    type: kind.real(0),
    flag: "--rate <r>",
    help: `learning rate${noted(optimisers.map(({ name, rate }) => [name, rate]))}`,
    verbs: TRAINING,
    default: usual.rate,
    identity: "always",
    inRecipes: true,
  }),
};

/** Entries of the table, by name. */
export const OPTIMISER_SETTINGS: Readonly<Record<string, Setting>> = Object.fromEntries(
  Array.from(owners, ([name, own]) => [name, entryOf(name, own)]),
);

function entryOf(name: string, own: readonly Optimiser[]): Setting {
  const declared = own.map(({ settings }) => settings[name]!);
  const [{ help, default: value }] = declared as [OptimiserSetting];
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const shared = {
    help: `${help}${noted(own.map((each, k) => [each.name, declared[k]!.default]))}`,
    verbs: TRAINING,
    // settings of another optimiser have no default
    ...(own.includes(usual) ? { default: value } : {}),
    identity: "changed" as const,
    inRecipes: true as const,
  };
  if (typeof value === "boolean")
    return { type: kind.flag, flag: value ? flag.replace("--", "--no-") : flag, ...shared };
  const ranges = declared.flatMap((each) => ("least" in each ? [each] : []));
  const least = Math.min(...ranges.map((range) => range.least));
  const most = Math.max(...ranges.map((range) => range.most ?? Number.POSITIVE_INFINITY));
  return {
    type: kind.real(least, Number.isFinite(most) ? most : undefined),
    flag: `${flag} <x>`,
    ...shared,
  };
}

/** For help: the optimisers that have a setting unless all have it, and defaults of others than the usual one. */
function noted(own: readonly (readonly [string, number | boolean])[]): string {
  const notes = own.flatMap(([name, value]) => {
    if (name === usual.name) return own.length < optimisers.length ? [name] : [];
    return [`${name}: ${value}`];
  });
  return notes.length === 0 ? "" : ` (${notes.join(", ")})`;
}

/**
 * A configuration with the settings of its optimiser only, with defaults filled in. The usual optimiser is not named,
 * so that a run's identity and folder do not depend on whether it was given.
 * @param isGiven of a setting, by its name
 * @throws the error that `faultOf` makes for a setting of another optimiser
 */
export function ofItsOptimiser<Config extends object>(
  config: Config,
  isGiven: (name: string) => boolean,
  faultOf: (name: string, fault: ArgumentFault) => Error,
): Config {
  const { optimiser: name, ...rest } = config as Readonly<Record<string, unknown>>;
  const { name: chosen, settings } = optimiserNamed(name);
  const own: Record<string, unknown> = rest;
  for (const [other, having] of owners) {
    const declared = settings[other];
    if (declared !== undefined) {
      if (!isGiven(other)) own[other] = declared.default;
    } else if (isGiven(other)) {
      throw faultOf(other, {
        given: `${own[other]} for the optimiser ${chosen}`,
        expected: `none: ${chosen} has ${Object.keys(settings).join(", ")}`,
        remedy: `Leave it out; it is a setting of ${having.map((each) => each.name).join(", ")}.`,
      });
    } else delete own[other];
  }
  if (chosen !== usual.name) own.optimiser = chosen;
  return own as Config;
}
