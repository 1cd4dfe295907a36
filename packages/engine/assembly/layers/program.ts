/**
 * Runs programs: lists of instructions in memory that every thread walks through, each on its share of the work.
 * A segment is computed block by block: all its instructions on one block, then on the next, so that what one writes
 * is still in the cache when the next reads it. Between segments all threads wait for each other.
 */
import { call } from "./kernels";
import { batchNow, setShard, shareStart, thread, threadCount } from "./layout";

/** Milliseconds; only called where a program is timed. */
// @ts-ignore: decorator
@external("env", "now")
declare function now(): f64;

@unmanaged
export class Program {
  segments: usize;
  segmentCount: u32;
  /** f64[blocks][2], losses first. */
  losses: usize;
  /** u32: set by an instruction behind which a segment that asks for it is not begun. */
  stop: usize;
  /** f64[threads][instructions]: milliseconds of each thread's calls, added up; 0 where nothing is timed. */
  times: usize;
  /** Bytes from a thread's times to the next's. */
  timeBytes: usize;
}

@unmanaged
export class Segment {
  /** Instructions that every thread carries out in full, then those of the body. */
  prologue: usize;
  prologueCount: u32;
  body: usize;
  bodyCount: u32;
  /** BLOCKS: the body runs for every block of the thread's shards. SHARES: once; kernels take their thread's share. */
  kind: u32;
  /** 1: the program ends here where the loss is not finite, or an instruction said stop. */
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
 * Carries out this thread's part. Returns when all threads are done.
 * @param barrier i32[2 + shards] in shared memory: threads that have arrived, how often all have, and see `claim`
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

/** The k-th shard that this thread asks for: its own in order, then those of others, the last of them first. */
@inline
function nextShard(k: u32, first: u32, last: u32): u32 {
  const own = last - first;
  if (k < own) return first + k;
  const shards = batchNow().shards;
  return k < own + shards - last ? shards - 1 - (k - own) : first - 1 - (k - own - (shards - last));
}

/**
 * True for the one thread that computes a shard of the segment at hand. A thread that was held up leaves its last ones
 * to others: who computes a shard makes no difference to its numbers.
 * @param barrier behind its two numbers, for each shard, the meeting before the segment for which it was last claimed
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

/** Looks this often before it sleeps: some tens of microseconds, less than falling asleep and waking up cost. */
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
 * The life of a worker thread: runs the program it is given until there is none.
 * @param orders u32[2] in shared memory: how many orders were given, and the program's address, 0 to end
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
