/** Names of configurations, from the settings that vary; and the settings that all share. */
import { shortened } from "@phew/core/shortened";
import {
  DATA,
  EXPERIMENT,
  type Fact,
  type Facts,
  isBare,
  isContent,
  isOption,
  labelOf,
  placeOf,
  valueText,
} from "./facts.ts";

/** Texts for the values of a setting, by their identity, all different. */
type Texts = ReadonlyMap<string, string>;

/** The settings in which some of many differ, in the order of their table. */
export type Varying = ReadonlyMap<string, Texts>;

const BETWEEN = " · ";
const LONGEST_VALUE = 60;
const DENSE = "dense";

/** @param many the settings of each configuration */
export function varyingSettings(many: readonly Facts[]): Varying {
  const keys = [...new Set(many.flatMap((facts) => [...facts.keys()]))];
  const varying = keys.filter((key) => new Set(many.map((facts) => facts.get(key)?.identity)).size > 1);
  return new Map(sorted(varying).map((key) => [key, textsOf(key, many)]));
}

/** Each setting once, in the order of their table. */
export function sorted(keys: readonly string[]): string[] {
  return [...new Set(keys)].sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1));
}

function textsOf(key: string, many: readonly Facts[]): Texts {
  const facts = many.flatMap((each) => each.get(key) ?? []);
  const texts = new Map(facts.map((fact) => [fact.identity, shownValue(key, fact)]));
  const counts = new Map<string, number>();
  for (const text of texts.values()) counts.set(text, (counts.get(text) ?? 0) + 1);
  const alike = [...texts].filter(([, text]) => counts.get(text)! > 1);
  const paths = new Map(facts.map(({ identity, path }) => [identity, path]));
  const places = filePlaces(alike.map(([identity]) => paths.get(identity)));
  for (const [k, [identity, text]] of alike.entries())
    texts.set(identity, places?.[k] ?? exactText(text, identity));
  return texts;
}

/** Most folders that stand before the name of a file. */
const MOST_FOLDERS = 3;

/** The last folders of files by which all differ, and their names; undefined where these do not tell. */
function filePlaces(paths: readonly (string | undefined)[]): string[] | undefined {
  const parts = paths.map((path) => path?.split(/[\\/]/));
  if (!parts.every((each) => each !== undefined)) return undefined;
  for (let count = 2; count <= MOST_FOLDERS + 1; count++) {
    const places = parts.map((each) => each.slice(-count).join("/"));
    const isShort = places.every((place) => place.length <= LONGEST_VALUE);
    if (isShort && new Set(places).size === places.length) return places;
  }
  return undefined;
}

const shownValue = (key: string, { value }: Fact) => shortened(valueText(key, value), LONGEST_VALUE);

/** For files of the same name, by their contents; for numbers that round to the same text, with all digits. */
function exactText(text: string, identity: string): string {
  const [, digest] = /^"sha256:(.{6})/.exec(identity) ?? [];
  return digest === undefined ? identity : `${text}:${digest}`;
}

/** A part of a name, with the label of its setting and without. */
interface Part {
  readonly text: string;
  readonly value: string;
}

export interface ConfigurationName {
  readonly whole: string;
  /** The values alone, for where there is little room. */
  readonly compact: string;
}

/** Whole names of which no two are alike: files stand in them where nothing else tells. @param ids what tells in any case */
export function namesOf(
  many: readonly Facts[],
  varying: Varying,
  ids: readonly string[],
): readonly ConfigurationName[] {
  const keys = varying.size > 0 ? [...varying.keys()] : [...(many[0]?.keys() ?? [])].filter(isOfMethod);
  const plain = keys.filter((key) => !isContent(key) && key !== DATA);
  const files = keys.filter((key) => !plain.includes(key));
  const textOf = (key: string, fact: Fact) => varying.get(key)?.get(fact.identity) ?? shownValue(key, fact);
  let parts = many.map((facts) => partsOf(facts, plain, textOf, true));
  const tellApart = (more: (k: number) => readonly Part[]) => {
    const counts = new Map<string, number>();
    const wholes = parts.map(wholeName);
    for (const name of wholes) counts.set(name, (counts.get(name) ?? 0) + 1);
    parts = parts.map((own, k) => (counts.get(wholes[k]!)! > 1 ? [...own, ...more(k)] : own));
  };
  tellApart((k) => partsOf(many[k]!, files, textOf, true));
  const [first] = keys;
  const unset = first === undefined ? undefined : sameText(`${labelOf(first)} unset`);
  parts = parts.map((own, k) => (own.length > 0 ? own : [unset ?? sameText(ids[k]!)]));
  tellApart((k) => [sameText(ids[k]!)]);
  return parts.map((own) => ({ whole: wholeName(own), compact: own.map(({ value }) => value).join(" ") }));
}

