/**
 * Normalisation of a value by its own statistics: over the units of a group, at each place (layer normalisation) or over
 * all places together (group and instance normalisation). With mean m and variance v over N elements of one image,
 *   i = 1/√(v + ε),   x̂ = (x − m)·i,   y = x̂·scale + shift
 * A value that is not centred has m = 0 and v = Σ x² / N. ε = 0 beside v = 0 gives i = 0. The derivative of x̂ by x is
 *   J u = i·(u − ⟨u⟩ − x̂·⟨x̂u⟩),   ⟨·⟩ the mean over the N elements, without ⟨u⟩ if it is not centred
 * which is symmetric: it serves the way back and tangents. Along a tangent ẋ it changes by
 *   J˙u = −i·⟨x̂ẋ⟩·J u − i·(J ẋ·⟨x̂u⟩ + x̂·⟨J ẋ·u⟩),   ⟨J ẋ·u⟩ = i·(⟨ẋu⟩ − ⟨ẋ⟩⟨u⟩ − ⟨x̂ẋ⟩⟨x̂u⟩)
 * Sums are float64, two images at a time.
 */
import { blockOf, Tensor, tensorAt } from "./layout";

@unmanaged
export class LayerNorm {
  /** Tensor record of x. */
  input: usize;
  /** Tensor record: units 2g and 2g + 1 are mean and 1/√(variance + ε) of group g; one place, or those of x. */
  statistics: usize;
  /** Tensor records of u, of ẋ and of the result. */
  vector: usize;
  tangent: usize;
  output: usize;
  /** u32[groups + 1]: the first unit of each group, and the end. */
  groupStart: usize;
  groups: u32;
  /** N; units that are not stored are 0 and count. */
  count: u32;
  /** 1: all places together. */
  together: u32;
  centred: u32;
  epsilon: f32;
  /** 1: adds to what output holds. */
  accumulate: u32;
}

/** The elements of one statistic in one tensor: from its first, two images at a time. */
@inline
function firstOf(record: usize, block: u32, unit: u32, row: u32, column: u32, lane: usize): usize {
  const tensor = tensorAt(record);
  return blockOf(tensor, block) + <usize>unit * tensor.unitBytes + <usize>row * tensor.rowBytes
    + <usize>column * tensor.pixelBytes + lane;
}

@inline
function two(address: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(address));
}

@inline
function keepTwo(address: usize, values: v128): void {
  v128.store64_lane(address, f32x4.demote_f64x2_zero(values), 0);
}

@inline
function groupStart(op: LayerNorm, group: u32): u32 {
  return load<u32>(op.groupStart + (<usize>group << 2));
}

/** Σ a of a statistic's elements. */
function sum(t: Tensor, a: usize, units: u32, rows: u32, columns: u32): v128 {
  let total = f64x2.splat(0);
  for (let u: u32 = 0; u < units; u++) {
    let row = a;
    for (let y: u32 = 0; y < rows; y++) {
      let at = row;
      for (let x: u32 = 0; x < columns; x++) {
        total = f64x2.add(total, two(at));
        at += t.pixelBytes;
      }
      row += t.rowBytes;
    }
    a += t.unitBytes;
  }
  return total;
}

/** Σ (a − am)·(b − bm) of a statistic's elements. */
function sumProducts(
  s: Tensor, a: usize, am: v128, t: Tensor, b: usize, bm: v128, units: u32, rows: u32, columns: u32,
): v128 {
  let total = f64x2.splat(0);
  for (let u: u32 = 0; u < units; u++) {
    let aRow = a;
    let bRow = b;
    for (let y: u32 = 0; y < rows; y++) {
      let aAt = aRow;
      let bAt = bRow;
      for (let x: u32 = 0; x < columns; x++) {
        total = f64x2.add(total, f64x2.mul(f64x2.sub(two(aAt), am), f64x2.sub(two(bAt), bm)));
        aAt += s.pixelBytes;
        bAt += t.pixelBytes;
      }
      aRow += s.rowBytes;
      bRow += t.rowBytes;
    }
    a += s.unitBytes;
    b += t.unitBytes;
  }
  return total;
}

