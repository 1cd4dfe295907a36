/**
 * A run's settings one by one, in comparable form: defaults are filled in, and files are compared by their contents.
 */
import { basename } from "node:path";
import { isRecord } from "@phew/core/fields";
import { formatPercent } from "@phew/core/messages";
import { canonicalJson, type RunConfig } from "../canonicalJson.ts";
import { OPTION_DEFAULTS, PART_OPTION_DEFAULTS } from "./optionDefaults.ts";
import type { SettingWord } from "./settingWord.ts";
import { SETTING_WORDS } from "./settingWords.ts";

export interface Fact {
  /** Equal for equal values. */
  readonly identity: string;
  readonly value: unknown;
  readonly isDefault: boolean;
  /** Of a file that is compared by what it holds: where it lies. */
  readonly path?: string;
}

/** By setting: those of the table in its order, then others. An option of a method is one of its own, `options.bias`. */
export type Facts = ReadonlyMap<string, Fact>;

/** Folder and data of a run: they are not settings, but distinguish runs. */
export const EXPERIMENT = "experiment";
export const DATA = "data";

const DIGESTS = "sourceDigests";
const MODEL = "model";
/** Settings that are objects of settings. */
export const NESTED: readonly string[] = ["options", "checkOptions", "ruleOptions"];
const OF_METHOD: readonly string[] = ["options", "checkOptions"];
const words = new Map<string, SettingWord>(SETTING_WORDS.map((entry) => [entry.key, entry]));
const places = [EXPERIMENT, ...words.keys()];
const usualIdentities = new Map(
  SETTING_WORDS.flatMap((entry) =>
    entry.default === undefined ? [] : [[entry.key, identityOf(entry.default)] as const],
  ),
);
const known = new WeakMap<RunConfig, ConfigFacts>();

export interface ConfigFacts {
  readonly facts: Facts;
  /** Equal for configurations that are the same. */
  readonly identity: string;
}

/** By the text of a configuration without its seed: those of a sweep's seeds are told apart once. */
const ofText = new Map<string, ConfigFacts>();
/** So many configurations are remembered; then it begins anew. */
const MOST_TEXTS = 10_000;

/** @param config as in `config.json`; each is read once */
export function factsOf(config: RunConfig): ConfigFacts {
  const before = known.get(config);
  if (before) return before;
  const text = JSON.stringify({ ...config, seed: undefined });
  const found = ofText.get(text) ?? readFacts(config);
  known.set(config, found);
  if (ofText.size >= MOST_TEXTS) ofText.clear();
  // numbers that JSON has not are null in the text
  if (!text.includes("null")) ofText.set(text, found);
  return found;
}

function readFacts(config: RunConfig): ConfigFacts {
  const others = Object.keys(config).filter((key) => !words.has(key) && key !== DIGESTS);
  const facts = new Map<string, Fact>();
  for (const key of [...words.keys(), ...others.sort()])
    for (const [name, fact] of factsOfKey(config, key)) facts.set(name, fact);
  return { facts, identity: identityOfAll(facts) };
}

export function identityOfAll(facts: Facts): string {
  // no identity has a line break
  return Array.from(facts, ([key, { identity }]) => `${key}\n${identity}`).join("\n");
}

function factsOfKey(config: RunConfig, key: string): (readonly [string, Fact])[] {
  const { is } = words.get(key) ?? {};
  const usual = defaultOf(key, config);
  const value = settingValue(key, config) ?? usual;
  if (is === "seed" || value === undefined || value === null) return [];
  if (NESTED.includes(key) && isRecord(value)) {
    const options = Object.entries(value)
      .filter(([name, each]) => each !== optionDefault(key, name, config))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return options.map(([name, each]) => [`${key}.${name}`, factOf(each)]);
  }
  const digest = digestOf(key, config);
  const identity = identityOf(digest ?? value);
  const place = config[key];
  const isDefault = usual !== undefined && (usualIdentities.get(key) ?? identityOf(usual)) === identity;
  return [
    [
      key,
      {
        identity,
        value,
        isDefault,
        ...(digest !== undefined && typeof place === "string" && { path: place }),
      },
    ],
  ];
}

/** Of the file that a setting names; undefined for other settings, and for networks of the zoo. */
function digestOf(key: string, config: RunConfig): unknown {
  const digests = config[DIGESTS];
  const isFile = key === MODEL || words.get(key)?.is === "content";
  return isFile && isRecord(digests) ? digests[key] : undefined;
}

