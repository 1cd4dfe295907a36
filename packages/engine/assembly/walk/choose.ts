/**
 * First pass over the walks at a layer: chooses the kernel of its row that each takes. `chosen` gets, for each entry
 * of the bucket, the kernel's number j in the row, and above it 32 random bits for the draw inside the kernel.
 * From 32 random bits, j is the high half of bits · n, and its coin, for alias and rejection, the low half. Of the 64
 * bits of a draw the upper ones give j; the lower ones serve the draw inside the kernel or, for single weights, are
 * coins themselves.
 */
import { drawAlias } from "./alias";
import { Bucket, chosen, Layer, pending } from "./layout";
import { mix, RETRY, WALK_STEP } from "./random";
import { acceptExactly } from "./reject";

export function chooseUniformly(layer: Layer, bucket: Bucket, counter: u64, forward: bool): void {
  const n = <u64>(forward ? layer.outPerGroup : layer.inPerGroup);
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const out = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const z = mix(counter + <u64>load<u32>(entries + at) * WALK_STEP);
    store<u64>(out + at, (((z >> 32) * n) >> 32) | (z << 32));
  }
}

export function chooseByAlias(layer: Layer, bucket: Bucket, counter: u64, forward: bool): void {
  if (layer.kernelSize == 1) aliasLoop(layer, bucket, counter, forward, true);
  else aliasLoop(layer, bucket, counter, forward, false);
}

@inline
function aliasLoop(layer: Layer, bucket: Bucket, counter: u64, forward: bool, single: bool): void {
  const n = forward ? layer.outPerGroup : layer.inPerGroup;
  const table = forward ? layer.forwardTable : layer.backwardTable;
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const out = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const entry = load<u64>(entries + at);
    const z = mix(counter + (entry & 0xffffffff) * WALK_STEP);
    const product = (z >> 32) * <u64>n;
    const row = table + ((<usize>(entry >> 32) * n) << 3);
    const j = drawAlias(row, <u32>(product >> 32), single ? <u32>z : <u32>product);
    store<u64>(out + at, <u64>j | (z << 32));
  }
}

/**
 * Proceeds in rounds, each over the walks that the previous one rejected, so that no branch depends on a coin. Single
 * weights are rejected more often than kernels and need no further bits: they get two proposals per round.
 */
export function chooseByRejection(layer: Layer, bucket: Bucket, counter: u64, forward: bool): void {
  if (layer.kernelSize == 1) rejectionLoop(layer, bucket, counter, forward, true);
  else rejectionLoop(layer, bucket, counter, forward, false);
}

@inline
function rejectionLoop(layer: Layer, bucket: Bucket, counter: u64, forward: bool, single: bool): void {
  const n = forward ? layer.outPerGroup : layer.inPerGroup;
  const table = forward ? layer.forwardTable : layer.backwardTable;
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const out = chosen;
  const left = pending;
  let leftBytes: usize = 0;
  for (let at: usize = 0; at < bytes; at += 8) {
    const entry = load<u64>(entries + at);
    const rejected = single
      ? proposeTwo(layer, forward, entry, counter, table, n, out + at)
      : proposeOne(layer, forward, entry, counter, table, n, out + at);
    store<u32>(left + leftBytes, <u32>at);
    leftBytes += rejected << 2;
  }
  while (leftBytes > 0) {
    counter += RETRY;
    const end = leftBytes;
    leftBytes = 0;
    for (let next: usize = 0; next < end; next += 4) {
      const at = <usize>load<u32>(left + next);
      const entry = load<u64>(entries + at);
      const rejected = single
        ? proposeTwo(layer, forward, entry, counter, table, n, out + at)
        : proposeOne(layer, forward, entry, counter, table, n, out + at);
      store<u32>(left + leftBytes, <u32>at);
      leftBytes += rejected << 2;
    }
  }
}

/** @returns 1 if the proposal is rejected; else `out` holds the choice */
@inline
function proposeOne(
  layer: Layer,
  forward: bool,
  entry: u64,
  counter: u64,
  table: usize,
  n: u32,
  out: usize,
): usize {
  const z = mix(counter + (entry & 0xffffffff) * WALK_STEP);
  const product = (z >> 32) * <u64>n;
  const j = <u32>(product >> 32);
  const byte = <u32>load<u8>(table + <usize>(entry >> 32) * n + j);
  const coin = <u32>product >> 24;
  store<u64>(out, <u64>j | (z << 32));
  if (coin == byte) return rejectedExactly(layer, forward, <u32>(entry >> 32), product, mix(z + RETRY));
  return <usize>(coin > byte);
}

@inline
function proposeTwo(
  layer: Layer,
  forward: bool,
  entry: u64,
  counter: u64,
  table: usize,
  n: u32,
  out: usize,
): usize {
  const z = mix(counter + (entry & 0xffffffff) * WALK_STEP);
  const row = table + <usize>(entry >> 32) * n;
  const first = (z >> 32) * <u64>n;
  const second = (z & 0xffffffff) * <u64>n;
  const firstByte = <u32>load<u8>(row + <usize>(first >> 32));
  const secondByte = <u32>load<u8>(row + <usize>(second >> 32));
  const firstCoin = <u32>first >> 24;
  const secondCoin = <u32>second >> 24;
  if (<u32>(firstCoin == firstByte) | <u32>(secondCoin == secondByte)) {
    return proposeTwoExactly(layer, forward, <u32>(entry >> 32), first, second, mix(z + RETRY), out);
  }
  const accepted = firstCoin < firstByte;
  store<u64>(out, (accepted ? first : second) >> 32);
  return <usize>!(<u32>accepted | <u32>(secondCoin < secondByte));
}

/**
 * @param product j and coin; @param more random bits after the coin's, so that even the smallest share can be drawn
 */
function rejectedExactly(layer: Layer, forward: bool, unit: u32, product: u64, more: u64): usize {
  return <usize>!acceptExactly(layer, forward, unit, <u32>(product >> 32), <u32>product, <u32>(more >> 32));
}

function proposeTwoExactly(
  layer: Layer,
  forward: bool,
  unit: u32,
  first: u64,
  second: u64,
  more: u64,
  out: usize,
): usize {
  store<u64>(out, first >> 32);
  if (!rejectedExactly(layer, forward, unit, first, more)) return 0;
  store<u64>(out, second >> 32);
  return rejectedExactly(layer, forward, unit, second, more << 32);
}
