/**
 * Both gradients of a sparse convolution in one pass over the gradient g of its output:
 *   ∂L/∂x[i, u, v] += Σ_{kept (o, r, c)} w · g[o, p, q],     ∂L/∂w = Σ_{p, q, images} x[i, u, v] · g[o, p, q]
 * where (p, q) is the output to which weight (r, c) carries input (u, v). The inputs of a unit are divided into
 * classes by (u mod stride, v mod stride): within a class every weight shifts all places equally. The zeros around g
 * replace outputs that do not exist.
 * The sums for weights are added to this shard's row of `weightGradient`.
 */
import { blockOf, shard, tensorAt } from "./layout";
import { fillRun } from "./runs";
import { sumLanes, sumLanes4 } from "./sumLanes";

@unmanaged
export class SparseConvolutionBackward {
  /** Tensor records; inputGradient is 0 if not wanted. */
  input: usize;
  inputGradient: usize;
  outputGradient: usize;
  /** Class records, one after another. */
  classes: usize;
  classCount: u32;
  /** {u32 bytes from the class's place in outputGradient, f32 weight}, by class, then by output unit and tap. */
  entries: usize;
  entryCount: u32;
  /** f32[shards][entries]; shard rows lie shardBytes apart. */
  weightGradient: usize;
  shardBytes: usize;
  /** 1: adds to what inputGradient holds. */
  accumulate: u32;
  strideY: u32;
  strideX: u32;
  /** Rows of a class that are computed together, and rows of the tallest class. */
  tileRows: u32;
  height: u32;
}

/** Places of one input unit that share their weights. */
@unmanaged
export class PlaceClass {
  entryCount: u32;
  rows: u32;
  columns: u32;
  /** Bytes from the block's origin to the first place, in input and inputGradient. */
  inputOffset: usize;
  gradientOffset: usize;
}

const CLASS_BYTES: usize = offsetof<PlaceClass>();

@kernel
export function sparseConvolutionBackward(op: SparseConvolutionBackward, block: u32): void {
  if (op.inputGradient) backward(op, block, true);
  else backward(op, block, false);
}

@inline
function backward(op: SparseConvolutionBackward, block: u32, toInput: bool): void {
  const input = tensorAt(op.input);
  const outputGradient = tensorAt(op.outputGradient);
  const inputGradient = tensorAt(toInput ? op.inputGradient : op.input);
  const pixel = outputGradient.pixelBytes;
  const strideX = op.strideX;
  const whole = strideX == 1;
  const inRow = <usize>op.strideY * input.rowBytes;
  const dRow = <usize>op.strideY * inputGradient.rowBytes;
  const gRow = outputGradient.rowBytes;
  const inBlock = blockOf(input, block);
  const dBlock = blockOf(inputGradient, block);
  const gBlock = blockOf(outputGradient, block);
  const entries = op.entries;
  const weightGradient = op.weightGradient + <usize>shard * op.shardBytes;
  const tileRows = op.tileRows;
  const height = op.height;
  const classes = op.classes;
  const classesEnd = classes + <usize>op.classCount * CLASS_BYTES;
  const accumulate = op.accumulate != 0;

  for (let y: u32 = 0; y < height; y += tileRows) {
    const g = gBlock + <usize>y * gRow;
    let entry = entries;
    for (let at = classes; at < classesEnd; at += CLASS_BYTES) {
      const place = changetype<PlaceClass>(at);
      const end = entry + (<usize>place.entryCount << 3);
      const classRows = place.rows;
      if (classRows <= y) {
        entry = end;
        continue;
      }
      const rows = min(tileRows, classRows - y);
      const columns = whole ? 1 : place.columns;
      const bytes = whole ? <usize>place.columns * pixel : pixel;
      const x = inBlock + place.inputOffset + <usize>y * inRow;
      const d = dBlock + place.gradientOffset + <usize>y * dRow;
      const column = <usize>strideX * pixel;
      if (toInput && !accumulate) fillRun(d, f32x4.splat(0), rows, columns, bytes, dRow, column);
      for (; entry + 32 <= end; entry += 32) {
        const sums = weightGradient + ((entry - entries) >> 1);
        passEntries(4, toInput, entry, sums, x, d, g, rows, columns, bytes, inRow, dRow, gRow, column);
      }
      const odd = (end - entry) >> 3;
      if (odd) {
        const sums = weightGradient + ((entry - entries) >> 1);
        if (odd == 1) passEntries(1, toInput, entry, sums, x, d, g, rows, columns, bytes, inRow, dRow, gRow, column);
        else if (odd == 2) passEntries(2, toInput, entry, sums, x, d, g, rows, columns, bytes, inRow, dRow, gRow, column);
        else passEntries(3, toInput, entry, sums, x, d, g, rows, columns, bytes, inRow, dRow, gRow, column);
        entry = end;
      }
    }
  }
}