/** The value of a setting, undefined where the configuration lacks it; of a model's file its name without folders. */
export function settingValue(key: string, config: RunConfig): unknown {
  const value = config[key];
  return key === MODEL && typeof value === "string" && digestOf(key, config) !== undefined
    ? basename(value)
    : value;
}

/** The network of a run in few words: its name in the zoo, or that of its file. */
export function modelName(config: RunConfig): string | undefined {
  const name = settingValue(MODEL, config);
  return typeof name === "string" ? name : undefined;
}

export function factOf(value: unknown): Fact {
  return { identity: identityOf(value), value, isDefault: false };
}

/** A file may hold 1e999, which is no number that JSON has. */
function identityOf(value: unknown): string {
  // the most, and quick
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean" || Number.isFinite(value)) return `${value}`;
  try {
    return canonicalJson(value);
  } catch {
    return `${JSON.stringify(value)} ${value}`;
  }
}

/** The value of a setting that a configuration does not have; undefined if it is unknown. */
export function defaultOf(key: string, { optimiser }: RunConfig): unknown {
  const { default: usual, defaultOf: own } = words.get(key) ?? {};
  if (own === undefined) return usual;
  const name = optimiser ?? words.get("optimiser")?.default;
  return typeof name === "string" && Object.hasOwn(own, name) ? own[name] : undefined;
}

/** The setting that has the options in its name, "options" the method. */
const OWNERS = { options: "method", checkOptions: "check", ruleOptions: "rule" } as const;

/** The default of an option of method, check or rule of a configuration; undefined where that has no such option. */
export function optionDefault(key: string, name: string, config: RunConfig): unknown {
  if (!(key in OWNERS)) return undefined;
  const owner = config[OWNERS[key as keyof typeof OWNERS]];
  const own = ownOf(OPTION_DEFAULTS[key as keyof typeof OPTION_DEFAULTS], owner);
  const usual = ownOf(own, name);
  return usual === undefined && key === "ruleOptions" ? partOptionDefault(name, own, config) : usual;
}

/** Of an option that a rule leaves to its parts: those that are given, or its own. */
function partOptionDefault(name: string, rule: unknown, { ruleOptions }: RunConfig): unknown {
  for (const [kind, parts] of Object.entries(PART_OPTION_DEFAULTS)) {
    const usual = ownOf(ownOf(parts, ownOf(ruleOptions, kind) ?? ownOf(rule, kind)), name);
    if (usual !== undefined) return usual;
  }
  return undefined;
}

function ownOf(value: unknown, name: unknown): unknown {
  return isRecord(value) && typeof name === "string" && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** True if some method, check or rule has the option. */
export function isKnownOption(key: string, name: string): boolean {
  const own = Object.hasOwn(OPTION_DEFAULTS, key) ? OPTION_DEFAULTS[key as keyof typeof OPTION_DEFAULTS] : {};
  const ofParts =
    key === "ruleOptions" ? Object.values(PART_OPTION_DEFAULTS).flatMap((parts) => Object.values(parts)) : [];
  return [...Object.values(own), ...ofParts].some((options) => Object.hasOwn(options, name));
}

/** Position of the setting among the others. */
export function placeOf(key: string): number {
  const place = places.indexOf(isNested(key) ? key.slice(0, key.indexOf(".")) : key);
  return place < 0 ? places.length : place;
}

/** True of an option of a method or a check. */
export function isOption(key: string): boolean {
  return OF_METHOD.some((name) => key.startsWith(`${name}.`));
}

/** True of an option of anything. */
function isNested(key: string): boolean {
  return NESTED.some((name) => key.startsWith(`${name}.`));
}

/** Name of the setting for people: "train count", for an option "bias". */
export function labelOf(key: string): string {
  return words.get(key)?.label ?? (isNested(key) ? key.slice(key.indexOf(".") + 1) : key);
}

export function isBare(key: string): boolean {
  return key === EXPERIMENT || words.get(key)?.isBare === true;
}

export function isPercent(key: string): boolean {
  return words.get(key)?.isPercent === true;
}

/** True for a setting that names a file. */
export function isContent(key: string): boolean {
  return key === DATA || words.get(key)?.is === "content";
}

/** The value as it is read, without its label. */
export function valueText(key: string, value: unknown): string {
  if (typeof value === "number" && isPercent(key)) return formatPercent(value, 4);
  if (key === DATA) return `${value}`.replace("sha256:", "").slice(0, 6);
  if (typeof value === "string") return isContent(key) ? basename(value) : value;
  if (!Array.isArray(value)) return identityOf(value);
  return value.length === 0 ? "none" : value.map((each) => valueText("", each)).join(",");
}
