/**
 * Defaults of the user's own: variables `PHEW_…`, then `phew.config.json`. The command line, a recipe and a run's own
 * configuration override them, and they override the built-in defaults. A run's `config.json` records the values.
 */
import path from "node:path";
import { ArgumentError, nearestName } from "@phew/core";
import { THEME_NAMES } from "@phew/dashboard/watch";
import { readText } from "@phew/formats";
import { requireShape } from "@phew/runs/sweeps";
import { datasets } from "@phew/training";
import type { Command, Option } from "commander";
import { type ZodType, z } from "zod";
import { UsageError } from "../failure.ts";
import { parseJson } from "../sources/parseJson.ts";
import { OWN_DEFAULT, settingOfOption } from "./commandLine.ts";
import { valueTexts } from "./commandText.ts";
import { attributeOf, entries, type SettingName } from "./configuration.ts";
import { configFile, ownVariables } from "./ownDefaults.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS } from "./table.ts";

interface OwnDefault {
  readonly value: unknown;
  /** For messages: the variable, or the file and the key in it. */
  readonly source: string;
}

/** Verbs whose argument is the folder of runs. */
const TAKES_RUNS = ["watch", "report"];
/** Settings that are paths. */
const PLACES: readonly SettingName[] = ["runs", "dataDir"];
/** Verbs whose runs have settings of their own, and where from. */
const OWN_SETTINGS: Readonly<Record<string, string>> = {
  sweep: "runs of a sweep have the settings of its file alone",
  demo: "runs of the demo have the settings of its recipe alone",
  reproduce: "experiments have settings of their own",
};
/** Verbs that look at data only if the command line names a data set. */
const ON_REQUEST = ["prune", "compare"];

const library = { z, datasets: datasets.map(({ name }) => name) };
const allowed = entries.filter(([, { flag, isPerCall }]) => flag !== undefined && !isPerCall);
const byVariable = new Map(allowed.map(([name]) => [variableOf(name), name]));

/** `PHEW_BATCH_SIZE` for the option `--batch-size`. */
function variableOf(name: SettingName): string {
  return `PHEW_${attributeOf(name).replace(/[A-Z]/g, (letter) => `_${letter}`)}`.toUpperCase();
}

/**
 * Sets the options of a command that are not on its command line to the user's defaults.
 * @returns where those come from that apply: variables, and the file with the keys in it
 * @throws UsageError naming the variable, ArgumentError naming the file and the key, that is unknown or wrong
 */
export function applyDefaults(command: Command): string[] {
  const file = configFile();
  const defaults = new Map([
    ...(file === undefined ? [] : fromFile(file)),
    ...ownVariables().map(fromVariable),
  ]);
  const applied = command.options.flatMap((option) => {
    const name = settingOfOption(option);
    const own = name === undefined ? undefined : defaults.get(name);
    return name !== undefined && own !== undefined && apply(command, option, name, own) ? [name] : [];
  });
  const theme = file === undefined ? undefined : themeOf(file);
  const isThemed = command.name() === "watch" && command.getOptionValueSource("theme") !== "cli";
  if (theme !== undefined && isThemed && !process.env.PHEW_THEME)
    command.setOptionValueWithSource("theme", theme, OWN_DEFAULT);
  const runs = defaults.get("runs");
  if (runs !== undefined && TAKES_RUNS.includes(command.name()) && command.args.length === 0) {
    command.processedArgs[0] = runs.value;
    applied.push("runs");
  }
  const variables = applied
    .map((name) => defaults.get(name)!.source)
    .filter((source) => byVariable.has(source));
  const keys = applied.filter((name) => !byVariable.has(defaults.get(name)!.source));
  return [...variables, ...(keys.length > 0 ? [`${file}: ${keys.join(", ")}`] : [])];
}

function fromFile(file: string): [SettingName, OwnDefault][] {
  const shape = Object.fromEntries(
    allowed.map(([name, { type }]): [string, ZodType] => {
      const schema = type.schema?.(library) ?? z.string().describe("a text, as the command line has it");
      return [name, schema.optional()];
    }),
  );
  const {
    $schema: _,
    theme: __,
    ...settings
  } = requireShape(
    file,
    z.strictObject({ ...shape, $schema: z.string().optional(), theme: themeSchema.optional() }),
    contentOf(file),
  ) as Readonly<Record<string, unknown>>;
  return Object.entries(settings).map(([key, value]) => {
    const name = key as SettingName;
    const source = `${file}: ${name}`;
    const { type }: Setting = SETTINGS[name];
    if (type.schema === undefined) type.read?.(source)(`${value}`);
    return [name, { value: PLACES.includes(name) ? placeFrom(file, `${value}`) : value, source }];
  });
}

