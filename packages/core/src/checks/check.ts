/**
 * What a sanity check is: it takes from a mask, or from the weights under it, all that a claim about the method says
 * matters, and leaves the number of kept weights of every layer as it was. One file each in this folder.
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
  /** One value for every option the check declares. */
  readonly options: Readonly<Record<string, OptionValue>>;
}

export interface Checked {
  readonly masks: Masks;
  /** Where the check draws them anew, and from which seed. */
  readonly weights?: Weights;
  readonly weightsSeed?: number;
}

export interface Check {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  readonly source: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  apply(request: CheckRequest): Promise<Checked>;
}

/** A check as it is asked for. */
export interface CheckSettings {
  readonly name: string;
  /** Those left out have their initial value. */
  readonly options?: Readonly<Record<string, OptionValue>>;
}

/** Streams of a seed's random numbers that checks draw from, one a layer; methods draw from lower ones. */
export const CHECK_STREAM = 2 * MASK_STREAM;
