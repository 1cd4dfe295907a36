/** The weights left after each round, stored as indices, so that a round takes time in proportion to what is left. */
import type { Network } from "../network/network.ts";
import type { WeightFlow } from "../network/unitFlow.ts";
import { keptIndices, Masks } from "./masks.ts";
import type { ScoredMask } from "./threshold.ts";

export class Survivors {
  /** The weights left; updated by each round. */
  readonly masks: Masks;
  /** For each layer the indices of the weights left, ascending; undefined: all are left. */
  readonly #left: (Uint32Array | undefined)[];
  /** Memory for the masks of the candidates. */
  #decisions: Uint8Array | undefined;

  /** @param within the weights left at first, copied; absent: all prunable weights */
  constructor(network: Network, within?: Masks) {
    this.masks = within === undefined ? Masks.dense(network) : new Masks(network, within.bytes.slice());
    this.#left = network.prunable.map((parameter) => within && keptIndices(within.of(parameter)));
  }

  /** For each prunable parameter the indices of the weights left, ascending; undefined: all are left. */
  get indices(): readonly (Uint32Array | undefined)[] {
    return this.#left;
  }

  /**
   * @param scores one per prunable weight, or one per weight left
   * @param from weights that are kept in any case: 1 in the masks
   * @returns scores and mask of the weights left in each layer, in order; valid until the next call
   */
  candidates(scores: Float32Array | Float64Array, from: Masks | undefined): readonly ScoredMask[] {
    const { prunable, prunableCount } = this.masks.network;
    const isWhole = scores.length === prunableCount;
    this.#decisions ??= new Uint8Array(prunableCount);
    let start = 0;
    return prunable.map((parameter, l) => {
      const left = this.#left[l];
      const end = start + (left?.length ?? parameter.length);
      const mask = this.#decisions!.subarray(start, end);
      const given = isWhole
        ? scores.subarray(parameter.start, parameter.start + parameter.length)
        : scores.subarray(start, end);
      start = end;
      const kept = from?.of(parameter);
      if (kept === undefined) mask.fill(0);
      else if (left === undefined) mask.set(kept);
      else for (let k = 0; k < left.length; k++) mask[k] = kept[left[k]!]!;
      const own = isWhole && left !== undefined ? at(given, left) : given;
      return { name: parameter.name, scores: own, mask };
    });
  }

  /** @param candidates the result of {@link candidates} with decided masks: those with 1 are left */
  shrinkTo(candidates: readonly ScoredMask[]): void {
    for (const [l, parameter] of this.masks.network.prunable.entries()) {
      const survived = candidates[l]!.mask;
      const mask = this.masks.of(parameter);
      const left = this.#left[l];
      // in place: writes never overtake reads
      const next = left ?? new Uint32Array(survived.length);
      let count = 0;
      for (let k = 0; k < survived.length; k++) {
        const index = left === undefined ? k : left[k]!;
        if (survived[k] === 1) next[count++] = index;
        else mask[index] = 0;
      }
      this.#left[l] = next.subarray(0, count);
    }
  }

  /**
   * For each layer, the number of weights left that enter each output unit. @param flows in the order of
   * `network.prunable`
   */
  keptIn(flows: readonly WeightFlow[]): readonly Uint32Array[] {
    return flows.map(({ parameter, outCount }, l) => {
      const left = this.#left[l];
      const rowLength = parameter.length / outCount;
      if (left === undefined) return new Uint32Array(outCount).fill(rowLength);
      const counts = new Uint32Array(outCount);
      for (let k = 0; k < left.length; k++) counts[Math.floor(left[k]! / rowLength)]!++;
      return counts;
    });
  }
}

function at<A extends Float32Array | Float64Array>(values: A, indices: Uint32Array): A {
  const chosen = new (values.constructor as new (length: number) => A)(indices.length);
  for (let k = 0; k < indices.length; k++) chosen[k] = values[indices[k]!]!;
  return chosen;
}
