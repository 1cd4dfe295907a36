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
  varying.sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1));
  return new Map(varying.map((key) => [key, textsOf(key, many)]));
}

function textsOf(key: string, many: readonly Facts[]): Texts {
  const facts = many.flatMap((each) => each.get(key) ?? []);
  const texts = new Map(facts.map((fact) => [fact.identity, shownValue(key, fact)]));
  const all = [...texts.values()];
  for (const [identity, text] of texts)
    if (all.filter((other) => other === text).length > 1) texts.set(identity, exactText(key, text, identity));
  return texts;
}

const shownValue = (key: string, { value }: Fact) => shortened(valueText(key, value), LONGEST_VALUE);

/** For files of the same name, by their contents; for numbers that round to the same text, with all digits. */
function exactText(key: string, text: string, identity: string): string {
  const [, digest] = /^"sha256:(.{6})/.exec(identity) ?? [];
  return digest !== undefined && isContent(key) ? `${text}:${digest}` : identity;
}

/**
 * Different names for all: files are included only if nothing else distinguishes them. @param ids unique in any case
 */
export function namesOf(many: readonly Facts[], varying: Varying, ids: readonly string[]): string[] {
  const keys = varying.size > 0 ? [...varying.keys()] : [...(many[0]?.keys() ?? [])].filter(isOfMethod);
  const plain = keys.filter((key) => !isContent(key) && key !== DATA);
  const files = keys.filter((key) => !plain.includes(key));
  const textOf = (key: string, fact: Fact) => varying.get(key)?.get(fact.identity) ?? shownValue(key, fact);
  let names = many.map((facts) => partsOf(facts, plain, textOf, true).join(BETWEEN));
  const told = (more: (k: number) => readonly string[]) => {
    const isTwice = (name: string) => names.indexOf(name) !== names.lastIndexOf(name);
    names = names.map((name, k) => (isTwice(name) ? [name, ...more(k)].filter(Boolean).join(BETWEEN) : name));
  };
  told((k) => partsOf(many[k]!, files, textOf, true));
  names = names.map((name, k) => name || (keys.length > 0 ? `${labelOf(keys[0]!)} unset` : ids[k]!));
  told((k) => [ids[k]!]);
  return names;
}

/** What none differs in, but for defaults. */
export function sharedText([first]: readonly Facts[], varying: Varying): string {
  if (first === undefined) return "";
  const keys = [...first].flatMap(([key, fact]) =>
    varying.has(key) || key === EXPERIMENT || (fact.isDefault && !isBare(key)) ? [] : [key],
  );
  return partsOf(first, keys, shownValue, false).join(BETWEEN);
}

type TextOf = (key: string, fact: Fact) => string;

/** @param withMethod options follow the method that has them */
function partsOf(facts: Facts, keys: readonly string[], textOf: TextOf, withMethod: boolean): string[] {
  const ofMethod = keys.filter(isOfMethod);
  return keys.flatMap((key) => {
    if (ofMethod.includes(key))
      return key === ofMethod[0] ? methodPart(facts, ofMethod, textOf, withMethod) : [];
    const fact = facts.get(key);
    return fact === undefined ? [] : [labelled(key, fact, textOf(key, fact))];
  });
}

function labelled(key: string, { value }: Fact, text: string): string {
  if (isBare(key)) return text;
  if (typeof value === "boolean") return value ? labelOf(key) : `no ${labelOf(key)}`;
  return `${labelOf(key)} ${text}`;
}

function isOfMethod(key: string): boolean {
  return key === "method" || key === "check" || key === "density" || isOption(key);
}

/** "phew+shuffle 5 % bias=square", of which only what is among the keys. */
function methodPart(facts: Facts, keys: readonly string[], textOf: TextOf, withMethod: boolean): string[] {
  const has = (key: string) => keys.includes(key);
  const text = (key: string) => {
    const fact = facts.get(key);
    return fact && textOf(key, fact);
  };
  const options = keys.filter(isOption);
  const method =
    has("method") || (withMethod && (has("check") || options.length > 0)) ? text("method") : undefined;
  const check = has("check") || options.some((key) => key.startsWith("check")) ? text("check") : undefined;
  const density = has("density") && method !== DENSE ? text("density") : undefined;
  const head = method === undefined ? check && `check ${check}` : check ? `${method}+${check}` : method;
  const told = options.flatMap((key) => (facts.has(key) ? [`${labelOf(key)}=${text(key)}`] : []));
  const parts = [head, density, ...told].filter((part) => part !== undefined);
  return parts.length === 0 ? [] : [parts.join(" ")];
}
