/** What a pruning method is: a name, options, and a function from weights to masks. One file each in this folder. */
import type { WalkOptions } from "@phew/engine";
import type { Batch, Differentiator } from "../differentiation.ts";
import { ArgumentError, unknownName } from "../errors.ts";
import type { LayerProgress } from "../events.ts";
import type { Masks } from "../masks/masks.ts";
import type { Network } from "../network/network.ts";
import type { Operation } from "../operations/registry.ts";
import type { Weights } from "../weights/weights.ts";

/** An option of a method. Commands derive its flag, help and check from this. */
export type OptionSpec =
  | {
      readonly kind: "choice";
      readonly choices: readonly string[];
      readonly initial: string;
      readonly help: string;
      /** For each choice, the operation that a network must have for it to have an effect. */
      readonly needs?: Readonly<Record<string, Operation["kind"]>>;
    }
  | {
      readonly kind: "number";
      readonly least: number;
      readonly most: number;
      readonly whole: boolean;
      readonly initial: number;
      readonly help: string;
    }
  | { readonly kind: "flag"; readonly initial: boolean; readonly help: string };

export type OptionValue = string | number | boolean;

/** Examples, and the backend that differentiates the loss on them. */
export interface PruningData {
  readonly batches: readonly Batch[];
  readonly differentiator: Differentiator;
}

/** The arguments of a pruner, which must not change them. */
export interface PruneRequest {
  readonly network: Network;
  readonly weights: Weights;
  /** Number of weights to keep, 1 … network.prunableCount. */
  readonly keepCount: number;
  /** The requested density, of which keepCount is the whole number below; default keepCount / prunableCount. */
  readonly density?: number;
  /** Whole number, 0 ≤ seed ≤ 2^53 − 1. */
  readonly seed: number;
  /** One value for each option of the pruner; see {@link completeOptions}. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Weights that are kept in any case: the mask grows from these. */
  readonly from?: Masks | undefined;
  /** The only weights that may be kept; only for a pruner with `confinable`. */
  readonly within?: Masks | undefined;
  /** Present if the pruner looks at examples: {@link examplesOf}. */
  readonly data?: PruningData | undefined;
  readonly onProgress?: ((progress: PruneProgress) => void) | undefined;
  /** Called with warnings while the work goes on. */
  readonly onWarning?: (message: string) => void;
  /** Longest expected time of walks in milliseconds; default an hour, Infinity for no limit. */
  readonly limitMs?: number | undefined;
  /** Checked between chunks of work; the pruner then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface PruneProgress {
  readonly keptCount: number;
  readonly walkCount?: number;
  /** Steps of all walks. */
  readonly stepCount?: number;
  /** Expected number of walks and of milliseconds in total; absent for short walks and while unknown. */
  readonly expectedWalkCount?: number;
  readonly expectedMs?: number;
  readonly round?: number;
  readonly roundCount?: number;
  /** Score of the last weight that the round kept, if all weights are compared together. */
  readonly threshold?: number;
  /** Fraction of the expected work done, 0 … 1, for an estimate of the time left. */
  readonly fraction: number;
  /**
   * Counts the kept weights of each layer at the time of the call, in the order of `network.prunable`; undefined where no
   * units are known.
   */
  readonly layers?: (() => readonly LayerProgress[]) | undefined;
}

export interface Pruning {
  readonly masks: Masks;
  /** Number of walks and steps, for methods that walk. */
  readonly walkCount?: number;
  readonly stepCount?: number;
  /** Expected numbers; absent for short walks. */
  readonly expectedWalkCount?: number;
  readonly expectedMs?: number;
  /** Notes for the user, one sentence each: units that walks leave out. */
  readonly notes?: readonly string[] | undefined;
  /**
   * Score of every prunable weight in the order of `network.prunable`, for methods that score: of the first round,
   * before anything is removed. The highest are kept.
   */
  readonly scores?: Float32Array | Float64Array;
}

