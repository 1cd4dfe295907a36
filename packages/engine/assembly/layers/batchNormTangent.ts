/**
 * Batch normalisation along a direction: tangents of what batchNorm.ts computes, in its notation, with ẋ the tangent of
 * x and ˙ that of anything else. With the batch's statistics
 *   mean˙ = Σ ẋ / M,   variance˙ = 2 Σ ẋ·(x − mean) / M,   i˙ = −½ i³ · variance˙
 * with running ones all three are 0. Then
 *   a˙ = scale˙·i + scale·i˙,   y˙ = a·ẋ + a˙·x + c,   c = shift˙ − a·mean˙ − a˙·mean
 * and with S₀ = Σ g, S₁ = Σ g·(x − mean), S₁˙ = Σ g˙·(x − mean) + Σ g·(ẋ − mean˙)
 *   (∂L/∂shift)˙ = Σ g˙,   (∂L/∂scale)˙ = i˙·S₁ + i·S₁˙
 *   (∂L/∂x)˙ = a·g˙ + a˙·g + B·ẋ + B˙·x + C˙
 *   B˙ = −(a˙·i²·S₁ + 2a·i·i˙·S₁ + a·i²·S₁˙) / M,   C˙ = −(a˙·S₀ + a·Σ g˙) / M − B˙·mean − B·mean˙
 * where with running statistics B, B˙ and C˙ are 0. The kernels of combine.ts compute y˙ and (∂L/∂x)˙ as sums of two
 * of theirs: one of the tangents with the coefficients `frozen`, one of the values with the coefficients `tangents`.
 */
import { batchNow, blockOf, tensorAt, validLanes } from "./layout";
import { laneMask } from "./lanes";
import { sumHalves } from "./sumLanes";

@inline
function row(coefficients: usize, units: u32, index: u32): usize {
  return coefficients + (<usize>(units * index) << 2);
}

@unmanaged
export class TangentStatistics {
  /** Tensor records: x and ẋ. */
  input: usize;
  tangent: usize;
  /** See batchNorm.ts. */
  coefficients: usize;
  /** f64[blocks][units][2]: Σ ẋ, Σ ẋ·(x − mean) */
  partial: usize;
}

