/**
 * The table of settings: that a command keeps the folder and the bytes of its configuration, that each setting is wherever
 * it says, and that docs/settings.md and the words of `@phew/runs/configurations` say the same. `vitest run` of this file with
 * `-u` behind it writes both anew.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { checks, type OptionSpec, pruners } from "@phew/core";
import { runFolderOf } from "@phew/runs";
import { configurationsOf, type SettingWord } from "@phew/runs/configurations";
import { sweepJsonSchema } from "@phew/runs/sweeps";
import { datasets } from "@phew/training";
import { budgets, drops, grows, optimisers, ruleDefaults, rules, schedules } from "@phew/training/settings";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { commandLineSettings, withAllSettings } from "../src/settings/commandLine.ts";
import {
  entries,
  flagName,
  identityOf,
  isOwn,
  type SettingName,
  type TrainConfig,
} from "../src/settings/configuration.ts";
import { checkTrainConfig, readRecipe, sweepShape } from "../src/settings/files.ts";
import { DENSE } from "../src/settings/pruning.ts";
import type { Setting, Verb } from "../src/settings/setting.ts";
import { GROUPS, SETTINGS } from "../src/settings/table.ts";
import { initialsOf } from "../src/settings/usualOptions.ts";
import { configOf, placeOf } from "../src/verbs/train.ts";

const RULE_PARTS = { schedule: schedules, budget: budgets, drop: drops, grow: grows };

interface RecordedRun {
  readonly command: string;
  readonly folder: string;
  readonly config: object;
}

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const recorded = JSON.parse(readFileSync(file("recordedRuns.json"), "utf8")) as readonly RecordedRun[];

/** What a command line of a verb says, as its action is given it. */
function settingsOf(verb: Verb, args: readonly string[]) {
  const command = withAllSettings(new Command(verb).exitOverride().argument("[model]"), verb);
  command.configureOutput({ writeErr: () => undefined }).parse(args, { from: "user" });
  return { model: command.args[0], settings: commandLineSettings(command) };
}

async function runOf(verb: "train" | "imp", line: string): Promise<{ config: TrainConfig; folder: string }> {
  const { model, settings } = settingsOf(verb, line.split(" "));
  const config = await configOf(model, settings);
  const { experiment } = placeOf(settings.values, verb);
  return { config, folder: runFolderOf(identityOf(config, { root: "", experiment })) };
}

describe("a run", () => {
  // made before there was a table of settings
  it.each(recorded)("keeps its folder and the bytes of its configuration: $command", async (run) => {
    const { config, folder } = await runOf("train", run.command);
    expect(folder).toBe(path.normalize(run.folder));
    // settings that are newer stand at their defaults
    const entriesOf = Object.entries(config);
    const known = Object.fromEntries(entriesOf.filter(([name]) => Object.hasOwn(run.config, name)));
    expect(JSON.stringify(known)).toBe(JSON.stringify(run.config));
    for (const [name, value] of entriesOf)
      if (!Object.hasOwn(known, name)) expect(value).toEqual(SETTINGS[name as "rate"].default);
  });

  it("has the same folder where its settings come from its config.json, a recipe or the command line", async () => {
    for (const { config, folder } of recorded) {
      const experiment = path.dirname(folder);
      const read = checkTrainConfig("config.json", config as Record<string, unknown>);
      expect(runFolderOf(identityOf(read, { root: "", experiment }))).toBe(path.normalize(folder));
    }
    const { settings } = readRecipe("grasp-vgg");
    const flags = Object.entries(settings).map(([name, value]) =>
      value === false ? flagName(name as SettingName) : `${flagName(name as SettingName)} ${value}`,
    );
    const line = "lenet5 --density 0.1";
    expect(
      await runOf("train", `${line} ${flags.filter((flag) => !flag.endsWith(" true")).join(" ")}`),
    ).toEqual(await runOf("train", `${line} --recipe grasp-vgg`));
  });
});

