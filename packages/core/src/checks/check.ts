/**
 * What a sanity check is: it changes a mask, or the weights under it, and keeps the number of kept weights of every
 * layer. It so tests what a claim about the method depends on. One file each in this folder.
 * @see Frankle, Dziugaite, Roy & Carbin 2021, arXiv:2009.08576; Su et al. 2020, arXiv:2009.11094
 */
import type { Masks } from "../masks/masks.ts";
import { MASK_STREAM } from "../masks/sample.ts";
import type { OptionSpec, OptionValue } from "../pruners/pruner.ts";
import type { Weights } from "../weights/weights.ts";

export interface CheckRequest {
  readonly masks: Masks;
  /** The weights the mask was made for. */
  readonly weights: Weights;
  /** Whole number, 0 ≤ seed ≤ 2^53 − 1. */
  readonly seed: number;
  /** One value for each option of the check. */
  readonly options: Readonly<Record<string, OptionValue>>;
}

export interface Checked {
  readonly masks: Masks;
  /** Only if the check draws new weights: these, and their seed. */
  readonly weights?: Weights | undefined;
  readonly weightsSeed?: number | undefined;
  /** Where `weights` are others scaled: these, which a program that has them or their seed can tell the mask by. */
  readonly unscaled?: Weights | undefined;
}

export interface Check {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  readonly source: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** True if it changes a mask layer by layer, whatever their units are: weights without their network will do. */
  weightsAlone?(options: Readonly<Record<string, OptionValue>>): boolean;
  apply(request: CheckRequest): Promise<Checked>;
}

/** A check and its options, as a user asks for it. */
export interface CheckSettings {
  readonly name: string;
  /** Options left out have their initial value. */
  readonly options?: Readonly<Record<string, OptionValue>> | undefined;
}

/** A check that was applied, with all its options. */
export interface AppliedCheck {
  readonly name: string;
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** Random streams for checks, one per layer; methods use lower ones. */
export const CHECK_STREAM = 2 * MASK_STREAM;
