/**
 * The configuration of a run: everything that decides its numbers, and nothing else, as the table of settings has it. It
 * names the run's folder.
 */
import { type ArgumentFault, formatPercent } from "@phew/core";
import type { RunIdentity } from "@phew/runs";
import { UsageError } from "../failure.ts";
import { isModelFile, type Kind } from "./kinds.ts";
import { ofItsOptimiser, optimiserDefaults, optimiserNamed } from "./optimisers.ts";
import { DENSE } from "./pruning.ts";
import type { Identity, Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";
import { withoutUsualOptions } from "./usualOptions.ts";

type Table = typeof SETTINGS;
export type SettingName = keyof Table;

type Value<S> = S extends { readonly type: Kind<infer T> } ? T : never;
type Own = Exclude<Identity, "expanded">;
type OwnName = { [K in SettingName]: Table[K] extends { readonly identity: Own } ? K : never }[SettingName];
type SureName = {
  [K in OwnName]: Table[K] extends { readonly default: unknown } | { readonly required: true } ? K : never;
}[OwnName];

// over keys of a Pick, so that each setting keeps its comment
type Sure = { readonly [K in keyof Pick<Table, SureName>]: Value<Table[K]> };
type Given = { readonly [K in keyof Pick<Table, Exclude<OwnName, SureName>>]?: Value<Table[K]> };

/** Settings with a default, and required ones, are always present; the others only if given. */
export interface TrainConfig extends Sure, Given {}

type DefaultsOf<I extends Identity> = Pick<
  TrainConfig,
  {
    [K in SureName]: Table[K] extends { readonly identity: I; readonly default: unknown } ? K : never;
  }[SureName]
>;

/** Settings that are not part of a configuration: how a run is executed, and the sources of its settings. */
export type OtherSettings = {
  readonly [K in keyof Pick<Table, Exclude<SettingName, OwnName>>]?: Value<Table[K]>;
};

/** `--batch-size`, as messages name it; of an argument `<model>`. */
export function flagName(name: SettingName): string {
  const { flag = `<${name}>` }: Setting = SETTINGS[name];
  return flag.split(" ")[0]!;
}

/** `--no-nesterov` is about nesterov, `--batch-size` about batchSize: the name that commander gives its value. */
export function attributeOf(name: SettingName): string {
  return flagName(name)
    .replace(/^--(no-)?/, "")
    .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** True if the command line has the setting with this name of files. */
const hasOwnFlag = (name: SettingName) => attributeOf(name) === name;

/** All entries, in the order of the table. */
export const entries = Object.entries(SETTINGS) as readonly (readonly [SettingName, Setting])[];

/** True of a setting that is part of a run's configuration. */
export function isOwn({ identity }: Setting): boolean {
  return identity !== undefined && identity !== "expanded";
}

/** True for a setting of where and how a run is executed, not of what it computes. */
export function isCarryingOut({ identity }: Setting): boolean {
  return identity === undefined;
}

/**
 * Keys of config.json have the order of earlier versions, so that the same command writes the same bytes: these first
 * for values that a file lacks, and these last for the command line. New settings need neither.
 */
const FIRST_DEFAULTS: readonly SettingName[] = ["options"];
const LAST_GIVEN: readonly SettingName[] = [
  "model",
  "options",
  "checkOptions",
  "density",
  "executor",
  "classCount",
];

/** Values left out of a run's hash if unchanged; files omit them. */
export const QUIET_DEFAULTS = defaultsOf("changed", FIRST_DEFAULTS);

/** Defaults that are still in the hash, because recipes change them. */
export const USUAL_DEFAULTS = defaultsOf("always");

function defaultsOf<I extends Identity>(identity: I, first: readonly SettingName[] = []): DefaultsOf<I> {
  const those = entries.filter(([, entry]) => entry.identity === identity && entry.default !== undefined);
  const ordered = [
    ...those.filter(([name]) => first.includes(name)),
    ...those.filter(([name]) => !first.includes(name)),
  ];
  return Object.fromEntries(ordered.map(([name, entry]) => [name, entry.default])) as DefaultsOf<I>;
}

/** An error for a setting, with the words of its source: the command line, or a file. */
export type FaultOf = (name: SettingName, fault: ArgumentFault) => Error;

/** A fault that names the option of the command line. */
export const usageFault: FaultOf = (name, fault) => new UsageError(flagName(name), fault);

/** @throws what `faultOf` makes of the first setting, of those that are chosen, that does not go together with others */
export function requireConsistent(
  settings: Readonly<Record<string, unknown>>,
  faultOf: FaultOf,
  isChosen: (entry: Setting) => boolean = isOwn,
): void {
  for (const [name, entry] of entries) {
    const fault = isChosen(entry) ? entry.conflict?.(settings) : undefined;
    if (fault !== undefined) throw faultOf(name, fault);
  }
}

/**
 * The settings that are not given and follow from others.
 * @param example what goes before an example of one
 * @throws what `faultOf` makes of one that does not follow
 */
export function followed(
  given: Readonly<Record<string, unknown>>,
  faultOf: FaultOf,
  example: (name: SettingName) => string = () => "",
): Partial<TrainConfig> {
  return Object.fromEntries(
    entries.flatMap(([name, { follows, missing }]) => {
      if (follows === undefined || given[name] !== undefined) return [];
      const value = follows(given);
      if (value !== undefined || missing === undefined) return [[name, value]];
      const { expected, remedy } = missing;
      throw faultOf(name, { given: "nothing", expected: expected(example(name)), remedy });
    }),
  );
}

/**
 * The configuration of a command line. Its options override the recipe, and the recipe overrides the defaults.
 * @param settings by name, including defaults
 * @param given names of those on the command line
 * @param recipe settings of a recipe
 * @param kept names of those that are the user's own defaults: they override the defaults of the optimiser
 * @throws UsageError if a required setting is missing, or if some are not compatible
 */
export function configurationOf(
  settings: Readonly<Record<string, unknown>>,
  given: ReadonlySet<string>,
  recipe: Partial<TrainConfig>,
  kept: ReadonlySet<string> = new Set(),
): TrainConfig {
  const isOfRun = ([name]: readonly [string, unknown]) => isOwn(SETTINGS[name as SettingName]);
  const config: Record<string, unknown> = Object.fromEntries([
    ...Object.entries(settings).filter((entry) => isOfRun(entry) && hasOwnFlag(entry[0] as SettingName)),
    ...Object.entries(recipe).filter(([name]) => !given.has(name)),
  ]);
  const follows = followed(settings, usageFault, (name) => `${flagName(name)} `);
  const rest: Record<string, unknown> = { ...USUAL_DEFAULTS, ...QUIET_DEFAULTS, ...settings, ...follows };
  for (const name of [...LAST_GIVEN, ...Object.keys(rest).filter((key) => isOfRun([key, undefined]))])
    if (!Object.hasOwn(config, name) && rest[name] !== undefined) config[name] = rest[name];
  const own = ofItsOptimiser(
    config,
    (name) =>
      given.has(name) || Object.hasOwn(recipe, name) || (kept.has(name) && isOfOptimiser(name, config)),
    (name, fault) => {
      if (given.has(name)) return usageFault(name as SettingName, fault);
      return new UsageError(`${name} of the recipe ${settings.recipe}`, fault);
    },
  );
  if (!given.has("rate") && !kept.has("rate") && recipe.rate === undefined)
    own.rate = optimiserNamed(own.optimiser).rate;
  requireConsistent(own, usageFault);
  return own as unknown as TrainConfig;
}

function isOfOptimiser(name: string, { optimiser }: Readonly<Record<string, unknown>>): boolean {
  return Object.hasOwn(optimiserNamed(optimiser).settings, name);
}

/** The run of a configuration, without options at their defaults. It contains the digests of other runs' files, not their paths. */
export function identityOf(
  config: TrainConfig,
  { root, experiment }: Pick<RunIdentity, "root" | "experiment">,
): RunIdentity {
  const isOfContent = (name: SettingName, { identity }: Setting) =>
    identity === "content" || (name === "model" && isModelFile(config.model));
  const named = entries.filter(([name, entry]) => isOfContent(name, entry));
  const places = Object.fromEntries(named.map(([name]) => [name, config[name as keyof TrainConfig]]));
  const defaults = { ...QUIET_DEFAULTS, ...optimiserDefaults(config.optimiser), ...places };
  return { root, experiment, config: { ...withoutUsualOptions(config) }, defaults, seed: config.seed };
}

/** `phew 5 %`, `dense`: the name of the run for people. */
export function runName(config: TrainConfig): string {
  const method = config.check === undefined ? config.method : `${config.method}+${config.check}`;
  const { narrowToDensity: narrow } = config;
  if (config.method === DENSE)
    return narrow === undefined ? DENSE : `${DENSE} narrowed to ${formatPercent(narrow, 4)}`;
  const rule = config.rule === undefined ? "" : ` ${config.rule}`;
  return `${method} ${formatPercent(config.density, 4)}${rule}`;
}