/** The next n entries over a run of places of x and d; n and toInput are literals. */
@inline
function passEntries(
  n: u32, toInput: bool, entry: usize, sums: usize, x: usize, d: usize, g: usize,
  rows: u32, columns: u32, bytes: usize, inRow: usize, dRow: usize, gRow: usize, column: usize,
): void {
  const columnGap = column - bytes;
  const xRowGap = inRow - <usize>columns * column;
  const dRowGap = dRow - <usize>columns * column;
  const gRowGap = gRow - <usize>columns * bytes;
  const zero = f32x4.splat(0);
  let g0 = g + load<u32>(entry);
  let g1 = n > 1 ? g + load<u32>(entry, 8) : 0;
  let g2 = n > 2 ? g + load<u32>(entry, 16) : 0;
  let g3 = n > 3 ? g + load<u32>(entry, 24) : 0;
  const w0 = v128.load_splat<f32>(entry, 4);
  const w1 = n > 1 ? v128.load_splat<f32>(entry, 12) : zero;
  const w2 = n > 2 ? v128.load_splat<f32>(entry, 20) : zero;
  const w3 = n > 3 ? v128.load_splat<f32>(entry, 28) : zero;
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c++) {
      const stop = x + bytes;
      while (x < stop) {
        const xv = v128.load(x);
        const v0 = v128.load(g0);
        const v1 = n > 1 ? v128.load(g1) : zero;
        const v2 = n > 2 ? v128.load(g2) : zero;
        const v3 = n > 3 ? v128.load(g3) : zero;
        if (toInput) {
          let sum = multiplyAdd(w0, v0, v128.load(d));
          if (n > 1) sum = multiplyAdd(w1, v1, sum);
          if (n > 2) sum = multiplyAdd(w2, v2, sum);
          if (n > 3) sum = multiplyAdd(w3, v3, sum);
          v128.store(d, sum);
          d += 16;
        }
        s0 = multiplyAdd(xv, v0, s0);
        if (n > 1) s1 = multiplyAdd(xv, v1, s1);
        if (n > 2) s2 = multiplyAdd(xv, v2, s2);
        if (n > 3) s3 = multiplyAdd(xv, v3, s3);
        x += 16;
        g0 += 16;
        if (n > 1) g1 += 16;
        if (n > 2) g2 += 16;
        if (n > 3) g3 += 16;
      }
      x += columnGap;
      if (toInput) d += columnGap;
    }
    x += xRowGap;
    if (toInput) d += dRowGap;
    g0 += gRowGap;
    if (n > 1) g1 += gRowGap;
    if (n > 2) g2 += gRowGap;
    if (n > 3) g3 += gRowGap;
  }
  if (n == 4) {
    v128.store(sums, f32x4.add(v128.load(sums), sumLanes4(s0, s1, s2, s3)));
  } else {
    store<f32>(sums, load<f32>(sums) + sumLanes(s0));
    if (n > 1) store<f32>(sums, load<f32>(sums, 4) + sumLanes(s1), 4);
    if (n > 2) store<f32>(sums, load<f32>(sums, 8) + sumLanes(s2), 8);
  }
}
