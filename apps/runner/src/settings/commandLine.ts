/** Settings as options of commander, and the settings of a command line. */
import { type Command, Option } from "commander";
import {
  attributeOf,
  entries,
  flagName,
  type OtherSettings,
  type SettingName,
  type TrainConfig,
} from "./configuration.ts";
import { AUTO } from "./kinds.ts";
import type { Setting, Verb } from "./setting.ts";
import { GROUPS, SETTINGS } from "./table.ts";

const names = new WeakMap<Option, SettingName>();

/** The setting of an option; undefined for other options. */
export function settingOfOption(option: Option): SettingName | undefined {
  return names.get(option);
}

/** Marks an option that a verb reads in its own way: the user's defaults of the setting apply to it too. */
export function asSetting(name: SettingName, option: Option): Option {
  names.set(option, name);
  return option;
}

/** The option of a setting, in the words that it has for the verb. */
export function settingOption(verb: Verb, name: SettingName): Option {
  const entry: Setting = SETTINGS[name];
  const own = { ...entry, ...entry.verbs?.[verb] };
  const option = new Option(entry.flag!, own.help);
  if (entry.type.read) option.argParser(entry.type.read(flagName(name)));
  if (own.default !== undefined && !own.isDefaultInHelp && !option.negate)
    option.default(own.default, Array.isArray(own.default) ? String(own.default) : undefined);
  return asSetting(name, option);
}

/** Several, as a verb declares them. */
export function withSettings(command: Command, verb: Verb, ...names: readonly SettingName[]): Command {
  for (const name of names) command.addOption(settingOption(verb, name));
  return command;
}

/** All that hold for a verb, under their headings. */
export function withAllSettings(command: Command, verb: Verb): Command {
  for (const [heading, group] of Object.entries(GROUPS))
    for (const name of Object.keys(group) as SettingName[])
      for (const option of optionsOf(verb, name)) command.addOption(option.helpGroup(`${heading}:`));
  return command;
}

/** None if the verb lacks it, two if it has a `--no-…` beside it. */
function optionsOf(verb: Verb, name: SettingName): Option[] {
  const { verbs, negatedHelp }: Setting = SETTINGS[name];
  if (verbs?.[verb] === undefined) return [];
  const option = settingOption(verb, name);
  return negatedHelp === undefined ? [option] : [option, new Option(negatedFlag(name), negatedHelp)];
}

const negatedFlag = (name: SettingName) => flagName(name).replace(/^--/, "--no-");

/** The source of the user's own defaults, as commander calls it. */
export const OWN_DEFAULT = "config";

/** The settings of a command line. */
export interface CommandLineSettings {
  /** By name: those with a default in the order of the table, then the others in that of the command line. */
  readonly values: Partial<TrainConfig> & OtherSettings;
  /** Those on the command line. */
  readonly given: ReadonlySet<SettingName>;
  /** Those that are the user's own defaults. */
  readonly kept: ReadonlySet<SettingName>;
}

export function commandLineSettings(command: Command): CommandLineSettings {
  const values = command.opts<Readonly<Record<string, unknown>>>();
  const inTable = entries.filter(([name, { flag, follows }]) => {
    const value = values[attributeOf(name)];
    return flag !== undefined && value !== undefined && !(follows !== undefined && value === AUTO);
  });
  const attributes = Object.keys(values);
  const place = ([name]: readonly [SettingName, unknown]) => attributes.indexOf(attributeOf(name));
  const from = (source: string) =>
    new Set(
      inTable.flatMap(([name]) => (command.getOptionValueSource(attributeOf(name)) === source ? [name] : [])),
    );
  const hasDefault = ({ default: usual, isDefaultInHelp }: Setting) =>
    usual !== undefined && !isDefaultInHelp;
  const ordered = [
    ...inTable.filter(([, entry]) => hasDefault(entry)),
    ...inTable.filter(([, entry]) => !hasDefault(entry)).sort((a, b) => place(a) - place(b)),
  ];
  return {
    values: Object.fromEntries(ordered.map(([name]) => [name, values[attributeOf(name)]])),
    given: from("cli"),
    kept: from(OWN_DEFAULT),
  };
}

/** Flags of a verb's settings that are chosen, in the order of the table. */
export function verbFlags(verb: Verb, isChosen: (entry: Setting) => boolean): string[] {
  return entries.flatMap(([name, entry]) => {
    if (entry.verbs?.[verb] === undefined || !isChosen(entry)) return [];
    return entry.negatedHelp === undefined ? [flagName(name)] : [flagName(name), negatedFlag(name)];
  });
}
