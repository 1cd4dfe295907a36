/**
 * Options of methods, checks and rules that are given at their default: a run that says them is the run that does not, and
 * has its folder.
 */
import { checks, type OptionSpec, type OptionValue, pruners } from "@phew/core";
import { ruleDefaults } from "@phew/training/settings";

type Options = Readonly<Record<string, OptionValue>>;

/** What a configuration has of them. */
interface Chosen {
  readonly method: string;
  readonly options: Options;
  readonly check?: string | undefined;
  readonly checkOptions?: Options | undefined;
  readonly rule?: string | undefined;
  readonly ruleOptions?: Options | undefined;
}

/** The configuration without them. @throws ArgumentError for an unknown rule, or an unknown part of one */
export function withoutUsualOptions<C extends Chosen>(config: C): C {
  const { method, options, check, checkOptions = {}, rule, ruleOptions = {} } = config;
  const ofCheck = changed(checkOptions, initialsOf(check === undefined ? {} : checks.get(check)?.options));
  const ofRule = changed(ruleOptions, rule === undefined ? {} : ruleDefaults(rule, ruleOptions));
  const kept: Chosen = {
    ...config,
    options: changed(options, initialsOf(pruners.get(method)?.options)),
    checkOptions: isEmpty(ofCheck) ? undefined : ofCheck,
    ruleOptions: isEmpty(ofRule) ? undefined : ofRule,
  };
  // no key that the configuration lacks
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)) as unknown as C;
}

/** The default of each option. */
export function initialsOf(specs: Readonly<Record<string, OptionSpec>> = {}): Options {
  return Object.fromEntries(Object.entries(specs).map(([name, { initial }]) => [name, initial]));
}

function changed(given: Options, usual: Options): Options {
  return Object.fromEntries(Object.entries(given).filter(([name, value]) => usual[name] !== value));
}

const isEmpty = (options: Options) => Object.keys(options).length === 0;
