/** Names that stand in the wrong place of a sweep file: options without those that have them, settings above all. */
import { checks, pruners } from "@phew/core";
import type { UnknownName } from "@phew/runs/sweeps";
import { budgets, drops, grows, ruleDefaults, rules, schedules } from "@phew/training/settings";
import { sweepShape } from "./files.ts";

interface Owner {
  readonly name: string;
  /** The setting that holds its options. */
  readonly setting: "options" | "checkOptions" | "ruleOptions";
  readonly kind: "method" | "check" | "rule" | "part";
  readonly optionNames: readonly string[];
}

const owners: readonly Owner[] = [
  ...Array.from(pruners, ([name, { options = {} }]): Owner => {
    return { name, setting: "options", kind: "method", optionNames: Object.keys(options) };
  }),
  ...Array.from(checks, ([name, { options = {} }]): Owner => {
    return { name, setting: "checkOptions", kind: "check", optionNames: Object.keys(options) };
  }),
  ...rules.map(({ name }): Owner => {
    return { name, setting: "ruleOptions", kind: "rule", optionNames: Object.keys(ruleDefaults(name, {})) };
  }),
  // of rules that have such a part
  ...[...schedules, ...budgets, ...drops, ...grows].map(({ name, options }): Owner => {
    return { name, setting: "ruleOptions", kind: "part", optionNames: Object.keys(options) };
  }),
];

const KINDS = {
  method: ["method", "methods"],
  check: ["check", "checks"],
  rule: ["rule", "rules"],
  part: ["part of a rule", "parts of rules"],
} as const;

export const misplacedName: UnknownName = (name, value, place) => {
  if (place === "" && Object.hasOwn(sweepShape, name)) {
    return {
      given: "a setting outside of settings, grid, zip and list",
      expected: "it in one of them",
      remedy: Array.isArray(value)
        ? `Put it into "grid": { "${name}": ${JSON.stringify(value)} }.`
        : `Put it into "settings": { "${name}": ${JSON.stringify(value)} }.`,
    };
  }
  const own = owners.filter(({ optionNames }) => optionNames.includes(name));
  const [first] = own;
  if (first === undefined) return undefined;
  const { setting, kind } = first;
  const names = [...new Set(own.flatMap((owner) => (owner.kind === kind ? [owner.name] : [])))];
  const example = (each: unknown) => `{ "${name}": ${JSON.stringify(each)} }`;
  const written = Array.isArray(value) ? `[${value.map(example).join(", ")}]` : example(value);
  return {
    given: `an option of the ${KINDS[kind][Number(names.length > 1)]} ${names.join(", ")}`,
    expected: `it under "${setting}"`,
    remedy: `Write "${setting}": ${written}.`,
  };
};
