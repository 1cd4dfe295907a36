/** The weights that are left, round by round, as indices: the fewer there are, the less there is to look at. */
import type { Network } from "../network/network.ts";
import type { WeightFlow } from "../network/unitFlow.ts";
import { countKept, Masks } from "./masks.ts";
import type { ScoredMask } from "./threshold.ts";

export class Survivors {
  /** Those left. Shrinks with them. */
  readonly masks: Masks;
  /** For each layer those left, ascending, within the layer; undefined: all are. */
  readonly #left: (Uint32Array | undefined)[];
  /** Room for who is kept of those left. */
  #decisions: Uint8Array | undefined;

  /** @param within those that are left at first, copied; absent: all prunable weights */
  constructor(network: Network, within?: Masks) {
    this.masks = within === undefined ? Masks.dense(network) : new Masks(network, within.bytes.slice());
    this.#left = network.prunable.map((parameter) => within && indicesOf(within.of(parameter)));
  }

  /** For each prunable parameter those left, ascending, within it; undefined where all are. */
  get indices(): readonly (Uint32Array | undefined)[] {
    return this.#left;
  }

  /**
   * @param scores one a prunable weight, or one for each of those left
   * @param from weights that are kept in any case: 1 in the masks
   * @returns scores and mask of those left of each layer, in order; good until the next call
   */
  rivals(scores: Float32Array | Float64Array, from: Masks | undefined): readonly ScoredMask[] {
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

  /** @param rivals of {@link rivals}, decided: only their ones are left */
  shrinkTo(rivals: readonly ScoredMask[]): void {
    for (const [l, parameter] of this.masks.network.prunable.entries()) {
      const survived = rivals[l]!.mask;
      const mask = this.masks.of(parameter);
      const left = this.#left[l];
      // in place: what is written has been read
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

function at<A extends Float32Array | Float64Array>(values: A, indices: Uint32Array): A {
  const chosen = new (values.constructor as new (length: number) => A)(indices.length);
  for (let k = 0; k < indices.length; k++) chosen[k] = values[indices[k]!]!;
  return chosen;
}

function indicesOf(mask: Uint8Array): Uint32Array {
  const indices = new Uint32Array(countKept(mask));
  for (let k = 0, count = 0; count < indices.length; k++) if (mask[k] === 1) indices[count++] = k;
  return indices;
}
