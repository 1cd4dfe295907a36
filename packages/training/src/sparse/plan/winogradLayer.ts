/**
 * A layer of 3×3 kernels computed by all its weights (assembly/layers/winograd.ts). The kept ones are in memory once,
 * as {tap · inUnits + input unit, weight} by output unit; a step starts with their transform.
 */
import type { KeptWeights } from "../model/keptWeights.ts";
import type { Border } from "../model/kernelTaps.ts";
import { type EntryList, LayerRegions } from "./layerRegions.ts";
import { Region } from "./region.ts";
import { MOST_SHARDS } from "./shards.ts";

const POINTS = 36;
/** Room for one tile of vectors at the start of a workspace. */
const TILE_BYTES = 36 * 16;
/** Output units that are taken together there. */
const CHUNK_UNITS = 16;
/** Bytes of the runs that the matrix products go along: as many tiles as fill them are taken together. */
const RUN_BYTES = 128;

export class WinogradLayer extends LayerRegions {
  readonly kernel = "winograd";
  readonly entryLists: readonly EntryList[];
  readonly entries: Region;
  /** f32[36][out][in] of the forward pass, f32[36][in][out] of the backward pass. */
  readonly forwardWeights: Region;
  readonly backwardWeights: Region;
  /** A row of dense kernels for each thread. */
  readonly rows: Region;
  readonly rowBytes: number;
  /** Bytes of one of the 36 matrices. */
  readonly pointBytes: number;

  constructor(weights: KeptWeights) {
    super(weights);
    const { inUnits, outUnits } = weights;
    this.entries = new Region("weights", 8 * weights.count, { initial: () => this.#places() });
    this.entryLists = [{ entries: this.entries, order: undefined }];
    this.pointBytes = 4 * inUnits * outUnits;
    const transformed = () => new Region("activations", POINTS * this.pointBytes, { temporary: true });
    this.forwardWeights = transformed();
    this.backwardWeights = transformed();
    this.rowBytes = 64 * Math.ceil((36 * inUnits) / 64);
    this.rows = new Region("program", MOST_SHARDS * this.rowBytes);
    Object.freeze(this);
  }

  /** Tiles that are taken together. */
  groupTiles(lanes: number): number {
    return Math.max(1, RUN_BYTES / (4 * lanes));
  }

  /** Scratch for the transforms of both sides, as so many pixels of a tensor. */
  workspacePixels(lanes: number): number {
    const { inUnits, outUnits } = this.weights;
    const pixelBytes = 4 * lanes;
    // an odd number of cache lines each, as pointBytesOf there
    const plane = (units: number): number => units * this.groupTiles(lanes) * pixelBytes + 128;
    const most = Math.max(inUnits, outUnits);
    const bytes = TILE_BYTES + POINTS * (plane(most) + plane(Math.min(CHUNK_UNITS, most)));
    return Math.ceil(bytes / pixelBytes);
  }

  #places(): Uint32Array {
    const { unit, tap, count, inUnits } = this.weights;
    const entries = new Uint32Array(2 * count);
    for (let k = 0; k < count; k++) entries[2 * k] = tap[k]! * inUnits + unit[k]!;
    return entries;
  }
}

/** Zeros around the input of windows of 6×6, so that tiles of 4×4 cover the output. */
export function windowBorder(
  input: { readonly height: number; readonly width: number },
  output: { readonly height: number; readonly width: number },
  top: number,
  left: number,
): Border {
  const beyond = (outLength: number, inLength: number, before: number): number =>
    Math.max(0, 4 * Math.ceil(outLength / 4) + 2 - before - inLength);
  return {
    top,
    left,
    bottom: beyond(output.height, input.height, top),
    right: beyond(output.width, input.width, left),
  };
}

/** Zeros after a gradient, so that tiles of 4×4 cover it. */
export function tileBorder({ height, width }: { readonly height: number; readonly width: number }): Border {
  const beyond = (length: number): number => 4 * Math.ceil(length / 4) - length;
  return { top: 0, left: 0, bottom: beyond(height), right: beyond(width) };
}