export interface Pruner {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  /** Paper and equation. */
  readonly source: string;
  /**
   * In every figure, so that it differs from all others and stands on white. The first eight are those of Okabe & Ito
   * (2008), readable with any colour vision, their yellow darkened; the others are near Tol's muted scheme (2021).
   */
  readonly colour: `#${string}`;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** True if the mask may hold up to one path more than keepCount. */
  readonly wholePaths: boolean;
  /** True if it looks at weights alone: it prunes those of a file whose network is not known. */
  readonly weightsAlone?: boolean;
  /**
   * The option that says how many training examples of each class it looks at, 0 for none; absent: it looks at none. With some
   * the request has `data`.
   */
  readonly examplesOption?: string;
  /** True if it can choose within an earlier mask, at least with its initial options. */
  readonly confinable?: boolean;
  /** For methods whose masks consist of walks: the walk options of a seed and completed options. */
  readonly walks?: (request: Pick<PruneRequest, "seed" | "options">) => WalkOptions;
  prune(request: PruneRequest): Promise<Pruning>;
}

/**
 * All options with their values: given ones validated, others at their initial value.
 * @throws ArgumentError for an unknown option, a wrong type or a value out of range
 */
export function completeOptions(
  pruner: Pick<Pruner, "name" | "options">,
  given: Readonly<Record<string, OptionValue>>,
): Record<string, OptionValue> {
  const names = Object.keys(pruner.options);
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) {
      if (names.length > 0) throw unknownName(`option of ${pruner.name}`, name, names);
      throw new ArgumentError(`option of ${pruner.name}`, {
        given: `"${name}"`,
        expected: "none: the method has no options",
      });
    }
  }
  return Object.fromEntries(
    names.map((name) => [name, checked(`${pruner.name}: ${name}`, pruner.options[name]!, given[name])]),
  );
}

/**
 * Training examples of each class that a pruner looks at with these options; 0 for none.
 * @throws ArgumentError as {@link completeOptions}
 */
export function examplesOf(
  pruner: Pick<Pruner, "name" | "options" | "examplesOption">,
  given: Readonly<Record<string, OptionValue>>,
): number {
  const { examplesOption } = pruner;
  return examplesOption === undefined ? 0 : Number(completeOptions(pruner, given)[examplesOption]);
}

/**
 * Checks that every option has an effect on the given network.
 * @param options completed; see {@link completeOptions}
 * @throws ArgumentError that names the option and the operation that the network lacks
 */
export function requireMeaning(
  pruner: Pick<Pruner, "name" | "options">,
  options: Readonly<Record<string, OptionValue>>,
  network: Network,
): void {
  for (const [name, spec] of Object.entries(pruner.options)) {
    if (spec.kind !== "choice") continue;
    const needed = spec.needs?.[`${options[name]}`];
    if (needed === undefined || network.nodes.some(({ op }) => op.kind === needed)) continue;
    const noun = needed === "batchNorm" ? "batch normalisation" : needed;
    throw new ArgumentError(`${pruner.name}: ${name}`, {
      given: `${options[name]} for ${network.name}, which has no ${noun}`,
      expected: `${spec.initial}, or a network with ${noun}`,
      remedy:
        needed === "batchNorm"
          ? "Exporters fold it into the weights before it by default: docs/pytorch.md."
          : undefined,
    });
  }
}

function checked(subject: string, spec: OptionSpec, value: OptionValue | undefined): OptionValue {
  if (value === undefined) return spec.initial;
  switch (spec.kind) {
    case "choice":
      if (typeof value !== "string" || !spec.choices.includes(value))
        throw unknownName(subject, `${value}`, spec.choices);
      return value;
    case "flag":
      if (typeof value !== "boolean")
        throw new ArgumentError(subject, { given: `${value}`, expected: "true or false" });
      return value;
    case "number": {
      const usable =
        typeof value === "number" &&
        value >= spec.least &&
        value <= spec.most &&
        (!spec.whole || Number.isInteger(value));
      if (!usable) {
        throw new ArgumentError(subject, {
          given: `${value}`,
          expected: `a ${spec.whole ? "whole " : ""}number from ${spec.least} to ${spec.most}`,
        });
      }
      return value;
    }
  }
}
