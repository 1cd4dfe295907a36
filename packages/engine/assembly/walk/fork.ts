/** Chooses the link that a walk takes from a unit if several leave it, and the feature of a flattened channel. */
import {
  backwardExitAt,
  Bucket,
  bucketAt,
  Exit,
  forwardExitAt,
  layerCount,
  Segment,
  segmentAt,
  Way,
  wayAt,
} from "./layout";
import { below, mix, UNIT, WALK_STEP } from "./random";

/** Moves the walks of a bucket from the units that leave `node` to their targets. Empties the bucket. */
export function leaveForward(node: u32, counter: u64): void {
  leave(node, counter, true);
}

export function leaveBackward(node: u32, counter: u64): void {
  leave(node, counter, false);
}

@inline
function leave(node: u32, counter: u64, forward: bool): void {
  const bucket = bucketAt(node);
  const exit = forward ? forwardExitAt(node) : backwardExitAt(node);
  const end = forward ? layerCount + 1 : 0;
  if (exit.segmentCount == 1 && segmentAt(exit, 0).wayCount == 1) {
    const way = wayAt(segmentAt(exit, 0), 0);
    if (way.target != end) sendAll(bucket, way, counter, forward);
  } else {
    sendEach(bucket, exit, counter, end, forward);
  }
  bucket.count = 0;
}

/** All units have the same single link. */
@inline
function sendAll(bucket: Bucket, way: Way, counter: u64, forward: bool): void {
  const target = bucketAt(way.target);
  const sourceStart = way.sourceStart;
  const targetStart = way.targetStart;
  const spread = way.spread;
  if (target.count == 0 && spread == 1 && sourceStart == targetStart) {
    swapEntries(bucket, target);
    return;
  }
  const from = bucket.entries;
  const to = target.entries + ((<usize>target.count) << 3);
  const bytes = (<usize>bucket.count) << 3;
  if (spread == 1) {
    const shift = <u64>(targetStart - sourceStart) << 32;
    for (let at: usize = 0; at < bytes; at += 8) store<u64>(to + at, load<u64>(from + at) + shift);
  } else {
    for (let at: usize = 0; at < bytes; at += 8) {
      const entry = load<u64>(from + at);
      const unit = arrival(<u32>(entry >> 32), sourceStart, targetStart, spread, <u32>entry, counter, forward);
      store<u64>(to + at, (entry & 0xffffffff) | (<u64>unit << 32));
    }
  }
  target.count += bucket.count;
}

function swapEntries(full: Bucket, empty: Bucket): void {
  const entries = empty.entries;
  empty.entries = full.entries;
  empty.count = full.count;
  full.entries = entries;
}

@inline
function arrival(
  unit: u32,
  sourceStart: u32,
  targetStart: u32,
  spread: u32,
  slot: u32,
  counter: u64,
  forward: bool,
): u32 {
  if (!forward) return targetStart + (unit - sourceStart) / spread;
  const bits = <u32>mix(counter + <u64>slot * WALK_STEP);
  return targetStart + (unit - sourceStart) * spread + below(bits, spread);
}

@inline
function sendEach(bucket: Bucket, exit: Exit, counter: u64, end: u32, forward: bool): void {
  const segmentOf = exit.segmentOf;
  const oneSegment = exit.segmentCount == 1;
  let at = bucket.entries;
  const stop = at + ((<usize>bucket.count) << 3);
  for (; at < stop; at += 8) {
    const entry = load<u64>(at);
    const slot = <u32>entry;
    const unit = <u32>(entry >> 32);
    const segment = segmentAt(exit, oneSegment ? 0 : load<u32>(segmentOf + ((<usize>unit) << 2)));
    const way = chooseWay(segment, unit, <u32>(mix(counter + <u64>slot * WALK_STEP) >> 32));
    if (way.target == end) continue;
    const target = bucketAt(way.target);
    const next = arrival(unit, way.sourceStart, way.targetStart, way.spread, slot, counter, forward);
    store<u64>(target.entries + ((<usize>target.count) << 3), <u64>slot | (<u64>next << 32));
    target.count++;
  }
}

@inline
function chooseWay(segment: Segment, unit: u32, bits: u32): Way {
  const wayCount = segment.wayCount;
  if (wayCount == 1) return wayAt(segment, 0);
  if (segment.cumulative != 0) {
    const row = segment.cumulative + ((<usize>(unit - segment.firstUnit) * wayCount) << 3);
    const target = <f64>bits * UNIT * load<f64>(row + ((<usize>(wayCount - 1)) << 3));
    let w: u32 = 0;
    while (load<f64>(row + ((<usize>w) << 3)) <= target) w++;
    return wayAt(segment, w);
  }
  return wayAt(segment, below(bits, wayCount));
}
