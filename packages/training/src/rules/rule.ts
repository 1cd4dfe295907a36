/**
 * What a rule of dynamic sparse training is: a method that changes the masks of a network while it trains. It combines
 * four choices, each a file in a folder of its own and a line in registry.ts:
 *   schedule  when the masks change, which fraction ζ of the kept weights is replaced, how many are kept afterwards;
 *   budget    how many weights of which layer are dropped, and how many grow there;
 *   drop      which kept weights are dropped;
 *   grow      which absent weights grow. They start at 0.
 * All are functions of what they are given. Random numbers come from the stream of (seed, change, group), so that the same
 * change has the same result on every machine. A weight that is dropped and grows back in one change is a survivor: it keeps
 * its value and the optimiser's state, as in RigL's code.
 * docs/dynamic.md lists the rules, docs/adding-a-rule.md shows how to add one.
 */
import type { Masks, Network, OptionSpec, OptionValue, Weights } from "@phew/core";
import type { Random } from "@phew/engine";
import type { UnitActivity } from "../executor.ts";

export type Options = Readonly<Record<string, OptionValue>>;
export type Specs = Readonly<Record<string, OptionSpec>>;

/**
 * Derivatives of the batch's mean loss by weights of some layers, absent ones too, in one pass.
 * @param requests by parameter name: indices into the parameter, or all its weights
 * @param take called once per layer: gradient[k] belongs to indices[k], or to weight k for "all"
 */
export type Gradients = (
  requests: ReadonlyMap<string, Uint32Array | "all">,
  take: (parameter: string, gradient: Float32Array) => void,
) => Promise<void>;

/** Activity of the units of every layer on the batch, by the name of its weight; see `Executor.unitActivity`. */
export type Activity = (signs?: Int8Array) => Promise<ReadonlyMap<string, UnitActivity>>;

/** Numbers that a rule hands to its next change; checkpoints keep them. */
export type Memory = Readonly<Record<string, number>>;

/** What is known at a change. Nothing of it may be changed. */
export interface ChangeState {
  readonly network: Network;
  readonly masks: Masks;
  readonly weights: Weights;
  /** The optimiser's mean of gradients (momentum), by parameter; 0 for absent weights. Undefined: it has none. */
  readonly momentum: Weights | undefined;
  /** Kept weights of each layer when training began, in the order of `network.prunable`. */
  readonly startCounts: readonly number[];
  /** 0-based number of this change. */
  readonly change: number;
  /** Fraction of the run's steps that are done. */
  readonly progress: number;
  readonly seed: number;
  readonly memory: Memory;
  readonly gradients: Gradients;
  /** Undefined where the executor does not report it. */
  readonly activity?: Activity | undefined;
  /** Images of the batch. */
  readonly batchCount?: number;
}

/** Weights that are chosen from together: a run of `network.prunable`'s weights, within one layer or of all layers. */
export interface Group {
  /** Index of the first weight in the order of `network.prunable`. */
  readonly start: number;
  readonly length: number;
  /** Index in `network.prunable`; absent: the group is the whole network. */
  readonly layer?: number;
}

/** What a schedule says of a change. */
export interface Plan {
  /** ζ: fraction of the kept weights that is dropped and replaced. */
  readonly fraction: number;
  /** Kept weights of the whole network after the change. */
  readonly keepCount: number;
}

/** A named part of a rule, with options of its own. */
interface Part {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  readonly options: Specs;
}

/** Place in the training run. */
export interface RunTime {
  /** Steps done. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly stepCount: number;
  readonly stepsPerEpoch: number;
  /** In rising order. */
  readonly epochs: readonly FinishedEpoch[];
}

/** What a schedule may know of a finished epoch. */
export interface FinishedEpoch {
  readonly epoch: number;
  /** On the validation examples, if there are any. */
  readonly validationLoss?: number | undefined;
  readonly validationAccuracy?: number | undefined;
}