/** Colours of `phew watch`, which are no setting of a run; the variable is PHEW_THEME. */
const themeSchema = z.enum(THEME_NAMES as [string, ...string[]]).describe(`one of ${THEME_NAMES.join(", ")}`);

const themeOf = (file: string) =>
  z.object({ theme: themeSchema.optional() }).safeParse(contentOf(file)).data?.theme;

function contentOf(file: string): unknown {
  return parseJson(
    file,
    readText(file),
    'defaults of settings, such as { "dataset": "cifar10", "epochs": 40 }',
  );
}

/** Of variables that name settings of runs, where this command's runs do not take them: otherwise nothing told of that. */
export function unusedWords(command: Command): string | undefined {
  const why = OWN_SETTINGS[command.name()];
  if (why === undefined) return undefined;
  const options = new Set(command.options.map(settingOfOption));
  const unused = ownVariables().flatMap(([variable]) =>
    options.has(byVariable.get(variable)) ? [] : [variable],
  );
  return unused.length === 0 ? undefined : `${unused.join(", ")} not used: ${why}`;
}

/** A path in the file is meant from the folder of the file, wherever phew is called below it. */
function placeFrom(file: string, place: string): string {
  return path.isAbsolute(place) ? place : path.join(path.dirname(file), place);
}

function fromVariable([variable, text]: [string, string]): [SettingName, OwnDefault] {
  const name = byVariable.get(variable);
  if (name !== undefined)
    return [name, { value: variableValue(variable, text, SETTINGS[name]), source: variable }];
  const nearest = nearestName(variable, [...byVariable.keys()]);
  throw new UsageError(variable, {
    given: "a variable of no setting",
    expected: "PHEW_ and the name of an option that can have a default, such as PHEW_DATA_DIR",
    remedy: nearest === undefined ? "docs/settings.md lists the options." : `Did you mean ${nearest}?`,
  });
}

function variableValue(variable: string, text: string, { type, belongsTo }: Setting): unknown {
  if (type.read === undefined) return flagValue(variable, text);
  const read = type.read(variable);
  // options of a method repeat on the command line, and are separated by commas here
  const texts = belongsTo === undefined ? [text] : text.split(",");
  const value = texts.reduce<unknown>((before, part) => read(part, before), undefined);
  if (type.schema === undefined) return text;
  try {
    return requireShape(variable, type.schema(library), value);
  } catch (error) {
    throw error instanceof ArgumentError ? new UsageError(error.subject, error.fault) : error;
  }
}

function flagValue(variable: string, text: string): boolean {
  if (/^(1|true|yes)$/i.test(text)) return true;
  if (/^(0|false|no)$/i.test(text)) return false;
  throw new UsageError(variable, { given: `"${text}"`, expected: "1 or 0, true or false, yes or no" });
}

function apply(command: Command, option: Option, name: SettingName, { value }: OwnDefault): boolean {
  const isOnCommandLine = (setting: SettingName) =>
    command.getOptionValueSource(attributeOf(setting)) === "cli";
  const { belongsTo, conflict, type }: Setting = SETTINGS[name];
  if (isOnCommandLine(name)) return false;
  if (belongsTo !== undefined && isOnCommandLine(belongsTo as SettingName)) return false;
  const isOnRequest = ON_REQUEST.includes(command.name());
  if (isOnRequest && name === "dataset") return false;
  if (isOnRequest && name === "dataDir" && !isOnCommandLine("dataset")) return false;
  // the data set is set before: options stand in the order of the table
  if (name === "dataDir" && isDrawn(command.getOptionValue(attributeOf("dataset")))) return false;
  const attribute = option.attributeName();
  const before: unknown = command.getOptionValue(attribute);
  const beforeSource = command.getOptionValueSource(attribute) ?? "default";
  const read = () =>
    valueTexts(value).reduce<unknown>(
      (collected, text) => option.parseArg!(text, collected as string),
      undefined,
    );
  command.setOptionValueWithSource(
    attribute,
    type.read === undefined || option.parseArg === undefined ? value : read(),
    OWN_DEFAULT,
  );
  // a default yields to the command line: a density to --method dense
  if (conflict?.(settingsOf(command)) === undefined) return true;
  command.setOptionValueWithSource(attribute, before, beforeSource);
  return false;
}

/** True for data that the program draws, which have no folder. */
function isDrawn(dataset: unknown): boolean {
  return datasets.some(({ name, embedded }) => name === dataset && embedded);
}

function settingsOf(command: Command): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    entries.map(([name]): [string, unknown] => [name, command.getOptionValue(attributeOf(name))]),
  );
}
