/**
 * First pass over the walks at a layer: which kernel of its row each one takes. `chosen` gets, for each entry of the
 * bucket, the kernel's number j in the row, and above it 32 random bits that draw inside the kernel.
 * From 64 random bits z, j is the high half of (z >> 32) · n; the coin of alias and rejection is its low half, or,
 * where kernels are single weights and nothing else needs them, the lower bits of z.
 */
import { drawAlias } from "./alias";
import { Bucket, chosen, Layer, pending } from "./layout";
import { mix, RETRY, WALK_STEP } from "./random";
import { acceptExactly } from "./reject";

export function chooseUniformly(bucket: Bucket, counter: u64, n: u32): void {
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const out = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const z = mix(counter + <u64>load<u32>(entries + at) * WALK_STEP);
    store<u64>(out + at, (((z >> 32) * <u64>n) >> 32) | (z << 32));
  }
}

@inline
export function chooseByAlias(bucket: Bucket, counter: u64, table: usize, n: u32, coinApart: bool): void {
  const entries = bucket.entries;
  const bytes = (<usize>bucket.count) << 3;
  const out = chosen;
  for (let at: usize = 0; at < bytes; at += 8) {
    const entry = load<u64>(entries + at);
    const z = mix(counter + (entry & 0xffffffff) * WALK_STEP);
    const product = (z >> 32) * <u64>n;
    const row = table + ((<usize>(entry >> 32) * n) << 3);
    const j = drawAlias(row, <u32>(product >> 32), coinApart ? <u32>z : <u32>product);
    store<u64>(out + at, <u64>j | (z << 32));
  }
}

/** Round after round, each over the walks that the one before rejected: no branch hangs on a coin. */
export function chooseByRejection(layer: Layer, bucket: Bucket, counter: u64, forward: bool): void {
  if (layer.kernelSize == 1) rejectInRounds(layer, bucket, counter, forward, true);
  else rejectInRounds(layer, bucket, counter, forward, false);
}

@inline
function rejectInRounds(
  layer: Layer,
  bucket: Bucket,
  counter: u64,
  forward: bool,
  coinApart: bool,
): void {
  const entries = bucket.entries;
  const table = forward ? layer.forwardTable : layer.backwardTable;
  const n = forward ? layer.outPerGroup : layer.inPerGroup;
  const left = pending;
  let leftCount: usize = 0;
  const bytes = (<usize>bucket.count) << 3;
  for (let at: usize = 0; at < bytes; at += 8) {
    const rejected = propose(layer, entries, at, counter, forward, coinApart, table, n);
    store<u32>(left + leftCount, <u32>at);
    leftCount += <usize>rejected << 2;
  }
  while (leftCount > 0) {
    counter += RETRY;
    const end = left + leftCount;
    leftCount = 0;
    for (let next = left; next < end; next += 4) {
      const at = load<u32>(next);
      const rejected = propose(layer, entries, at, counter, forward, coinApart, table, n);
      store<u32>(left + leftCount, at);
      leftCount += <usize>rejected << 2;
    }
  }
}

/** @returns 1 where the proposal is rejected */
@inline
function propose(
  layer: Layer,
  entries: usize,
  at: usize,
  counter: u64,
  forward: bool,
  coinApart: bool,
  table: usize,
  n: u32,
): u32 {
  const entry = load<u64>(entries + at);
  const unit = <u32>(entry >> 32);
  const z = mix(counter + (entry & 0xffffffff) * WALK_STEP);
  const product = (z >> 32) * <u64>n;
  const j = <u32>(product >> 32);
  const coin = coinApart ? <u32>z : <u32>product;
  store<u64>(chosen + at, <u64>j | (z << 32));
  const byte = <u32>load<u8>(table + <usize>unit * n + j);
  const upper = coin >> 24;
  if (upper == byte) return rejectedExactly(layer, forward, unit, j, coin);
  return <u32>(upper > byte);
}

function rejectedExactly(layer: Layer, forward: bool, unit: u32, j: u32, coin: u32): u32 {
  const perGroup = forward ? layer.inPerGroup : layer.outPerGroup;
  const group = unit / perGroup;
  const kernel = forward
    ? (group * layer.outPerGroup + j) * layer.inPerGroup + unit - group * perGroup
    : unit * layer.inPerGroup + j;
  const maxima = forward ? layer.forwardMax : layer.backwardMax;
  return <u32>!acceptExactly(layer, kernel, load<f64>(maxima + ((<usize>unit) << 3)), coin);
}
