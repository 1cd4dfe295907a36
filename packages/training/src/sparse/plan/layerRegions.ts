/** The kept weights of a layer in memory, as one of the kernels reads them. */
import type { Fixed } from "../model/fixed.ts";
import type { KeptWeights } from "../model/keptWeights.ts";
import { Region } from "./region.ts";

/** Weights in memory, {u32, weight} each, as a kernel reads them. */
export interface EntryList {
  readonly entries: Region;
  /** Index into `kept` of each entry; absent where they stand in that order. */
  readonly order: Fixed<Uint32Array> | undefined;
}

export abstract class LayerRegions {
  readonly weights: KeptWeights;
  /** u32[outUnits + 1]: where the weights of each stored output unit start. */
  readonly rowStart: Region;
  /** f32 for each of the weights' orphans. */
  readonly orphanWeights: Region;
  /** Every copy of the weights; gradients and the optimiser's state stand in the order of the last. */
  abstract readonly entryLists: readonly EntryList[];

  constructor(weights: KeptWeights) {
    const { rowStart, orphans } = weights;
    this.weights = weights;
    this.rowStart = new Region("weights", rowStart.byteLength, { initial: () => rowStart });
    this.orphanWeights = new Region("weights", 4 * orphans.length);
  }

  /** Of the node. */
  get name(): string {
    return this.weights.layer;
  }
}
