/** Fields of an entry in the table of settings. docs/adding-a-setting.md shows an example. */
import type { ArgumentFault } from "@phew/core";
import type { Kind } from "./kinds.ts";

export type Verb =
  | "prune"
  | "analyze"
  | "compare"
  | "predict"
  | "export"
  | "train"
  | "imp"
  | "sweep"
  | "runs"
  | "report"
  | "data"
  | "demo"
  | "bench";

/** Verbs with all settings of training. */
export const TRAINING = { train: {}, imp: {} };

/**
 * How a setting enters the identity of a run:
 *   always     with its value, which a config.json must have;
 *   changed    if its value differs from its default: use it for new settings, since ids of earlier runs stay the
 *   same;
 *   content    with the contents of the file that it names, not its path;
 *   seed       separately: runs that differ only in it belong to one configuration;
 *   expanded   through the settings that it stands for, not itself.
 */
export type Identity = "always" | "changed" | "content" | "seed" | "expanded";

export interface Setting<T = unknown> {
  /** Its kind of value. */
  readonly type: Kind<T>;
  /** In commander's form, `--batch-size <n>` or `--no-nesterov`. Absent: an argument, or in files only. */
  readonly flag?: string;
  readonly help: string;
  /** Help of `--no-…` beside the flag itself, for settings with both. */
  readonly negatedHelp?: string;
  /** What its number counts or measures. */
  readonly unit?: string;
  /** The verbs that have it as an option, with a different help or default if needed. */
  readonly verbs?: Partial<
    Readonly<Record<Verb, { readonly help?: string; readonly default?: T | undefined }>>
  >;
  readonly default?: T;
  /** True if the words of `help` state the default. */
  readonly isDefaultInHelp?: true;
  /** Default computed from other settings; `missing` is the error if none can be computed. */
  readonly follows?: (given: Readonly<Record<string, unknown>>) => T | undefined;
  readonly missing?: { readonly expected: (name: string) => string; readonly remedy: string };
  /** True if a configuration must have it although it has no default. */
  readonly required?: true;
  /** Absent: the setting does not change the results of a run. */
  readonly identity?: Identity;
  /** True if users cannot set a default of their own for it. */
  readonly isPerCall?: true;
  /** In sweep files, as null is, its value for a run that does not have it: a grid names each of its runs. */
  readonly leftOut?: string;
  /** The setting that it belongs to. A user's default for it is ignored if that one is on the command line. */
  readonly belongsTo?: string;
  /** True if recipes may set it. */
  readonly inRecipes?: true;
  /** Compatibility with other settings: the error if they conflict, reported before anything starts. */
  readonly conflict?: (settings: Readonly<Record<string, unknown>>) => ArgumentFault | undefined;
  /** What messages call it; its name unless given. */
  readonly noun?: string;
  /** Form in names of runs: `isBare`, the value alone is clear; `isPercent`, shown as a percentage. */
  readonly inNames?: { readonly isBare?: true; readonly isPercent?: true };
}

/** An entry, with its default checked against its type. */
export function setting<T, const S extends Setting<T>>(entry: S & { readonly type: Kind<T> }): S {
  return entry;
}