/** Values other than the defaults: words for settings of words, the first number that the others take. */
const OTHER: Readonly<Record<string, string>> = {
  dataset: "mnist",
  executor: "tensorflow",
  optimiser: "adamw",
  schedule: "cosine",
  augmentation: "flip",
  method: "random",
  init: "normal",
  check: "shuffle",
  options: "invert=true",
  checkOptions: "within=unit",
  rule: "rigl",
  ruleOptions: "alpha=0.5",
  limit: "10m",
  output: "logits",
};

/** Settings that hold for networks of files alone, and those that stand for others. */
const OF_FILES: readonly SettingName[] = ["input", "output"];
const EXPANDED: readonly SettingName[] = ["recipe", "config", "architecture"];

function otherValue(name: SettingName, { type, flag }: Setting): string {
  const isReadable = (text: string) => {
    try {
      type.read?.(flag!)(text);
      return true;
    } catch {
      return false;
    }
  };
  return OTHER[name] ?? ["0.5", "3"].find(isReadable)!;
}

describe("each setting", () => {
  const ofTraining = entries.filter(
    ([, { flag, verbs }]) => flag !== undefined && verbs?.train !== undefined,
  );

  it.each(ofTraining)(
    "%s arrives where it is to be, and changes the run where it says so",
    async (name, entry) => {
      const owner = optimisers.find(({ settings }) => Object.hasOwn(settings, name));
      const needed = owner === undefined ? [] : ["--optimiser", owner.name];
      if (name === "checkOptions") needed.push("--check", "shuffle");
      if (name === "ruleOptions") needed.push("--rule", "rigl");
      const model = OF_FILES.includes(name) ? "net.onnx" : "lenet5";
      const ofDense = name === "narrowToDensity";
      const kind = ofDense ? ["--method", "dense"] : ["--density", "0.25"];
      const base = [model, ...kind, ...needed].join(" ");
      const line = `${base} ${flagName(name)}${entry.type.read === undefined ? "" : ` ${otherValue(name, entry)}`}`;
      const { values, given } = settingsOf("train", line.split(" ")).settings;
      expect(values).toHaveProperty(name);
      expect([...given]).toContain(name);
      if (EXPANDED.includes(name)) return;
      const [before, after] = [await runOf("train", base), await runOf("train", line)];
      expect(name in after.config).toBe(isOwn(entry));
      const isSame = before.folder.split("/").at(-1) === after.folder.split("/").at(-1);
      expect(isSame).toBe(!isOwn(entry) || entry.identity === "content");
    },
  );

  it("is in the schema of sweep files with what it may be", () => {
    const { properties } = sweepJsonSchema(sweepShape, ["pool"]) as {
      properties: { settings: { properties: Record<string, { description?: string }> } };
    };
    const described = properties.settings.properties;
    const own = entries.filter(
      ([, entry]) => (isOwn(entry) && entry.identity !== "seed") || entry.identity === "expanded",
    );
    expect(Object.keys(described)).toEqual(own.map(([name]) => name));
    for (const [name] of own) expect(described[name]!.description, name).toMatch(/\w/);
  });
});

/** The tables of docs/settings.md, by heading. */
const COLUMNS = ["option", "in files", "what it is", "what it may be", "unless given", "of a run"];
const LIBRARY = { z, datasets: datasets.map(({ name }) => name) };
const MOST_WORDS = 110;

/** In the words of messages; of long lists, what they list. */
function whatItMayBe({ type, unit }: Setting): string {
  const words = type.schema?.(LIBRARY).description ?? "";
  const short = words.length > MOST_WORDS ? words.split(": ")[0]! : words;
  return unit === undefined ? short : `${short}; ${unit}`;
}

function settingRow(name: SettingName, entry: Setting): string[] {
  const { flag = `<${name}>`, help, negatedHelp } = entry;
  const usual = entry.default ?? entry.follows?.({ method: DENSE });
  const inFiles = isOwn(entry) || entry.identity === "expanded" ? `\`${name}\`` : "";
  const words = [
    help,
    ...(negatedHelp ? [`\`${flagName(name).replace("--", "--no-")}\`: ${negatedHelp}`] : []),
  ];
  const given = usual === undefined ? "" : typeof usual === "object" ? JSON.stringify(usual) : `${usual}`;
  return [
    isOwn(entry) && entry.flag === undefined && !entry.required ? "" : `\`${flag}\``,
    inFiles,
    words.join("; "),
    whatItMayBe(entry),
    entry.follows ? `${given} for ${DENSE}` : given,
    entry.identity ?? "",
  ].map((cell) => cell.replaceAll("|", "\\|"));
}