const wholeName = (parts: readonly Part[]) => parts.map(({ text }) => text).join(BETWEEN);
const sameText = (text: string): Part => ({ text, value: text });

/** What none differs in, but for defaults. */
export function sharedText([first]: readonly Facts[], varying: Varying): string {
  if (first === undefined) return "";
  const keys = [...first].flatMap(([key, fact]) =>
    varying.has(key) || key === EXPERIMENT || (fact.isDefault && !isBare(key)) ? [] : [key],
  );
  return wholeName(partsOf(first, keys, shownValue, false));
}

/** A setting in which runs do not differ. */
export interface SameSetting {
  readonly title: string;
  readonly text: string;
  readonly isDefault: boolean;
}

/** Each by itself, with those at their defaults. */
export function sameSettings([first]: readonly Facts[], varying: Varying): SameSetting[] {
  return [...(first ?? [])].flatMap(([key, fact]) =>
    varying.has(key) || key === EXPERIMENT
      ? []
      : [{ title: labelOf(key), text: shownValue(key, fact), isDefault: fact.isDefault }],
  );
}

type TextOf = (key: string, fact: Fact) => string;

/** @param withMethod options follow the method that has them */
function partsOf(facts: Facts, keys: readonly string[], textOf: TextOf, withMethod: boolean): Part[] {
  const ofMethod = keys.filter(isOfMethod);
  return keys.flatMap((key) => {
    if (ofMethod.includes(key))
      return key === ofMethod[0] ? methodPart(facts, ofMethod, textOf, withMethod) : [];
    const fact = facts.get(key);
    return fact === undefined ? [] : [labelled(key, fact, textOf(key, fact))];
  });
}

function labelled(key: string, { value }: Fact, text: string): Part {
  if (isBare(key)) return sameText(text);
  if (typeof value === "boolean") return sameText(value ? labelOf(key) : `no ${labelOf(key)}`);
  return { text: `${labelOf(key)} ${text}`, value: text };
}

function isOfMethod(key: string): boolean {
  return key === "method" || key === "check" || key === "density" || isOption(key);
}

/** "phew+shuffle 5 % bias=square", of which only what is among the keys. */
function methodPart(facts: Facts, keys: readonly string[], textOf: TextOf, withMethod: boolean): Part[] {
  const has = (key: string) => keys.includes(key);
  const text = (key: string) => {
    const fact = facts.get(key);
    return fact && textOf(key, fact);
  };
  const options = keys.filter(isOption);
  const method =
    has("method") || (withMethod && (has("check") || options.length > 0)) ? text("method") : undefined;
  const check = has("check") || options.some((key) => key.startsWith("check")) ? text("check") : undefined;
  // a rule finds less: the whole network is its bound
  const isBound = facts.has("rule") && facts.get("density")?.value === 1;
  const density = has("density") && method !== DENSE ? (isBound ? "auto" : text("density")) : undefined;
  const head = method === undefined ? check && `check ${check}` : check ? `${method}+${check}` : method;
  const optionTexts = options.flatMap((key) => (facts.has(key) ? [`${labelOf(key)}=${text(key)}`] : []));
  // a bare percentage says nothing of itself where no method stands before it and no other name beside it
  const densityText = density && head === undefined && !withMethod ? `density ${density}` : density;
  const parts = [head, densityText, ...optionTexts].filter((part) => part !== undefined);
  return parts.length === 0 ? [] : [sameText(parts.join(" "))];
}