/** Sums of one block. Padding lanes, where ẋ need not be 0, are left out. */
@kernel
export function tangentStatistics(op: TangentStatistics, block: u32): void {
  const input = tensorAt(op.input);
  const tangent = tensorAt(op.tangent);
  const units = input.units;
  const pixel = input.pixelBytes;
  const bytes = <usize>input.width * pixel;
  const valid = validLanes(input, block);
  let partial = op.partial + (<usize>(block * units) << 4);
  for (let u: u32 = 0; u < units; u++) {
    const mean = v128.load_splat<f32>(row(op.coefficients, units, 2) + (<usize>u << 2));
    let sum = f64x2.splat(0);
    let product = f64x2.splat(0);
    let x = blockOf(input, block) + <usize>u * input.unitBytes;
    let t = blockOf(tangent, block) + <usize>u * tangent.unitBytes;
    for (let y: u32 = 0; y < input.height; y++) {
      for (let lane: usize = 0; lane < pixel; lane += 16) {
        const mask = laneMask(lane >> 2, valid);
        let s = f32x4.splat(0);
        let q = s;
        for (let at = lane; at < bytes; at += pixel) {
          const v = v128.and(v128.load(t + at), mask);
          s = f32x4.add(s, v);
          q = multiplyAdd(v, f32x4.sub(v128.load(x + at), mean), q);
        }
        sum = f64x2.add(sum, sumHalves(s));
        product = f64x2.add(product, sumHalves(q));
      }
      x += input.rowBytes;
      t += tangent.rowBytes;
    }
    store<f64>(partial, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
    store<f64>(partial, f64x2.extract_lane(product, 0) + f64x2.extract_lane(product, 1), 8);
    partial += 16;
  }
}

@unmanaged
export class NormTangent {
  /** f64[blocks][units][2] each: {Σ ẋ, Σ ẋ·(x − mean)}, {S₀, S₁}, {Σ g˙, Σ g˙·(x − mean)}, {S₀, Σ g·(ẋ − mean˙)}. */
  statistics: usize;
  gradientSums: usize;
  tangentSums: usize;
  crossSums: usize;
  /** Places of an image: height · width. */
  places: u32;
  units: u32;
  /** f32[units] each; tangents are 0 where they do not change. */
  scale: usize;
  scaleTangent: usize;
  shiftTangent: usize;
  /** f32[7][units] each: of batchNorm.ts; a, 0, –, –, –, B, 0; and a˙, c, mean˙, i˙, –, B˙, C˙. */
  coefficients: usize;
  frozen: usize;
  tangents: usize;
  /** f32[units] each: (∂L/∂scale)˙ and (∂L/∂shift)˙. */
  scaleProduct: usize;
  shiftProduct: usize;
  /** 1: the batch's statistics, 0: running ones. */
  ofBatch: u32;
}

/** Σ over blocks of one of the two sums of a unit. */
@inline
function total(partial: usize, units: u32, u: u32, which: usize): f64 {
  let sum: f64 = 0;
  for (let block: u32 = 0, blocks = batchNow().blocks; block < blocks; block++) {
    sum += load<f64>(partial + (<usize>(block * units + u) << 4) + (which << 3));
  }
  return sum;
}

/** What y˙ needs. Every thread computes the same numbers. */
@kernel
export function normTangents(op: NormTangent, _block: u32): void {
  const units = op.units;
  const elements = <f64>batchNow().count * op.places;
  for (let u: u32 = 0; u < units; u++) {
    const at = <usize>u << 2;
    const a = <f64>load<f32>(op.coefficients + at);
    const mean = <f64>load<f32>(row(op.coefficients, units, 2) + at);
    const inverse = <f64>load<f32>(row(op.coefficients, units, 3) + at);
    const meanTangent = op.ofBatch ? total(op.statistics, units, u, 0) / elements : 0;
    const varianceTangent = op.ofBatch ? (2 * total(op.statistics, units, u, 1)) / elements : 0;
    const inverseTangent = -0.5 * inverse * inverse * inverse * varianceTangent;
    const aTangent = load<f32>(op.scaleTangent + at) * inverse + load<f32>(op.scale + at) * inverseTangent;
    const offset = load<f32>(op.shiftTangent + at) - a * meanTangent - aTangent * mean;
    store<f32>(op.frozen + at, <f32>a);
    store<f32>(row(op.frozen, units, 1) + at, 0);
    store<f32>(op.tangents + at, <f32>aTangent);
    store<f32>(row(op.tangents, units, 1) + at, <f32>offset);
    store<f32>(row(op.tangents, units, 2) + at, <f32>meanTangent);
    store<f32>(row(op.tangents, units, 3) + at, <f32>inverseTangent);
  }
}

/** What (∂L/∂x)˙ needs, and the derivatives of scale and shift. Every thread computes the same numbers. */
@kernel
export function normGradientTangents(op: NormTangent, _block: u32): void {
  const units = op.units;
  const elements = <f64>batchNow().count * op.places;
  for (let u: u32 = 0; u < units; u++) {
    const at = <usize>u << 2;
    const a = <f64>load<f32>(op.coefficients + at);
    const mean = <f64>load<f32>(row(op.coefficients, units, 2) + at);
    const inverse = <f64>load<f32>(row(op.coefficients, units, 3) + at);
    const aTangent = <f64>load<f32>(op.tangents + at);
    const meanTangent = <f64>load<f32>(row(op.tangents, units, 2) + at);
    const inverseTangent = <f64>load<f32>(row(op.tangents, units, 3) + at);
    const sum = total(op.gradientSums, units, u, 0);
    const product = total(op.gradientSums, units, u, 1);
    const sumTangent = total(op.tangentSums, units, u, 0);
    const productTangent = total(op.tangentSums, units, u, 1) + total(op.crossSums, units, u, 1);
    store<f32>(op.shiftProduct + at, <f32>sumTangent);
    store<f32>(op.scaleProduct + at, <f32>(inverseTangent * product + inverse * productTangent));
    let slope: f64 = 0;
    let slopeTangent: f64 = 0;
    let offsetTangent: f64 = 0;
    if (op.ofBatch) {
      slope = <f64>load<f32>(row(op.coefficients, units, 5) + at);
      slopeTangent =
        -inverse * ((aTangent * inverse + 2 * a * inverseTangent) * product + a * inverse * productTangent) / elements;
      offsetTangent = -(aTangent * sum + a * sumTangent) / elements - slopeTangent * mean - slope * meanTangent;
    }
    store<f32>(row(op.frozen, units, 5) + at, <f32>slope);
    store<f32>(row(op.frozen, units, 6) + at, 0);
    store<f32>(row(op.tangents, units, 5) + at, <f32>slopeTangent);
    store<f32>(row(op.tangents, units, 6) + at, <f32>offsetTangent);
  }
}
