/**
 * Runs programs: lists of instructions in memory that every thread executes, each on its share of the work. A segment
 * is computed block by block: all its instructions on one block, then on the next, so that data written by one is
 * still in the cache when the next reads it. Between segments all threads wait for each other.
 */
import { call } from "./kernels";
import { batchNow, setShard, shareStart, thread, threadCount } from "./layout";

/** Milliseconds; only called if a program is timed. */
// @ts-ignore: decorator
@external("env", "now")
declare function now(): f64;

@unmanaged
export class Program {
  segments: usize;
  segmentCount: u32;
  /** f64[blocks][2], losses first. */
  losses: usize;
  /** u32: set by an instruction to stop the program before the next segment that checks it. */
  stop: usize;
  /** f64[threads][instructions]: milliseconds of each thread's calls, summed; 0 if nothing is timed. */
  times: usize;
  /** Distance in bytes between the times of two threads. */
  timeBytes: usize;
}

@unmanaged
export class Segment {
  /** Instructions that every thread executes in full, followed by those of the body. */
  prologue: usize;
  prologueCount: u32;
  body: usize;
  bodyCount: u32;
  /** BLOCKS: the body runs for every block of the thread's shards. SHARES: once; kernels take their thread's share. */
  kind: u32;
  /** 1: the program ends here if the loss is not finite, or if an instruction set `stop`. */
  stops: u32;
  /** Index of the prologue's first instruction in `times`; the body follows it. */
  firstTime: u32;
}

@unmanaged
export class Instruction {
  kernel: u32;
  record: usize;
}

const BLOCKS: u32 = 0;

const INSTRUCTION_BYTES: usize = offsetof<Instruction>();
const SEGMENT_BYTES: usize = offsetof<Segment>();

function callAll(list: usize, count: u32, block: u32, times: usize): void {
  for (let k: u32 = 0; k < count; k++) {
    const instruction = changetype<Instruction>(list + <usize>k * INSTRUCTION_BYTES);
    if (times == 0) {
      call(instruction.kernel, instruction.record, block);
    } else {
      const start = now();
      call(instruction.kernel, instruction.record, block);
      const cell = times + (<usize>k << 3);
      store<f64>(cell, load<f64>(cell) + now() - start);
    }
  }
}

/**
 * Runs this thread's part. Returns when all threads are done.
 * @param barrier i32[2 + shards] in shared memory: number of threads that have arrived, number of meetings, and see
 * `claim`
 */
export function run(program_: usize, barrier: usize): void {
  const program = changetype<Program>(program_);
  const blocks = batchNow().blocks;
  const shards = batchNow().shards;
  const firstShard = shareStart(shards, thread);
  const lastShard = shareStart(shards, thread + 1);
  for (let s: u32 = 0; s < program.segmentCount; s++) {
    const segment = changetype<Segment>(program.segments + <usize>s * SEGMENT_BYTES);
    if (s > 0) meet(barrier);
    if (segment.stops && (load<u32>(program.stop) != 0 || !isFinite(totalLoss(program)))) break;
    const times = program.times
      ? program.times + <usize>thread * program.timeBytes + (<usize>segment.firstTime << 3)
      : 0;
    callAll(segment.prologue, segment.prologueCount, 0, times);
    const bodyTimes = times ? times + (<usize>segment.prologueCount << 3) : 0;
    if (segment.kind != BLOCKS) {
      callAll(segment.body, segment.bodyCount, 0, bodyTimes);
      continue;
    }
    for (let k: u32 = 0; k < shards; k++) {
      const shard = nextShard(k, firstShard, lastShard);
      if (!claim(barrier, shard)) continue;
      const start = <u32>((<u64>blocks * shard) / shards);
      const end = <u32>((<u64>blocks * (shard + 1)) / shards);
      for (let block = start; block < end; block++) {
        setShard(shard, block == start);
        callAll(segment.body, segment.bodyCount, block, bodyTimes);
      }
    }
  }
  meet(barrier);
}

/** The k-th shard that this thread tries to claim: its own in order, then those of others, from the last. */
@inline
function nextShard(k: u32, first: u32, last: u32): u32 {
  const own = last - first;
  if (k < own) return first + k;
  const shards = batchNow().shards;
  return k < own + shards - last ? shards - 1 - (k - own) : first - 1 - (k - own - (shards - last));
}

/**
 * True for the one thread that computes a shard of the current segment. Other threads take the last shards of a
 * delayed thread: the numbers of a shard do not depend on the thread.
 * @param barrier after its two numbers, for each shard, the number of the meeting before the segment for which it was
 * last claimed
 */
@inline
function claim(barrier: usize, shard: u32): bool {
  if (threadCount == 1) return true;
  const now = atomic.load<i32>(barrier, 4) + 1;
  const cell = barrier + 8 + (<usize>shard << 2);
  const last = atomic.load<i32>(cell);
  return last != now && atomic.cmpxchg<i32>(cell, last, now) == last;
}

function totalLoss(program: Program): f64 {
  let total: f64 = 0;
  for (let block: u32 = 0; block < batchNow().blocks; block++) total += load<f64>(program.losses + (<usize>block << 4));
  return total;
}

/** Checks before sleeping: some tens of microseconds, less than a sleep and a wake-up cost. */
const SPINS: u32 = 20_000;

/** Waits until all threads are here. */
function meet(barrier: usize): void {
  if (threadCount == 1) return;
  const times = atomic.load<i32>(barrier, 4);
  if (<u32>atomic.add<i32>(barrier, 1) + 1 == threadCount) {
    atomic.store<i32>(barrier, 0);
    atomic.store<i32>(barrier, times + 1, 4);
    atomic.notify(barrier + 4, -1);
    return;
  }
  await_(barrier + 4, times);
}

/** Waits until the number at `cell` is no longer `value`. */
function await_(cell: usize, value: i32): void {
  for (let k: u32 = 0; k < SPINS; k++) if (atomic.load<i32>(cell) != value) return;
  while (atomic.load<i32>(cell) == value) atomic.wait<i32>(cell, value, -1);
}

/**
 * The main loop of a worker thread: runs programs on order until the order to end.
 * @param orders u32[2] in shared memory: number of orders, and the program's address, 0 to end
 */
export function serve(orders: usize, barrier: usize): void {
  let given: i32 = 0;
  while (true) {
    await_(orders, given);
    given = atomic.load<i32>(orders);
    const program = atomic.load<u32>(orders, 4);
    if (program == 0) return;
    run(program, barrier);
  }
}