it("docs/settings.md has every setting of phew train and imp, as the table has it", async () => {
  const page = file("../../../docs/settings.md");
  let text = readFileSync(page, "utf8");
  for (const [heading, group] of Object.entries(GROUPS)) {
    const rows = (Object.entries(group) as [SettingName, Setting][])
      .filter(([, { verbs, identity }]) => identity !== undefined || verbs?.train || verbs?.imp)
      .map(([name, entry]) => `| ${settingRow(name, entry).join(" | ")} |`);
    const start = text.indexOf(`\n## ${heading}\n`);
    expect(start, `the heading ${heading}`).toBeGreaterThan(0);
    const from = text.indexOf("\n|", start) + 1;
    const table = [`| ${COLUMNS.join(" | ")} |`, `|${"---|".repeat(COLUMNS.length)}`, ...rows];
    text = text.slice(0, from) + table.join("\n") + text.slice(text.indexOf("\n\n", from));
  }
  await expect(text).toMatchFileSnapshot(page);
});

/** How names and tables tell a setting. */
function wordsOf(name: SettingName, { inNames, flag, identity, default: usual }: Setting): SettingWord {
  const owners = optimisers.filter(({ settings }) => Object.hasOwn(settings, name));
  const value = name === "optimiser" ? optimisers[0]!.name : usual;
  const own = owners.map((each) => [each.name, each.settings[name]!.default] as const);
  return {
    key: name,
    label:
      flag === undefined
        ? name
        : flagName(name)
            .replace(/^--(no-)?/, "")
            .replaceAll("-", " "),
    ...inNames,
    ...(identity === "seed" || identity === "content" ? { is: identity } : {}),
    ...(owners.length > 0
      ? { defaultOf: Object.fromEntries(own) }
      : value === undefined || inNames?.isBare
        ? {}
        : { default: value }),
  };
}

it("the words that name runs are those of the table", async () => {
  const own = entries.filter(([name, entry]) => isOwn(entry) && name !== "sourceDigests");
  const lines = own.map(([name, entry]) => {
    const members = Object.entries(wordsOf(name, entry)).map(([key, value]) => `${key}: ${literal(value)}`);
    return `  { ${members.join(", ")} },\n`;
  });
  const text = `/** Words for settings: generated from apps/runner/src/settings by its test; see docs/adding-a-setting.md. */
import type { SettingWord } from "./settingWord.ts";

export const SETTING_WORDS: readonly SettingWord[] = [
${lines.join("")}];
`;
  await expect(text).toMatchFileSnapshot(file("../../../packages/runs/src/configurations/settingWords.ts"));
});

it("the defaults of options that filters know are those of the methods and checks", async () => {
  const initials = (all: Iterable<readonly [string, { readonly options: Record<string, OptionSpec> }]>) =>
    Object.fromEntries(Array.from(all, ([name, { options }]) => [name, initialsOf(options)]));
  const ofParts = Object.fromEntries(
    Object.entries(RULE_PARTS).map(([kind, parts]) => [
      kind,
      initials(parts.map((part) => [part.name, part])),
    ]),
  );
  const ofRules = rules.map(({ name, schedule, budget, drop, grow, initial = {} }) => {
    const parts = { schedule: schedule.name, budget: budget.name, drop: drop.name, grow: grow.name };
    return [name, { ...parts, ...initial }];
  });
  const owners = {
    options: initials(pruners),
    checkOptions: initials(checks),
    ruleOptions: Object.fromEntries(ofRules),
  };
  const text = `/** Defaults of the options of each method, check and rule: generated by apps/runner/test/settings.test.ts. */
type Defaults = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/** Of a rule its parts, and what it sets of their options. */
export const OPTION_DEFAULTS: Readonly<Record<${union(owners)}, Defaults>> = {
${blocks(owners)}};

/** Of the parts of rules, where the rule sets nothing else. */
export const PART_OPTION_DEFAULTS: Readonly<Record<${union(ofParts)}, Defaults>> = {
${blocks(ofParts)}};
`;
  await expect(text).toMatchFileSnapshot(file("../../../packages/runs/src/configurations/optionDefaults.ts"));
});