/** Kept weights of the network: when training began, now, and what the run was asked for. */
export interface KeptCounts {
  readonly start: number;
  readonly now: number;
  readonly final: number;
  /** All prunable weights. */
  readonly prunable: number;
}

export interface Schedule extends Part {
  /**
   * The change before step `time.step` (0-based), if one is due.
   * @param counts of the network's kept weights
   */
  at(time: RunTime, options: Options, counts: KeptCounts): Plan | undefined;
  /** True if it looks at the validation examples. */
  readonly needsValidation?: boolean;
  /** Of a schedule that finds the density of the run: what it may not pass, for a run that is asked for none. */
  readonly densityBound?: number;
  /** The density that training starts with; absent: the one that the run was asked for. */
  startDensity?(density: number, options: Options): number;
}

export interface DropRequest {
  readonly state: ChangeState;
  readonly group: Group;
  /** Kept weights of the group, ascending, in the order of `network.prunable`. */
  readonly kept: Uint32Array;
  /** The number to drop, from the budget. */
  readonly count: number;
  readonly plan: Plan;
  readonly options: Options;
  readonly random: Random;
  /** Gradients of `kept`, for a drop with `usesGradients`. */
  readonly gradient?: Float32Array | undefined;
}

export interface Dropped {
  /** In the order in which they are dropped. */
  readonly indices: Uint32Array;
  readonly memory?: Memory;
}

export interface Drop extends Part {
  /** True if it asks for the gradients of kept weights. */
  usesGradients?(options: Options): boolean;
  choose(request: DropRequest): Dropped;
  /** Weights to remove besides, once all groups have dropped: those that lead nowhere. */
  alsoDropped?(after: Masks): Uint32Array;
}

/** A grow at one change, with what it has computed for all groups. */
export interface Growth {
  /**
   * Absent weights of the group to choose among, the first ones first.
   * @param count the number that is to grow
   * @returns `count` weights; with {@link Grow.byGradient} at least as many where there are, or "all"
   */
  candidates(group: Group, count: number, random: Random): Uint32Array | "all";
}

export interface Grow extends Part {
  /**
   * True: of the candidates those with the greatest |gradient| grow, and the change takes the place of the step whose batch it
   * looks at, as in RigL: weights are not updated. False: the candidates grow, between two steps.
   */
  byGradient(options: Options): boolean;
  /** True if it asks for the activity of units. */
  usesActivity?(options: Options): boolean;
  /** @param after masks without the dropped weights */
  begin(state: ChangeState, after: Masks, options: Options): Growth | Promise<Growth>;
}

export interface BudgetRequest {
  readonly state: ChangeState;
  readonly groups: readonly Group[];
  readonly plan: Plan;
  readonly options: Options;
}

export interface Refinement {
  /** Weights to drop besides. */
  readonly dropped: Uint32Array;
  /** Number of weights to grow, by group of the layer. */
  readonly growCounts: readonly number[];
}

export interface Budget extends Part {
  /** True if it looks at the optimiser's mean of gradients. */
  readonly usesMomentum?: boolean;
  /** What weights are compared with: all of the network, those of their layer, or those of their output unit. */
  readonly scope: "network" | "layer" | "unit";
  /** @returns the number of weights to drop in each group */
  dropCounts(request: BudgetRequest): readonly number[];
  /** @param after masks without the dropped weights @returns the number of weights to grow in each group */
  growCounts(request: BudgetRequest, after: Masks): readonly number[];
  /**
   * Revises a layer once the gradients of all its weights are known; only with a grow that asks for "all".
   * @param groups of the layer
   */
  refine?(request: BudgetRequest, after: Masks, groups: readonly Group[], gradient: Float32Array): Refinement;
}

/** Values of options that differ from those of the parts. */
export interface Rule {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  readonly source: string;
  /** What differs from the source; empty if nothing is known to. */
  readonly departures: string;
  readonly schedule: Schedule;
  readonly budget: Budget;
  readonly drop: Drop;
  readonly grow: Grow;
  readonly initial?: Options;
}
