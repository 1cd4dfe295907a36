/**
 * Places everything in memory before the first step. What outlives a program stands side by side; tensors and sums
 * share the rest by the time they are needed: within a segment every thread has its own scratch, over segments a
 * tensor holds all blocks.
 */
import type { PlannedMemory } from "../../executor.ts";
import type { Draft, Lifetime } from "../lower/draft.ts";
import type { FinishedTensor } from "../lower/tensor.ts";
import type { Purpose, Region } from "../plan/region.ts";

/** Measured on Node 20: compiled kernels and the program's own objects; one more thread of Node with its stack and heap. */
const CODE_BYTES = 8e6;
const THREAD_BYTES = 11e6;

/** Where a tensor's blocks stand. */
export interface PlacedTensor {
  readonly address: number;
  /** Bytes from a block to the next; from a thread to the next where `perThread`. */
  readonly blockBytes: number;
  readonly perThread: boolean;
}

export interface Placement {
  /** Of what outlives a program. */
  readonly addresses: ReadonlyMap<Region, number>;
  readonly tensors: ReadonlyMap<FinishedTensor, PlacedTensor>;
  /** Addresses of what a program needs for a part of its time; each program has its own. */
  readonly temporaries: ReadonlyMap<Draft, ReadonlyMap<Region, number>>;
  /** First byte of what is only needed for a part of a step; it goes to the end. */
  readonly arena: number;
  /** One past the last byte. */
  readonly end: number;
  readonly plan: PlannedMemory;
}

interface Item {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  readonly place: (offset: number) => unknown;
}

/** A cache line. */
const ALIGNMENT = 64;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export interface PlacementOptions {
  /** First free address, a multiple of 64. */
  readonly start: number;
  readonly lanes: number;
  readonly blocks: number;
  readonly threadCount: number;
}

/** Gives addresses to all regions and tensors of the programs. @param lasting regions that outlive a program */
export function placeInMemory(
  drafts: readonly Draft[],
  lasting: Iterable<Region>,
  { start, lanes, blocks, threadCount }: PlacementOptions,
): Placement {
  const { addresses, bytesFor, end: arena } = placeLasting(lasting, start);
  const tensors = new Map<FinishedTensor, PlacedTensor>();
  const temporaries = new Map<Draft, ReadonlyMap<Region, number>>();
  const scratchOffsets = new Map<FinishedTensor, number>();
  let sharedBytes = 0;
  let scratchBytes = 0;
  for (const draft of drafts) {
    const shared: Item[] = [];
    const scratch = draft.segments.map((): Item[] => []);
    for (const [tensor, lifetime] of draft.tensors) {
      const { blockBytes } = tensor.geometry(lanes);
      const { firstSegment, lastSegment, first, last } = lifetime;
      if (firstSegment === lastSegment) {
        const place = (offset: number) => scratchOffsets.set(tensor, offset);
        scratch[firstSegment]!.push({ bytes: blockBytes, first, last, place });
      } else {
        const place = (offset: number) =>
          tensors.set(tensor, { address: arena + offset, blockBytes, perThread: false });
        shared.push({ ...segmentsOf(lifetime), bytes: aligned(blockBytes * blocks), place });
      }
    }
    const own = new Map<Region, number>();
    temporaries.set(draft, own);
    for (const [region, lifetime] of draft.temporaries) {
      const place = (offset: number) => own.set(region, arena + offset);
      shared.push({ ...segmentsOf(lifetime), bytes: aligned(region.bytes), place });
    }
    sharedBytes = Math.max(sharedBytes, placeItems(shared));
    for (const items of scratch) scratchBytes = Math.max(scratchBytes, placeItems(items));
  }
  const scratchBase = arena + sharedBytes;
  for (const [tensor, offset] of scratchOffsets)
    tensors.set(tensor, { address: scratchBase + offset, blockBytes: scratchBytes, perThread: true });
  const end = scratchBase + scratchBytes * threadCount;
  const plan = {
    activationBytes: end - arena + (bytesFor.get("activations") ?? 0),
    weightBytes: bytesFor.get("weights") ?? 0,
    optimiserBytes: bytesFor.get("optimiser") ?? 0,
    peakBytes: end,
    processBytes: end + CODE_BYTES + THREAD_BYTES * (threadCount - 1),
  };
  return { addresses, tensors, temporaries, arena, end, plan };
}

/** One behind the other. */
function placeLasting(lasting: Iterable<Region>, start: number) {
  const addresses = new Map<Region, number>();
  const bytesFor = new Map<Purpose, number>();
  let end = start;
  for (const region of new Set(lasting)) {
    const { purpose } = region;
    const bytes = aligned(region.bytes);
    addresses.set(region, end);
    bytesFor.set(purpose, (bytesFor.get(purpose) ?? 0) + bytes);
    end += bytes;
  }
  return { addresses, bytesFor, end };
}

const segmentsOf = ({ firstSegment, lastSegment }: Lifetime) => ({ first: firstSegment, last: lastSegment });

/** Largest first, each at the lowest offset where nothing stands in its time. @returns bytes of all together */
function placeItems(items: readonly Item[]): number {
  const placed: (Item & { offset: number })[] = [];
  let total = 0;
  for (const item of [...items].sort((a, b) => b.bytes - a.bytes)) {
    const others = placed
      .filter((other) => other.first <= item.last && item.first <= other.last)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of others) {
      if (offset + item.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    item.place(offset);
    placed.push({ ...item, offset });
    total = Math.max(total, offset + item.bytes);
  }
  return total;
}
