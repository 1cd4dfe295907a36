/** Addresses of everything in a walker's memory, computed before any of it is allocated. */
import { type Exports, records } from "./border/walk.ts";
import { requireWhole } from "./errors.ts";
import { TABLE_BYTES } from "./samplers.ts";
import type { WalkTuning } from "./walkOptions.ts";
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";
import type { Segment, Wiring } from "./wiring.ts";

/** Bytes of the buffer for transferring masks. */
export const STAGE_BYTES = 65_536;

/** Allocates addresses, each a multiple of 16. */
export class Addresses {
  #next: number;

  /** @param first lowest free address */
  constructor(first: number) {
    this.#next = first;
  }

  take(bytes: number): number {
    const at = Math.ceil(this.#next / 16) * 16;
    this.#next = at + bytes;
    return at;
  }

  /** The address after the last allocation. */
  get end(): number {
    return this.#next;
  }
}

/** Arrays of a layer; see `Layer` in assembly/walk/layout.ts. 0 where an array is not needed. */
export interface LayerPlaces {
  readonly weight: number;
  readonly forwardMax: number;
  readonly backwardMax: number;
  readonly forwardSum: number;
  readonly backwardSum: number;
  /** Bytes for rejection. */
  readonly forwardTable: number;
  readonly backwardTable: number;
  /** Eight bytes for each kernel of nine weights. */
  readonly ninePlace: number;
}

/** Records of the links that leave a node in one direction, index = segment. */
export interface ExitPlaces {
  readonly segments: number;
  /** 0 if there is one segment. */
  readonly segmentOf: number;
  readonly ways: readonly number[];
  /** 0 if all links of a segment are equally likely at every unit. */
  readonly cumulative: readonly number[];
}

export interface Places {
  readonly layers: number;
  readonly forwardExits: number;
  readonly backwardExits: number;
  readonly buckets: number;
  readonly layer: readonly LayerPlaces[];
  /** Index = node. */
  readonly forward: readonly ExitPlaces[];
  readonly backward: readonly ExitPlaces[];
  readonly bucketEntries: readonly number[];
  readonly edgeIds: number;
  /** Distance between two levels in edgeIds and edgeCounts. */
  readonly levelBytes: number;
  readonly edgeCounts: number;
  readonly batchSize: number;
  readonly chosen: number;
  readonly pending: number;
  /** Scratch for one layer at a time while tables are made. */
  readonly norms: number;
  readonly scales: number;
  readonly mask: number;
  readonly stage: number;
  readonly reachFlags: number;
  readonly reachFlagBytes: number;
  readonly reachLeaving: number;
  readonly walker: number;
  /** For later allocations. */
  readonly rest: Addresses;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const greatest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);

export function placesFor(
  plan: WalkPlan,
  wiring: Wiring,
  options: WalkOptions,
  tuning: WalkTuning,
  sizes: Exports,
): Places {
  const to = new Addresses(sizes.heapBase());
  const nodeCount = plan.layers.length + 2;
  const batchSize = batchSizeFor(plan, tuning);
  // walks of both directions wait in turn
  const waiting = options.direction === "alternate" ? Math.ceil(batchSize / 2) : batchSize;
  const levelBytes = sizes.levelStride(batchSize);
  const whole = options.granularity === "kernel";
  const weighed = options.branching === "weight";
  const sums = weighed || wiring.copies;
  const exit = (segments: readonly Segment[]): ExitPlaces => ({
    segments: to.take(segments.length * records.segment.bytes),
    segmentOf: segments.length > 1 ? to.take(4 * sum(segments.map((segment) => segment.unitCount))) : 0,
    ways: segments.map((segment) => to.take(segment.links.length * records.way.bytes)),
    cumulative: segments.map(({ links, unitCount, repeated }) =>
      repeated || (weighed && links.length > 1) ? to.take(8 * links.length * unitCount) : 0,
    ),
  });
  const reachFlagBytes = sum(plan.layers.map((layer) => layer.inCount + layer.outCount));
  const unitCounts = plan.layers.flatMap((layer) => [layer.inCount, layer.outCount]);
  return {
    layers: to.take(plan.layers.length * records.layer.bytes),
    forwardExits: to.take(nodeCount * records.exit.bytes),
    backwardExits: to.take(nodeCount * records.exit.bytes),
    buckets: to.take(nodeCount * records.bucket.bytes),
    forward: wiring.forward.map(exit),
    backward: wiring.backward.map(exit),
    layer: plan.layers.map(({ weight, kernelSize, inCount, outCount }) => {
      const tableBytes = options.bias === "uniform" ? 0 : TABLE_BYTES.reject * (weight.length / kernelSize);
      return {
        weight: to.take(4 * weight.length),
        forwardMax: to.take(8 * inCount),
        backwardMax: to.take(8 * outCount),
        forwardSum: sums ? to.take(8 * inCount) : 0,
        backwardSum: sums ? to.take(8 * outCount) : 0,
        forwardTable: options.direction === "backward" ? 0 : to.take(tableBytes),
        backwardTable: options.direction === "forward" ? 0 : to.take(tableBytes),
        ninePlace: kernelSize === 9 ? to.take(8 * (weight.length / kernelSize)) : 0,
      };
    }),
    bucketEntries: Array.from({ length: nodeCount }, () => to.take(8 * waiting)),
    edgeIds: to.take(levelBytes * wiring.levelCount),
    levelBytes,
    edgeCounts: whole ? to.take(levelBytes * wiring.levelCount) : 0,
    batchSize,
    chosen: to.take(8 * waiting),
    pending: to.take(4 * waiting),
    // single weights are their own norms; the array then holds the maxima of columns
    norms: to.take(
      4 *
        greatest(
          plan.layers.map(({ weight, kernelSize, inCount }) =>
            kernelSize === 1 && options.bias !== "inverse" ? inCount : weight.length / kernelSize,
          ),
        ),
    ),
    scales: to.take(4 * greatest(plan.layers.map((layer) => layer.inCount))),
    mask: to.take(4 * Math.ceil(plan.edgeCount / 32)),
    stage: to.take(STAGE_BYTES),
    reachFlagBytes,
    reachFlags: to.take(reachFlagBytes),
    reachLeaving: to.take(greatest([plan.inputCount, plan.outputCount, ...unitCounts])),
    walker: to.take(records.walker.bytes),
    rest: to,
  };
}

/**
 * Larger batches use caches and page tables better, until the walks themselves exceed the caches: about one walk per
 * 64 weights was best from 0.3 to 100 million weights. Very deep plans take fewer, since each node has a bucket.
 */
function batchSizeFor(plan: WalkPlan, tuning: WalkTuning): number {
  if (tuning.batchSize !== undefined) {
    requireWhole("batchSize", tuning.batchSize, 1, 65_536);
    return tuning.batchSize;
  }
  const wanted = Math.min(65_536, Math.max(2048, Math.ceil(plan.edgeCount / 64)));
  return Math.min(wanted, Math.max(64, Math.floor(2 ** 24 / (plan.layers.length + 2))));
}
