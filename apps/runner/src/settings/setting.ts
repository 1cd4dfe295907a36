/** What an entry of the table of settings says. docs/adding-a-setting.md shows one. */
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
  | "demo"
  | "bench";

/** Verbs that train what is asked for. */
export const TRAINING = { train: {}, imp: {} };

/**
 * What a run is told apart by. A setting changes the identity of a run
 *   always     with its value, which a config.json must have;
 *   changed    where it has another value than its default: a new setting is such, and leaves the ids of earlier runs alone;
 *   content    with what the file holds that it names, wherever that lies;
 *   seed       beside all else: runs that differ in nothing more are of one configuration;
 *   expanded   with the settings that it stands for, and is none of the run's own.
 */
export type Identity = "always" | "changed" | "content" | "seed" | "expanded";

export interface Setting<T = unknown> {
  /** What it may be. */
  readonly type: Kind<T>;
  /** As commander reads it, `--batch-size <n>` or `--no-nesterov`. Absent: an argument, or in files alone. */
  readonly flag?: string;
  readonly help: string;
  /** Help of `--no-…` beside the flag itself, where the setting has both. */
  readonly negatedHelp?: string;
  /** What its number counts or measures. */
  readonly unit?: string;
  /** The verbs that have it as an option, and what is said or taken otherwise there. */
  readonly verbs?: Partial<
    Readonly<Record<Verb, { readonly help?: string; readonly default?: T | undefined }>>
  >;
  readonly default?: T;
  /** True where the words of `help` say what is taken. */
  readonly isDefaultInHelp?: true;
  /** Its value where none is given, as it follows from others; `missing` is said where none follows. */
  readonly follows?: (given: Readonly<Record<string, unknown>>) => T | undefined;
  readonly missing?: { readonly expected: (name: string) => string; readonly remedy: string };
  /** True where a configuration must have it though it has no default. */
  readonly required?: true;
  /** Absent: it says how a run is carried out, and changes no number of it. */
  readonly identity?: Identity;
  /** True where recipes may say it. */
  readonly inRecipes?: true;
  /** What it goes together with: what is wrong where it does not, refused before anything starts. */
  readonly conflict?: (settings: Readonly<Record<string, unknown>>) => ArgumentFault | undefined;
  /** What messages call it; its name unless given. */
  readonly noun?: string;
  /** Where runs are told apart: `isBare`, its value alone says what it is; `isPercent`, people read it as a percentage. */
  readonly told?: { readonly isBare?: true; readonly isPercent?: true };
}

/** An entry, with its default checked against its type. */
export function setting<T, const S extends Setting<T>>(entry: S & { readonly type: Kind<T> }): S {
  return entry;
}
