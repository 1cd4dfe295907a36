/**
 * Weighted sums of up to four runs of a plane:  out += w0·x0 + w1·x1 + w2·x2 + w3·x3
 * A run consists of `rows` rows of `columns` pieces of `bytes` contiguous bytes; within a row the pieces of `out` and
 * of the inputs are `outColumn` and `inColumn` bytes apart. With stride 1 a whole row is one piece.
 * Each store is placed between the loads of one vector and the next, which keeps the compiler from hoisting all loads
 * to the front and spilling the sums.
 */

/** out = value */
@inline
export function fillRun(
  out: usize, value: v128,
  rows: u32, columns: u32, bytes: usize, outRow: usize, outColumn: usize,
): void {
  const columnGap = outColumn - bytes;
  const rowGap = outRow - <usize>columns * outColumn;
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c++) {
      const end = out + bytes;
      while (out < end) {
        v128.store(out, value);
        out += 16;
      }
      out += columnGap;
    }
    out += rowGap;
  }
}

/**
 * @param n number of runs, 1 to 4, a literal: arguments beyond are not used
 * @param first a literal; true: out = value + … instead of out += …
 */
@inline
export function addRuns(
  n: u32, first: bool, value: v128, out: usize,
  x0: usize, x1: usize, x2: usize, x3: usize, w0: v128, w1: v128, w2: v128, w3: v128,
  rows: u32, columns: u32, bytes: usize, outRow: usize, outColumn: usize, inRow: usize, inColumn: usize,
): void {
  const outColumnGap = outColumn - bytes;
  const outRowGap = outRow - <usize>columns * outColumn;
  const inColumnGap = inColumn - bytes;
  const inRowGap = inRow - <usize>columns * inColumn;
  const unrolled = bytes & ~63;
  for (let r: u32 = 0; r < rows; r++) {
    for (let c: u32 = 0; c < columns; c++) {
      const end = out + bytes;
      const unrolledEnd = out + unrolled;
      while (out < unrolledEnd) {
        let sum = first ? value : v128.load(out);
        sum = multiplyAdd(w0, v128.load(x0), sum);
        if (n > 1) sum = multiplyAdd(w1, v128.load(x1), sum);
        if (n > 2) sum = multiplyAdd(w2, v128.load(x2), sum);
        if (n > 3) sum = multiplyAdd(w3, v128.load(x3), sum);
        v128.store(out, sum);
        sum = first ? value : v128.load(out, 16);
        sum = multiplyAdd(w0, v128.load(x0, 16), sum);
        if (n > 1) sum = multiplyAdd(w1, v128.load(x1, 16), sum);
        if (n > 2) sum = multiplyAdd(w2, v128.load(x2, 16), sum);
        if (n > 3) sum = multiplyAdd(w3, v128.load(x3, 16), sum);
        v128.store(out, sum, 16);
        sum = first ? value : v128.load(out, 32);
        sum = multiplyAdd(w0, v128.load(x0, 32), sum);
        if (n > 1) sum = multiplyAdd(w1, v128.load(x1, 32), sum);
        if (n > 2) sum = multiplyAdd(w2, v128.load(x2, 32), sum);
        if (n > 3) sum = multiplyAdd(w3, v128.load(x3, 32), sum);
        v128.store(out, sum, 32);
        sum = first ? value : v128.load(out, 48);
        sum = multiplyAdd(w0, v128.load(x0, 48), sum);
        if (n > 1) sum = multiplyAdd(w1, v128.load(x1, 48), sum);
        if (n > 2) sum = multiplyAdd(w2, v128.load(x2, 48), sum);
        if (n > 3) sum = multiplyAdd(w3, v128.load(x3, 48), sum);
        v128.store(out, sum, 48);
        out += 64;
        x0 += 64;
        if (n > 1) x1 += 64;
        if (n > 2) x2 += 64;
        if (n > 3) x3 += 64;
      }
      while (out < end) {
        let sum = first ? value : v128.load(out);
        sum = multiplyAdd(w0, v128.load(x0), sum);
        if (n > 1) sum = multiplyAdd(w1, v128.load(x1), sum);
        if (n > 2) sum = multiplyAdd(w2, v128.load(x2), sum);
        if (n > 3) sum = multiplyAdd(w3, v128.load(x3), sum);
        v128.store(out, sum);
        out += 16;
        x0 += 16;
        if (n > 1) x1 += 16;
        if (n > 2) x2 += 16;
        if (n > 3) x3 += 16;
      }
      out += outColumnGap;
      x0 += inColumnGap;
      if (n > 1) x1 += inColumnGap;
      if (n > 2) x2 += inColumnGap;
      if (n > 3) x3 += inColumnGap;
    }
    out += outRowGap;
    x0 += inRowGap;
    if (n > 1) x1 += inRowGap;
    if (n > 2) x2 += inRowGap;
    if (n > 3) x3 += inRowGap;
  }
}
