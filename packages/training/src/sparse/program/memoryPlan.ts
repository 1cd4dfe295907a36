/**
 * Places everything in memory before the first step. What outlives a program stands side by side; tensors and sums
 * share the rest by the time they are needed: within a segment every thread has its own scratch, over segments a
 * tensor holds all blocks.
 */
import type { PlannedMemory } from "../../executor.ts";
import type { Lifetime, ProgramDraft, Purpose, Region } from "../lower/draft.ts";
import type { PlannedTensor } from "../lower/tensor.ts";

export type { PlannedMemory as MemoryPlan };

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
  readonly tensors: ReadonlyMap<PlannedTensor, PlacedTensor>;
  /** Addresses of what a program needs for a part of its time; each program has its own. */
  readonly temporaries: ReadonlyMap<ProgramDraft, ReadonlyMap<Region, number>>;
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
  readonly place: (offset: number) => void;
}

/** A cache line. */
const ALIGNMENT = 64;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/**
 * Gives addresses to all regions and tensors of the programs.
 * @param start first free address, a multiple of 64
 */
export function placeInMemory(
  drafts: readonly ProgramDraft[],
  lasting: Iterable<Region>,
  options: {
    readonly start: number;
    readonly lanes: number;
    readonly blocks: number;
    readonly threadCount: number;
  },
): Placement {
  const { start, lanes, blocks, threadCount } = options;
  const bytesFor = new Map<Purpose, number>();
  let next = start;
  for (const region of new Set(lasting)) {
    const bytes = aligned(region.bytes());
    region.address = next;
    next += bytes;
    bytesFor.set(region.purpose, (bytesFor.get(region.purpose) ?? 0) + bytes);
  }
  const tensors = new Map<PlannedTensor, PlacedTensor>();
  const temporaries = new Map<ProgramDraft, Map<Region, number>>();
  const sharedBase = next;
  const scratchOffsets = new Map<PlannedTensor, number>();
  let sharedBytes = 0;
  let scratchBytes = 0;
  for (const draft of drafts) {
    const shared: Item[] = [];
    const scratch = draft.segments.map((): Item[] => []);
    for (const [tensor, lifetime] of draft.tensors) {
      const { blockBytes } = tensor.geometry(lanes);
      if (lifetime.firstSegment === lifetime.lastSegment) {
        scratch[lifetime.firstSegment]!.push({
          bytes: blockBytes,
          first: lifetime.first,
          last: lifetime.last,
          place: (offset) => scratchOffsets.set(tensor, offset),
        });
      } else {
        shared.push({
          ...segmentsOf(lifetime),
          bytes: aligned(blockBytes * blocks),
          place: (offset) =>
            tensors.set(tensor, { address: sharedBase + offset, blockBytes, perThread: false }),
        });
      }
    }
    const addresses = new Map<Region, number>();
    temporaries.set(draft, addresses);
    for (const [region, lifetime] of draft.temporaries) {
      shared.push({
        ...segmentsOf(lifetime),
        bytes: aligned(region.bytes()),
        place: (offset) => addresses.set(region, sharedBase + offset),
      });
    }
    sharedBytes = Math.max(sharedBytes, place(shared));
    for (const items of scratch) scratchBytes = Math.max(scratchBytes, place(items));
  }
  const scratchBase = sharedBase + sharedBytes;
  for (const [tensor, offset] of scratchOffsets)
    tensors.set(tensor, { address: scratchBase + offset, blockBytes: scratchBytes, perThread: true });
  const end = scratchBase + scratchBytes * threadCount;
  return {
    tensors,
    temporaries,
    arena: sharedBase,
    end,
    plan: {
      activationBytes: sharedBytes + scratchBytes * threadCount + (bytesFor.get("activations") ?? 0),
      weightBytes: bytesFor.get("weights") ?? 0,
      optimiserBytes: bytesFor.get("optimiser") ?? 0,
      peakBytes: end,
      processBytes: end + CODE_BYTES + THREAD_BYTES * (threadCount - 1),
    },
  };
}

const segmentsOf = ({ firstSegment, lastSegment }: Lifetime) => ({ first: firstSegment, last: lastSegment });

/** Largest first, each at the lowest offset where nothing stands in its time. @returns bytes of all together */
function place(items: readonly Item[]): number {
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