/** Mean and 1/√(variance + ε) of every group, at each place or of all. */
@kernel
export function normStatistics(op: LayerNorm, block: u32): void {
  const input = tensorAt(op.input);
  const rows: u32 = op.together ? input.height : 1;
  const columns: u32 = op.together ? input.width : 1;
  const share = f64x2.splat(1.0 / <f64>op.count);
  const zero = f64x2.splat(0);
  for (let group: u32 = 0; group < op.groups; group++) {
    const first = groupStart(op, group);
    const units = groupStart(op, group + 1) - first;
    for (let y: u32 = 0; y < input.height; y += rows) {
      for (let x: u32 = 0; x < input.width; x += columns) {
        for (let lane: usize = 0; lane < input.pixelBytes; lane += 8) {
          const a = firstOf(op.input, block, first, y, x, lane);
          const mean = op.centred ? f64x2.mul(sum(input, a, units, rows, columns), share) : zero;
          const squares = sumProducts(input, a, mean, input, a, mean, units, rows, columns);
          const variance = f64x2.add(f64x2.mul(squares, share), f64x2.splat(op.epsilon));
          const inverse = f64x2.div(f64x2.splat(1), f64x2.sqrt(variance));
          keepTwo(firstOf(op.statistics, block, 2 * group, y, x, lane), mean);
          keepTwo(
            firstOf(op.statistics, block, 2 * group + 1, y, x, lane),
            v128.and(inverse, f64x2.gt(variance, zero)),
          );
        }
      }
    }
  }
}

/** output ← J vector, or plus */
@kernel
export function normJacobian(op: LayerNorm, block: u32): void {
  const input = tensorAt(op.input);
  const vector = tensorAt(op.vector);
  const output = tensorAt(op.output);
  const rows: u32 = op.together ? input.height : 1;
  const columns: u32 = op.together ? input.width : 1;
  const share = f64x2.splat(1.0 / <f64>op.count);
  const zero = f64x2.splat(0);
  for (let group: u32 = 0; group < op.groups; group++) {
    const first = groupStart(op, group);
    const units = groupStart(op, group + 1) - first;
    for (let y: u32 = 0; y < input.height; y += rows) {
      for (let x: u32 = 0; x < input.width; x += columns) {
        for (let lane: usize = 0; lane < input.pixelBytes; lane += 8) {
          const mean = two(firstOf(op.statistics, block, 2 * group, y, x, lane));
          const inverse = two(firstOf(op.statistics, block, 2 * group + 1, y, x, lane));
          const a = firstOf(op.input, block, first, y, x, lane);
          const v = firstOf(op.vector, block, first, y, x, lane);
          const z = firstOf(op.output, block, first, y, x, lane);
          const vMean = op.centred ? f64x2.mul(sum(vector, v, units, rows, columns), share) : zero;
          const xv = sumProducts(input, a, mean, vector, v, zero, units, rows, columns);
          // ⟨x̂u⟩·i, since x̂ = (x − m)·i
          const slope = f64x2.mul(f64x2.mul(f64x2.mul(xv, share), inverse), inverse);
          for (let u: u32 = 0; u < units; u++) {
            for (let r: u32 = 0; r < rows; r++) {
              let xAt = a + <usize>u * input.unitBytes + <usize>r * input.rowBytes;
              let vAt = v + <usize>u * vector.unitBytes + <usize>r * vector.rowBytes;
              let zAt = z + <usize>u * output.unitBytes + <usize>r * output.rowBytes;
              for (let c: u32 = 0; c < columns; c++) {
                const along = f64x2.mul(f64x2.sub(two(xAt), mean), slope);
                const value = f64x2.mul(inverse, f64x2.sub(f64x2.sub(two(vAt), vMean), along));
                keepTwo(zAt, op.accumulate ? f64x2.add(two(zAt), value) : value);
                xAt += input.pixelBytes;
                vAt += vector.pixelBytes;
                zAt += output.pixelBytes;
              }
            }
          }
        }
      }
    }
  }
}