describe("an option at its default", () => {
  const [usual] = recorded.map(({ config }) => config as TrainConfig);
  const place = { root: "runs", experiment: "e" };
  const folderOf = (config: Partial<TrainConfig>) =>
    runFolderOf(identityOf({ ...usual!, method: "phew", density: 0.05, options: {}, ...config }, place));

  it("is the same run as one that is not said, and another value is not", () => {
    expect(folderOf({ options: { bias: "magnitude" } })).toBe(folderOf({}));
    expect(folderOf({ options: { bias: "square", branching: "equal" } })).toBe(
      folderOf({ options: { bias: "square" } }),
    );
    expect(folderOf({ options: { bias: "square" } })).not.toBe(folderOf({}));
    for (const [name, { options }] of checks)
      expect(folderOf({ check: name, checkOptions: initialsOf(options) }), name).toBe(
        folderOf({ check: name }),
      );
    for (const { name } of rules)
      expect(folderOf({ rule: name, ruleOptions: ruleDefaults(name, {}) }), name).toBe(
        folderOf({ rule: name }),
      );
  });

  const partsOfRules = rules.flatMap(({ name }) =>
    Object.entries(RULE_PARTS).flatMap(([kind, parts]) =>
      parts.map((part) => ({ rule: name, given: { [kind]: part.name } })),
    ),
  );

  it("is the same configuration, in names and means too, of rules with each part", () => {
    let countedParts = 0;
    for (const { rule, given } of [
      ...rules.map(({ name }) => ({ rule: name, given: {} })),
      ...partsOfRules,
    ]) {
      let defaults: ReturnType<typeof ruleDefaults>;
      try {
        defaults = ruleDefaults(rule, given);
      } catch {
        // parts that do not go together
        continue;
      }
      const run = (id: string, ruleOptions: object) => ({
        id,
        experiment: "e",
        config: { rule, ruleOptions },
      });
      const all = configurationsOf([run("a", given), run("b", { ...defaults, ...given })]);
      expect(all.columns, `${rule} ${JSON.stringify(given)}`).toEqual([]);
      expect(all.all).toHaveLength(1);
      const [number] = Object.entries(defaults).filter(([, value]) => typeof value === "number");
      if (number === undefined) continue;
      const other = configurationsOf([run("a", given), run("b", { ...given, [number[0]]: 0.123 })]);
      expect(other.all, `${rule} ${number[0]}`).toHaveLength(2);
      countedParts++;
    }
    expect(countedParts).toBeGreaterThan(rules.length);
  });
});

type Blocks = Readonly<Record<string, Readonly<Record<string, object>>>>;

const union = (all: Blocks) =>
  Object.keys(all)
    .map((key) => `"${key}"`)
    .join(" | ");

function blocks(all: Blocks): string {
  return Object.entries(all)
    .map(([key, owners]) => {
      const each = Object.entries(owners).map(([name, options]) => {
        const lines = Object.entries(options).map(
          ([option, value]) => `      ${keyText(option)}: ${literal(value)},\n`,
        );
        return `    ${keyText(name)}: ${lines.length === 0 ? "{}" : `{\n${lines.join("")}    }`},\n`;
      });
      return `  ${key}: {\n${each.join("")}  },\n`;
    })
    .join("");
}

const keyText = (key: string) => (/^[A-Za-z]\w*$/.test(key) ? key : JSON.stringify(key));

/** As the formatter writes it. */
function literal(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  const members = Object.entries(value).map(([key, each]) => `${key}: ${literal(each)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
