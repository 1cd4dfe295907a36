/**
 * Memory layout. The host writes these records; assembly/border.mjs computes the offset of each field.
 * A value of the network is stored as [blocks][units][rows][pixels][lanes]: a block holds the images of one group of
 * lanes, and a pixel is the same place of all of them, so that every kernel runs along lanes and pixels. Zeros
 * surround and separate the rows where a convolution reads beyond the edge; neighbouring rows share theirs.
 */

/** In tables of units: no unit; its values are 0. */
export const NO_UNIT: u32 = 0xffffffff;

/** Layout of a value. */
@unmanaged
export class Tensor {
  /** Address of unit 0, row 0, pixel 0 of the first block. */
  origin: usize;
  blockBytes: usize;
  unitBytes: usize;
  rowBytes: usize;
  /** Four bytes a lane. */
  pixelBytes: usize;
  units: u32;
  height: u32;
  width: u32;
  /** 1: scratch with one block for each thread, whatever block is being computed. */
  perThread: u32;
  /** Zeros: bytes before a unit's first row, between its rows, and after its last. */
  headBytes: usize;
  gapBytes: usize;
  tailBytes: usize;
}

/** Data of a call, the same for all kernels; written before every call. */
@unmanaged
export class Batch {
  /** Images in the batch; the lanes of the last block beyond them are padding. */
  count: u32;
  blocks: u32;
  /** Runs of blocks whose sums are stored separately; a shard belongs to one thread. */
  shards: u32;
  /** Number of steps before this one: dropout depends on it. */
  step: u32;
}

/** This instance's thread, block and shard: kernels with partial sums store them by shard. */
export let thread: u32 = 0;
export let threadCount: u32 = 1;
export let shard: u32 = 0;
export let firstOfShard: bool = true;
let batch: usize = 0;

export function setThread(thread_: u32, threadCount_: u32): void {
  thread = thread_;
  threadCount = threadCount_;
}

export function setShard(shard_: u32, first: bool): void {
  shard = shard_;
  firstOfShard = first;
}

export function setBatch(batch_: usize): void {
  batch = batch_;
}

@inline
export function batchNow(): Batch {
  return changetype<Batch>(batch);
}

/** The record of the optimiser's step: it follows the batch record. */
@inline
export function optimiserNow(): usize {
  return batch + offsetof<Batch>();
}

@inline
export function tensorAt(address: usize): Tensor {
  return changetype<Tensor>(address);
}

/** Address of unit 0, row 0, pixel 0. */
@inline
export function blockOf(tensor: Tensor, block: u32): usize {
  return tensor.origin + <usize>(tensor.perThread ? thread : block) * tensor.blockBytes;
}

/** Lanes of a block that hold images. */
@inline
export function validLanes(tensor: Tensor, block: u32): u32 {
  const lanes = <u32>(tensor.pixelBytes >> 2);
  const before = block * lanes;
  const count = batchNow().count;
  return count <= before ? 0 : min(lanes, count - before);
}

/** Where this thread's share of `count` things starts; the share ends where the next thread's starts. */
@inline
export function shareStart(count: u32, part: u32): u32 {
  return <u32>((<u64>count * part) / threadCount);
}
