/** The weights that are left, round by round, as indices: the fewer there are, the less there is to look at. */
import type { Network } from "../network/network.ts";
import type { WeightFlow } from "../network/unitFlow.ts";
import { countKept, type Masks } from "./masks.ts";
import type { ScoredMask } from "./select.ts";

export class Survivors {
  readonly #network: Network;
  /** For each layer those left, ascending, within the layer; undefined: all are. */
  #left: (Uint32Array | undefined)[];

  /** @param within those that are left at first; absent: all prunable weights */
  constructor(network: Network, within?: Masks) {
    this.#network = network;
    this.#left = network.prunable.map((parameter) => within && indicesOf(within.of(parameter)));
  }

  /**
   * @param scores one a prunable weight
   * @param from weights that are kept in any case: 1 in the masks
   * @returns scores and mask of those left of each layer, in order
   */
  rivals(scores: Float32Array | Float64Array, from: Masks | undefined): readonly ScoredMask[] {
    return this.#network.prunable.map((parameter, l) => {
      const { name, start, length } = parameter;
      const all = scores.subarray(start, start + length);
      const kept = from?.of(parameter);
      const left = this.#left[l];
      if (left === undefined) return { name, scores: all, mask: kept?.slice() ?? new Uint8Array(length) };
      const count = left.length;
      const own = all instanceof Float64Array ? new Float64Array(count) : new Float32Array(count);
      for (let k = 0; k < count; k++) own[k] = all[left[k]!]!;
      return { name, scores: own, mask: kept === undefined ? new Uint8Array(count) : at(kept, left) };
    });
  }

  /** @param rivals of {@link rivals}, decided: only their ones are left @param masks gets the same ones; all 0 before */
  shrinkTo(rivals: readonly ScoredMask[], masks: Masks): void {
    this.#left = this.#network.prunable.map((parameter, l) => {
      const survived = rivals[l]!.mask;
      const mask = masks.of(parameter);
      const left = this.#left[l];
      const next = new Uint32Array(survived.length);
      let count = 0;
      // no branch: who survives cannot be foreseen; what is written for others is overwritten
      for (let k = 0; k < survived.length; k++) {
        const index = left === undefined ? k : left[k]!;
        next[count] = index;
        mask[index] = survived[k]!;
        count += survived[k]!;
      }
      return next.slice(0, count);
    });
  }

  /** Those left that enter each output unit, layer by layer. @param flows in the order of `network.prunable` */
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

const at = (mask: Uint8Array, indices: Uint32Array): Uint8Array => {
  const values = new Uint8Array(indices.length);
  for (let k = 0; k < indices.length; k++) values[k] = mask[indices[k]!]!;
  return values;
};

function indicesOf(mask: Uint8Array): Uint32Array {
  const indices = new Uint32Array(countKept(mask));
  for (let k = 0, count = 0; count < indices.length; k++) if (mask[k] === 1) indices[count++] = k;
  return indices;
}
