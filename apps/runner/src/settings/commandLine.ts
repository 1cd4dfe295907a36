/** Settings as options of commander, and what a command line says of them. */
import { type Command, Option } from "commander";
import {
  attributeOf,
  entries,
  flagName,
  type OtherSettings,
  type SettingName,
  type TrainConfig,
} from "./configuration.ts";
import { GROUPS, type Setting, type Verb } from "./setting.ts";
import { SETTINGS } from "./table.ts";

/** The option of a setting, in the words that it has for the verb. */
export function settingOption(verb: Verb, name: SettingName): Option {
  const entry: Setting = SETTINGS[name];
  const own = { ...entry, ...entry.verbs?.[verb] };
  const option = new Option(entry.flag!, own.help);
  if (entry.type.read) option.argParser(entry.type.read(flagName(name)));
  if (own.default !== undefined && !own.isDefaultInHelp && !option.negate)
    option.default(own.default, Array.isArray(own.default) ? String(own.default) : undefined);
  return option;
}

/** Several, as a verb declares them. */
export function withSettings(command: Command, verb: Verb, ...names: readonly SettingName[]): Command {
  for (const name of names) command.addOption(settingOption(verb, name));
  return command;
}

/** All that hold for a verb, under their headings. */
export function withAllSettings(command: Command, verb: Verb): Command {
  for (const heading of [undefined, ...GROUPS]) {
    for (const [name, { group, verbs, negatedHelp }] of entries) {
      if (group !== heading || verbs?.[verb] === undefined) continue;
      const options = [settingOption(verb, name)];
      if (negatedHelp !== undefined)
        options.push(new Option(flagName(name).replace(/^--/, "--no-"), negatedHelp));
      for (const option of options)
        command.addOption(heading === undefined ? option : option.helpGroup(`${heading}:`));
    }
  }
  return command;
}

/** What a command line says of settings. */
export interface ToldSettings {
  /** By name: those with a default in the order of the table, then the others in that of the command line. */
  readonly told: Partial<TrainConfig> & OtherSettings;
  /** Those that stand on the command line. */
  readonly given: ReadonlySet<SettingName>;
}

export function toldSettings(command: Command): ToldSettings {
  const values = command.opts<Readonly<Record<string, unknown>>>();
  const inTable = entries.filter(([name, { flag }]) => flag !== undefined && attributeOf(name) in values);
  const attributes = Object.keys(values);
  const place = ([name]: readonly [SettingName, unknown]) => attributes.indexOf(attributeOf(name));
  const isGiven = (name: SettingName) => command.getOptionValueSource(attributeOf(name)) === "cli";
  const hasDefault = ({ default: usual, isDefaultInHelp }: Setting) =>
    usual !== undefined && !isDefaultInHelp;
  const ordered = [
    ...inTable.filter(([, entry]) => hasDefault(entry)),
    ...inTable.filter(([, entry]) => !hasDefault(entry)).sort((a, b) => place(a) - place(b)),
  ];
  return {
    told: Object.fromEntries(ordered.map(([name]) => [name, values[attributeOf(name)]])),
    given: new Set(inTable.flatMap(([name]) => (isGiven(name) ? [name] : []))),
  };
}

/** Flags of a verb's settings that are chosen, in the order of the table. */
export function verbFlags(verb: Verb, isChosen: (entry: Setting) => boolean): string[] {
  return entries.flatMap(([name, entry]) => {
    if (entry.verbs?.[verb] === undefined || !isChosen(entry)) return [];
    const flag = flagName(name);
    return entry.negatedHelp === undefined ? [flag] : [flag, flag.replace(/^--/, "--no-")];
  });
}
