/** A rule with its options, checked. */
import { ArgumentError, completeOptions, type OptionSpec, type OptionValue, unknownName } from "@phew/core";
import { budgets, drops, grows, rules, schedules } from "./registry.ts";
import type { Budget, Drop, Grow, Options, Schedule } from "./rule.ts";

export interface RuleOptions {
  /** As in registry.ts. */
  readonly name: string;
  /** Those that are absent have the rule's values. `drop`, `grow`, `schedule` and `budget` name other parts. */
  readonly options?: Readonly<Record<string, OptionValue>> | undefined;
}

/** A rule that can be carried out. */
export interface ChosenRule {
  readonly name: string;
  readonly schedule: Schedule;
  readonly budget: Budget;
  readonly drop: Drop;
  readonly grow: Grow;
  /** All options of its parts, by name. */
  readonly options: Options;
}

const PARTS = { schedule: schedules, budget: budgets, drop: drops, grow: grows } as const;
type Kind = keyof typeof PARTS;
const KINDS = Object.keys(PARTS) as Kind[];

/**
 * @throws ArgumentError if the rule or a part is unknown, an option is not the rule's or out of range, or parts do not go
 * together
 */
export function chosenRule({ name, options = {} }: RuleOptions): ChosenRule {
  const rule = rules.find((other) => other.name === name);
  if (rule === undefined)
    throw unknownName(
      "rule",
      name,
      rules.map((known) => known.name),
    );
  const parts = Object.fromEntries(
    KINDS.map((kind) => [kind, partOf(kind, name, options[kind], rule[kind])]),
  ) as unknown as Pick<ChosenRule, Kind>;
  const specs = specsOf(parts, rule.initial ?? {});
  const own = Object.fromEntries(Object.entries(options).filter(([key]) => !KINDS.includes(key as Kind)));
  const chosen = { name, ...parts, options: completeOptions({ name, options: specs }, own) };
  requireTogether(chosen);
  return chosen;
}

/** True if it asks for gradients by weights at a change. */
export function asksForGradients({ drop, grow, options }: ChosenRule): boolean {
  return grow.byGradient(options) || drop.usesGradients?.(options) === true;
}

/** The options of a rule, those that name its parts first. @throws ArgumentError for an unknown rule */
export function ruleOptions(name: string): Readonly<Record<string, OptionSpec>> {
  const { schedule, budget, drop, grow } = chosenRule({ name });
  const parts = { schedule, budget, drop, grow };
  const initial = rules.find((rule) => rule.name === name)!.initial ?? {};
  const kinds = KINDS.map((kind) => [
    kind,
    {
      kind: "choice",
      choices: PARTS[kind].map((part) => part.name),
      initial: parts[kind].name,
      help: `another ${kind}`,
    },
  ]);
  return { ...(Object.fromEntries(kinds) as Record<string, OptionSpec>), ...specsOf(parts, initial) };
}

/** The value of each option of a rule that is not given, with the parts that are. @throws ArgumentError as {@link chosenRule} */
export function ruleDefaults(name: string, given: Options): Options {
  const parts = Object.entries(given).filter(([key]) => KINDS.includes(key as Kind));
  const usual = chosenRule({ name });
  return {
    ...Object.fromEntries(KINDS.map((kind) => [kind, usual[kind].name])),
    ...chosenRule({ name, options: Object.fromEntries(parts) }).options,
  };
}

function partOf(kind: Kind, rule: string, given: OptionValue | undefined, usual: { readonly name: string }) {
  if (given === undefined) return usual;
  const parts: readonly { readonly name: string }[] = PARTS[kind];
  const part = parts.find((other) => other.name === given);
  if (part !== undefined) return part;
  throw unknownName(
    `${rule}: ${kind}`,
    `${given}`,
    parts.map((known) => known.name),
  );
}

/** Options of all parts, with the rule's own values. */
function specsOf(parts: Pick<ChosenRule, Kind>, initial: Options): Record<string, OptionSpec> {
  const specs = Object.assign({}, ...KINDS.map((kind) => parts[kind].options)) as Record<string, OptionSpec>;
  for (const [name, value] of Object.entries(initial))
    if (specs[name] !== undefined) specs[name] = { ...specs[name], initial: value } as OptionSpec;
  return specs;
}

function requireTogether({ name, budget, grow }: ChosenRule): void {
  if (budget.refine === undefined || grow.name === "gradient") return;
  throw new ArgumentError(`${name}: budget`, {
    given: `${budget.name} with grow=${grow.name}`,
    expected: "grow=gradient, whose gradients of all weights it looks at",
  });
}
