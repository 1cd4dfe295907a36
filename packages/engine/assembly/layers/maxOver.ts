/** Greatest value over the positions that tables name, axis by axis: see resample.ts for the tables. */
import { blockOf, tensorAt } from "./layout";

@unmanaged
export class MaxOver {
  /** Tensor records. Backward: gradients and values of both; so too for tangents. */
  input: usize;
  output: usize;
  inputGradient: usize;
  outputGradient: usize;
  rows: usize;
  columns: usize;
  /** Backward: 1 adds to what inputGradient holds. */
  accumulate: u32;
}

/** What is done with each lane of each position. */
const GREATEST: u32 = 0;
const BACKWARD: u32 = 1;
const TANGENT: u32 = 2;

@kernel
export function maxOver(op: MaxOver, block: u32): void {
  forEachPlace(op, block, GREATEST);
}

/** The gradient goes to the first maximum, row-major. */
@kernel
export function maxOverBackward(op: MaxOver, block: u32): void {
  const gradient = tensorAt(op.inputGradient);
  if (!op.accumulate) {
    for (let u: u32 = 0; u < gradient.units; u++) {
      let row = blockOf(gradient, block) + <usize>u * gradient.unitBytes;
      for (let y: u32 = 0; y < gradient.height; y++) {
        memory.fill(row, 0, <usize>gradient.width * gradient.pixelBytes);
        row += gradient.rowBytes;
      }
    }
  }
  forEachPlace(op, block, BACKWARD);
}

/** Along a direction: the tangent of the first maximum is the result. */
@kernel
export function maxOverTangent(op: MaxOver, block: u32): void {
  forEachPlace(op, block, TANGENT);
}

function forEachPlace(op: MaxOver, block: u32, way: u32): void {
  const output = tensorAt(op.output);
  const rowTerms = op.rows + ((<usize>output.height + 1) << 2);
  const columnTerms = op.columns + ((<usize>output.width + 1) << 2);
  for (let u: u32 = 0; u < output.units; u++) {
    for (let p: u32 = 0; p < output.height; p++) {
      const row = op.rows + (<usize>p << 2);
      const first = rowTerms + (<usize>load<u32>(row) << 3);
      const end = rowTerms + (<usize>load<u32>(row, 4) << 3);
      for (let q: u32 = 0; q < output.width; q++) {
        const column = op.columns + (<usize>q << 2);
        const firstColumn = columnTerms + (<usize>load<u32>(column) << 3);
        const endColumn = columnTerms + (<usize>load<u32>(column, 4) << 3);
        const pixel = output.pixelBytes;
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const to = <usize>q * pixel + lane;
          const y = blockOf(output, block) + <usize>u * output.unitBytes + <usize>p * output.rowBytes + to;
          if (way == GREATEST) {
            v128.store(y, greatestOf(op, block, u, lane, first, end, firstColumn, endColumn));
            continue;
          }
          const other = tensorAt(op.outputGradient);
          const dy = blockOf(other, block) + <usize>u * other.unitBytes + <usize>p * other.rowBytes + to;
          const value = v128.load(y);
          if (way == TANGENT) v128.store(dy, ofWinner(op, block, u, lane, first, end, firstColumn, endColumn, value, f32x4.splat(0), false));
          else ofWinner(op, block, u, lane, first, end, firstColumn, endColumn, value, v128.load(dy), true);
        }
      }
    }
  }
}

function greatestOf(
  op: MaxOver, block: u32, u: u32, lane: usize, first: usize, end: usize, firstColumn: usize, endColumn: usize,
): v128 {
  const input = tensorAt(op.input);
  const x = blockOf(input, block) + <usize>u * input.unitBytes + lane;
  let greatest = f32x4.splat(-Infinity);
  for (let row = first; row < end; row += 8) {
    const from = x + <usize>load<u32>(row) * input.rowBytes;
    for (let column = firstColumn; column < endColumn; column += 8) {
      // max, unlike pmax, propagates NaN: the loss must show it
      greatest = f32x4.max(greatest, v128.load(from + <usize>load<u32>(column) * input.pixelBytes));
    }
  }
  return greatest;
}

/** Adds `gradient` to the first place that holds `greatest`, if `adds` is set, or else gives the tangent there. */
function ofWinner(
  op: MaxOver, block: u32, u: u32, lane: usize, first: usize, end: usize, firstColumn: usize, endColumn: usize,
  greatest: v128, gradient: v128, adds: bool,
): v128 {
  const input = tensorAt(op.input);
  const other = tensorAt(op.inputGradient);
  const x = blockOf(input, block) + <usize>u * input.unitBytes + lane;
  const dx = blockOf(other, block) + <usize>u * other.unitBytes + lane;
  let open = i32x4.splat(-1);
  let tangent = f32x4.splat(0);
  for (let row = first; row < end; row += 8) {
    const at = <usize>load<u32>(row);
    for (let column = firstColumn; column < endColumn; column += 8) {
      const q = <usize>load<u32>(column);
      const wins = v128.and(open, f32x4.eq(v128.load(x + at * input.rowBytes + q * input.pixelBytes), greatest));
      open = v128.andnot(open, wins);
      const own = dx + at * other.rowBytes + q * other.pixelBytes;
      if (adds) v128.store(own, f32x4.add(v128.load(own), v128.and(gradient, wins)));
      else tangent = v128.bitselect(v128.load(own), tangent, wins);
    }
  }
  return tangent;
}
