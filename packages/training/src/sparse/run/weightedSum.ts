/** Divides batches into parts, and sums the results of the parts. */
import type { Batch, Weights } from "@phew/core";

/** A part of a batch, and the share of the batch's examples that it has. */
export interface BatchPart {
  readonly batch: Batch;
  readonly share: number;
}

/** @param most examples a part has at most */
export function batchParts({ x, y, count }: Batch, most: number): BatchPart[] {
  const length = x.length / count;
  return Array.from({ length: Math.ceil(count / most) }, (_, k) => {
    const start = k * most;
    const end = Math.min(count, start + most);
    const batch = {
      x: x.subarray(start * length, end * length),
      y: y.subarray(start, end),
      count: end - start,
    };
    return { batch, share: batch.count / count };
  });
}

/** Σ_k share_k · values_k in float64; with one term, no memory is used for sums. */
export class WeightedSum {
  readonly #count: number;
  readonly #sums = new Map<string, Float64Array>();
  #only: Weights | undefined;

  /** @param count how many terms there will be */
  constructor(count: number) {
    this.#count = count;
  }

  add(values: Weights, share: number): void {
    if (this.#count === 1) {
      this.#only = values;
      return;
    }
    for (const [name, terms] of values) {
      const sums = this.#sums.get(name) ?? new Float64Array(terms.length);
      this.#sums.set(name, sums);
      for (let k = 0; k < terms.length; k++) sums[k]! += share * terms[k]!;
    }
  }

  /** To float32. */
  rounded(): Weights {
    return this.#only ?? new Map([...this.#sums].map(([name, sums]) => [name, Float32Array.from(sums)]));
  }
}
