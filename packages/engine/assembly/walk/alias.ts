/**
 * Alias tables: column j of a row of n is drawn with probability norm_j / sum by one access.
 * Entry j: u32 threshold, u32 other; a uniformly random entry gives j where a coin is below its threshold, else other.
 * Source: Vose, IEEE Trans. Software Engineering 17 (1991) 972–975.
 */
import { normOf } from "./bias";
import { biasMode, layerAt } from "./layout";

/** Rows of a forward table that are made at once: neighbours in memory. */
const TILE: u32 = 8;

/** Bytes of scratch for making a layer's tables. */
export function aliasScratchBytes(outPerGroup: u32, inPerGroup: u32): f64 {
  const forward = <f64>outPerGroup * <f64>(TILE * 8 + 4);
  const backward = <f64>inPerGroup * 12.0;
  return max(forward, backward);
}

/** @param table 8 bytes for each kernel, by output unit */
export function makeBackwardAlias(l: u32, table: usize, scratch: usize): void {
  const layer = layerAt(l);
  const n = layer.inPerGroup;
  const rowBytes = (<usize>n) << 3;
  layer.backwardTable = table;
  let kernel: u32 = 0;
  for (let o: u32 = 0, outCount = layer.outCount; o < outCount; o++) {
    let sum: f64 = 0;
    for (let at = scratch, end = scratch + rowBytes; at < end; at += 8) {
      const norm = normOf(layer.weight, kernel++, layer.kernelSize, biasMode);
      store<f64>(at, norm);
      sum += norm;
    }
    makeRow(scratch, n, sum, table, scratch + rowBytes);
    table += rowBytes;
  }
}

/** @param table 8 bytes for each kernel, by input unit */
export function makeForwardAlias(l: u32, table: usize, scratch: usize): void {
  const layer = layerAt(l);
  const n = layer.outPerGroup;
  const inPerGroup = layer.inPerGroup;
  const rowBytes = (<usize>n) << 3;
  const stack = scratch + rowBytes * TILE;
  layer.forwardTable = table;
  for (let group: u32 = 0, groups = layer.groups; group < groups; group++) {
    for (let first: u32 = 0; first < inPerGroup; first += TILE) {
      const width = min(TILE, inPerGroup - first);
      let kernel = group * n * inPerGroup + first;
      for (let row: usize = 0; row < rowBytes; row += 8) {
        for (let i: u32 = 0; i < width; i++) {
          store<f64>(
            scratch + rowBytes * i + row,
            normOf(layer.weight, kernel + i, layer.kernelSize, biasMode),
          );
        }
        kernel += inPerGroup;
      }
      for (let i: u32 = 0; i < width; i++) {
        const norms = scratch + rowBytes * i;
        let sum: f64 = 0;
        for (let at = norms, end = norms + rowBytes; at < end; at += 8) sum += load<f64>(at);
        makeRow(norms, n, sum, table, stack);
        table += rowBytes;
      }
    }
  }
}

@inline
function setEntry(table: usize, j: u32, share: f64, other: u32): void {
  // rounded up, so that no weight with a share is lost
  const threshold = <u32>min<u64>(<u64>ceil(share * 4294967296.0), 0xffffffff);
  store<u64>(table + ((<usize>j) << 3), <u64>threshold | (<u64>other << 32));
}

/** @param row f64[n], overwritten; @param stack u32[n] */
function makeRow(row: usize, n: u32, sum: f64, table: usize, stack: usize): void {
  if (sum == 0) {
    for (let j: u32 = 0; j < n; j++) setEntry(table, j, 1, j);
    return;
  }
  // columns below their fair share are at the front of the stack, the others at its end
  let below: u32 = 0;
  let above = n;
  const scale = <f64>n / sum;
  for (let j: u32 = 0; j < n; j++) {
    const at = row + ((<usize>j) << 3);
    const share = load<f64>(at) * scale;
    store<f64>(at, share);
    const small = share < 1;
    above -= <u32>!small;
    store<u32>(stack + ((<usize>(small ? below : above)) << 2), j);
    below += <u32>small;
  }
  while (below > 0 && above < n) {
    below--;
    const j = load<u32>(stack + ((<usize>below) << 2));
    const other = load<u32>(stack + ((<usize>above) << 2));
    const share = load<f64>(row + ((<usize>j) << 3));
    setEntry(table, j, share, other);
    const at = row + ((<usize>other) << 3);
    const left = load<f64>(at) - (1 - share);
    store<f64>(at, left);
    if (left < 1) {
      above++;
      store<u32>(stack + ((<usize>below) << 2), other);
      below++;
    }
  }
  // the remaining shares are 1 except for rounding
  while (above < n) {
    const j = load<u32>(stack + ((<usize>above) << 2));
    setEntry(table, j, 1, j);
    above++;
  }
  while (below > 0) {
    below--;
    const j = load<u32>(stack + ((<usize>below) << 2));
    setEntry(table, j, 1, j);
  }
}

/** @param coin 32 random bits, independent of those for j */
@inline
export function drawAlias(row: usize, j: u32, coin: u32): u32 {
  const entry = load<u64>(row + ((<usize>j) << 3));
  return select<u32>(j, <u32>(entry >> 32), coin < <u32>entry);
}
