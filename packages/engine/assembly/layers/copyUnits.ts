/** Copies units from one value to another: concat, slice, and the backward passes of these and of add. */
import { blockOf, NO_UNIT, tensorAt } from "./layout";

@unmanaged
export class CopyUnits {
  /** Tensor records of one height and width. */
  input: usize;
  output: usize;
  /** {u32 unit of the input or NO_UNIT, u32 unit of the output} */
  pairs: usize;
  pairCount: u32;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

@kernel
export function copyUnits(op: CopyUnits, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const bytes = <usize>output.width * output.pixelBytes;
  const accumulate = op.accumulate != 0;
  for (let k: u32 = 0; k < op.pairCount; k++) {
    const pair = op.pairs + (<usize>k << 3);
    const from = load<u32>(pair);
    let y = blockOf(output, block) + <usize>load<u32>(pair, 4) * output.unitBytes;
    let x = blockOf(input, block) + <usize>from * input.unitBytes;
    for (let row: u32 = 0; row < output.height; row++) {
      if (from == NO_UNIT) {
        if (!accumulate) memory.fill(y, 0, bytes);
      } else if (accumulate) {
        for (let at: usize = 0; at < bytes; at += 16) {
          v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)));
        }
      } else {
        memory.copy(y, x, bytes);
      }
      x += input.rowBytes;
      y += output.rowBytes;
    }
  }
}

@unmanaged
export class CopyPlaces {
  /** Tensor records: `places` has one pixel a unit. */
  plane: usize;
  places: usize;
  /** u32[units of places]: bytes of the pixel from the plane's block, or NO_UNIT. */
  offsets: usize;
  /** 1: adds to what the plane holds (backward only). */
  accumulate: u32;
}

/** Flatten: every place of every channel becomes a unit. */
@kernel
export function flatten(op: CopyPlaces, block: u32): void {
  const places = tensorAt(op.places);
  const plane = blockOf(tensorAt(op.plane), block);
  let to = blockOf(places, block);
  for (let u: u32 = 0; u < places.units; u++) {
    const offset = load<u32>(op.offsets + (<usize>u << 2));
    if (offset == NO_UNIT) memory.fill(to, 0, places.pixelBytes);
    else memory.copy(to, plane + offset, places.pixelBytes);
    to += places.unitBytes;
  }
}

@kernel
export function flattenBackward(op: CopyPlaces, block: u32): void {
  const places = tensorAt(op.places);
  const plane = blockOf(tensorAt(op.plane), block);
  let from = blockOf(places, block);
  for (let u: u32 = 0; u < places.units; u++, from += places.unitBytes) {
    const offset = load<u32>(op.offsets + (<usize>u << 2));
    if (offset == NO_UNIT) continue;
    const to = plane + offset;
    for (let lane: usize = 0; lane < places.pixelBytes; lane += 16) {
      const v = v128.load(from + lane);
      v128.store(to + lane, op.accumulate ? f32x4.add(v128.load(to + lane), v) : v);
    }
  }
}

@unmanaged
export class ClearBorder {
  /** Tensor record. */
  tensor: usize;
}

/** Zeros around and between the rows of every unit. */
@kernel
export function clearBorder(op: ClearBorder, block: u32): void {
  const tensor = tensorAt(op.tensor);
  const head = tensor.headBytes;
  const gap = tensor.gapBytes;
  const tail = tensor.tailBytes;
  const bytes = <usize>tensor.width * tensor.pixelBytes;
  const height = tensor.height;
  let unit = blockOf(tensor, block);
  for (let u: u32 = 0; u < tensor.units; u++) {
    if (head) memory.fill(unit - head, 0, head);
    let at = unit + bytes;
    if (gap) {
      for (let y: u32 = 1; y < height; y++) {
        for (let zero: usize = 0; zero < gap; zero += 16) v128.store(at + zero, f32x4.splat(0));
        at += tensor.rowBytes;
      }
    }
    if (tail) memory.fill(unit + <usize>(height - 1) * tensor.rowBytes + bytes, 0, tail);
    unit += tensor.unitBytes;
  }
}

@unmanaged
export class ClearTensor {
  /** Tensor record. */
  tensor: usize;
}

/** Zeros at every place of every unit. */
@kernel
export function clearTensor(op: ClearTensor, block: u32): void {
  const tensor = tensorAt(op.tensor);
  const bytes = <usize>tensor.width * tensor.pixelBytes;
  for (let u: u32 = 0; u < tensor.units; u++) {
    let row = blockOf(tensor, block) + <usize>u * tensor.unitBytes;
    for (let y: u32 = 0; y < tensor.height; y++) {
      memory.fill(row, 0, bytes);
      row += tensor.rowBytes;
    }
  }
}