/** Adds J˙ vector along tangent to output. */
@kernel
export function normCurvature(op: LayerNorm, block: u32): void {
  const input = tensorAt(op.input);
  const vector = tensorAt(op.vector);
  const tangent = tensorAt(op.tangent);
  const output = tensorAt(op.output);
  const rows: u32 = op.together ? input.height : 1;
  const columns: u32 = op.together ? input.width : 1;
  const share = f64x2.splat(1.0 / <f64>op.count);
  const zero = f64x2.splat(0);
  for (let group: u32 = 0; group < op.groups; group++) {
    const first = groupStart(op, group);
    const units = groupStart(op, group + 1) - first;
    for (let y: u32 = 0; y < input.height; y += rows) {
      for (let x: u32 = 0; x < input.width; x += columns) {
        for (let lane: usize = 0; lane < input.pixelBytes; lane += 8) {
          const mean = two(firstOf(op.statistics, block, 2 * group, y, x, lane));
          const inverse = two(firstOf(op.statistics, block, 2 * group + 1, y, x, lane));
          const a = firstOf(op.input, block, first, y, x, lane);
          const v = firstOf(op.vector, block, first, y, x, lane);
          const t = firstOf(op.tangent, block, first, y, x, lane);
          const z = firstOf(op.output, block, first, y, x, lane);
          const vMean = op.centred ? f64x2.mul(sum(vector, v, units, rows, columns), share) : zero;
          const tMean = op.centred ? f64x2.mul(sum(tangent, t, units, rows, columns), share) : zero;
          const scaled = f64x2.mul(share, inverse);
          const xv = f64x2.mul(sumProducts(input, a, mean, vector, v, zero, units, rows, columns), scaled);
          const xt = f64x2.mul(sumProducts(input, a, mean, tangent, t, zero, units, rows, columns), scaled);
          const tv = f64x2.mul(
            sumProducts(tangent, t, zero, vector, v, zero, units, rows, columns),
            share,
          );
          // ⟨J ẋ·u⟩ / i
          const met = f64x2.sub(f64x2.sub(tv, f64x2.mul(tMean, vMean)), f64x2.mul(xt, xv));
          const factor = f64x2.neg(f64x2.mul(inverse, inverse));
          for (let u: u32 = 0; u < units; u++) {
            for (let r: u32 = 0; r < rows; r++) {
              let xAt = a + <usize>u * input.unitBytes + <usize>r * input.rowBytes;
              let vAt = v + <usize>u * vector.unitBytes + <usize>r * vector.rowBytes;
              let tAt = t + <usize>u * tangent.unitBytes + <usize>r * tangent.rowBytes;
              let zAt = z + <usize>u * output.unitBytes + <usize>r * output.rowBytes;
              for (let c: u32 = 0; c < columns; c++) {
                const own = f64x2.mul(f64x2.sub(two(xAt), mean), inverse);
                const ofVector = f64x2.sub(f64x2.sub(two(vAt), vMean), f64x2.mul(own, xv));
                const ofTangent = f64x2.sub(f64x2.sub(two(tAt), tMean), f64x2.mul(own, xt));
                const value = f64x2.add(
                  f64x2.add(f64x2.mul(xt, ofVector), f64x2.mul(xv, ofTangent)),
                  f64x2.mul(own, met),
                );
                keepTwo(zAt, f64x2.add(two(zAt), f64x2.mul(factor, value)));
                xAt += input.pixelBytes;
                vAt += vector.pixelBytes;
                tAt += tangent.pixelBytes;
                zAt += output.pixelBytes;
              }
            }
          }
        }
      }
    }
  }
}

@unmanaged
export class Normalise {
  /** Tensor records; statistics as in LayerNorm. */
  input: usize;
  statistics: usize;
  output: usize;
  /** u32[units]: the group of each unit. */
  groupOf: usize;
  /** f32[units], or 0 for factors 1 and for nothing added. */
  scale: usize;
  shift: usize;
}

/** y = x̂·scale + shift */
@kernel
export function normalise(op: Normalise, block: u32): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const statistics = tensorAt(op.statistics);
  const rowStep: usize = statistics.height > 1 ? statistics.rowBytes : 0;
  const pixelStep: usize = statistics.width > 1 ? statistics.pixelBytes : 0;
  const pixel = input.pixelBytes;
  for (let u: u32 = 0; u < input.units; u++) {
    const group = load<u32>(op.groupOf + (<usize>u << 2));
    const scale = f32x4.splat(op.scale ? load<f32>(op.scale + (<usize>u << 2)) : 1);
    const shift = f32x4.splat(op.shift ? load<f32>(op.shift + (<usize>u << 2)) : 0);
    for (let row: u32 = 0; row < input.height; row++) {
      let x = firstOf(op.input, block, u, row, 0, 0);
      let z = firstOf(op.output, block, u, row, 0, 0);
      let m = firstOf(op.statistics, block, 2 * group, 0, 0, 0) + <usize>row * rowStep;
      for (let column: u32 = 0; column < input.width; column++) {
        for (let lane: usize = 0; lane < pixel; lane += 16) {
          const inverse = v128.load(m + statistics.unitBytes + lane);
          const own = f32x4.mul(f32x4.sub(v128.load(x + lane), v128.load(m + lane)), inverse);
          v128.store(z + lane, f32x4.add(f32x4.mul(own, scale), shift));
        }
        x += pixel;
        z += output.pixelBytes;
        m += pixelStep;
      }
    }
  }
}
