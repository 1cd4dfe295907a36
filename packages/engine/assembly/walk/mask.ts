/** The kept edges, one bit each: edge e is bit e mod 32 of word ⌊e / 32⌋. */
import { edgeCounts, edgeIds, everyLevel, levelBytes, levelCount, NO_EDGE, wholeKernels } from "./layout";

let bits: usize = 0;
let edgeCount: u32 = 0;
let keptCount: u32 = 0;
let stepCount: u64 = 0;

export function setMask(bits_: usize, edgeCount_: u32): void {
  bits = bits_;
  edgeCount = edgeCount_;
  clearMask();
}

export function clearMask(): void {
  memory.fill(bits, 0, ((<usize>edgeCount + 31) >> 5) << 2);
  keptCount = 0;
  stepCount = 0;
}

export function kept(): u32 {
  return keptCount;
}

export function steps(): f64 {
  return <f64>stepCount;
}

@inline
export function isKept(edge: u32): u32 {
  return (load<u32>(bits + (<usize>(edge >> 5) << 2)) >> (edge & 31)) & 1;
}

/** Keeps an edge; 1 if it was not kept before. */
@inline
function mark(edge: u32): u32 {
  return markAt(bits, edge);
}

@inline
function markAt(words: usize, edge: u32): u32 {
  const at = words + (<usize>(edge >> 5) << 2);
  const before = load<u32>(at);
  const bit = edge & 31;
  store<u32>(at, before | (1 << bit));
  return ((before >> bit) & 1) ^ 1;
}

/**
 * Keeps the edges of the first walks of the batch, in walk order, up to the one that reaches keepCount.
 * @returns the number of walks used, at most count
 */
export function commit(count: u32, keepCount: u32): u32 {
  const end = levelBytes * levelCount;
  let walk = edgeIds;
  let total = keptCount;
  let taken: u32 = 0;
  if (wholeKernels) {
    const sizes = edgeCounts - edgeIds;
    while (taken < count && total < keepCount) {
      for (let level: usize = 0; level < end; level += levelBytes) {
        const first = load<u32>(walk + level);
        if (first == NO_EDGE) continue;
        stepCount++;
        const last = first + load<u32>(walk + sizes + level);
        for (let edge = first; edge < last; edge++) total += mark(edge);
      }
      walk += 4;
      taken++;
    }
  } else if (everyLevel) {
    const stride = levelBytes;
    const words = bits;
    while (taken < count && total < keepCount) {
      for (let level: usize = 0; level < end; level += stride) total += markAt(words, load<u32>(walk + level));
      walk += 4;
      taken++;
    }
    stepCount += <u64>taken * <u64>levelCount;
  } else {
    while (taken < count && total < keepCount) {
      for (let level: usize = 0; level < end; level += levelBytes) {
        const edge = load<u32>(walk + level);
        if (edge == NO_EDGE) continue;
        stepCount++;
        total += mark(edge);
      }
      walk += 4;
      taken++;
    }
  }
  keptCount = total;
  return taken;
}

/** Keeps edge first + i if byte i is not 0. */
export function keepBytes(bytes: usize, first: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    if (load<u8>(bytes + i)) keptCount += mark(first + i);
  }
}

/** Writes edges first … first + count − 1 as bytes, 1 = kept. `first` is a multiple of 32. */
export function expandBits(out: usize, first: u32, count: u32): void {
  const one = i8x16.splat(1);
  // copies each byte of a half-word eight times and tests one bit in each copy
  const select = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
  let word = bits + (<usize>(first >> 5) << 2);
  let i: u32 = 0;
  for (; i + 16 <= count; i += 16) {
    const spread = v128.swizzle(i16x8.splat(load<u16>(word)), i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
    v128.store(out + i, v128.and(i8x16.eq(v128.and(spread, select), select), one));
    word += 2;
  }
  for (; i < count; i++) store<u8>(out + i, <u8>isKept(first + i));
}
