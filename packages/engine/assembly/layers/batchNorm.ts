/**
 * Batch normalisation as a factor and an offset for each unit:
 *   y = a·x + b,   a = scale · i,   b = shift − mean · a,   i = 1/√(variance + ε)
 * In training mean and variance are those of the batch (n images of h·w places, M = n·h·w), and with g = ∂L/∂y
 *   ∂L/∂shift = Σ g,   ∂L/∂scale = i · Σ g·(x − mean)
 *   ∂L/∂x = a·g + B·x + C,   B = −a · i² · Σ g·(x − mean) / M,   C = −a · Σ g / M − B · mean
 * Sums over a row are float32; sums over rows, images and blocks are float64. Blocks are added in their order,
 * whichever thread computed them. Sums of squares are taken about the running mean, which reduces cancellation.
 */
import { batchNow, blockOf, shareStart, tensorAt, thread, validLanes } from "./layout";
import { laneMask } from "./lanes";
import { sumHalves } from "./sumLanes";

/** The coefficients of the units in one step, f32[7][units]: a, b, mean, i, variance, B, C. */
@inline
function row(coefficients: usize, units: u32, index: u32): usize {
  return coefficients + (<usize>(units * index) << 2);
}

@unmanaged
export class BatchStatistics {
  /** Tensor record. */
  input: usize;
  /** f32[units] */
  centre: usize;
  /** f64[blocks][units][2]: Σ (x − centre), Σ (x − centre)² */
  partial: usize;
}

/** Sums of one block. */
@kernel
export function batchStatistics(op: BatchStatistics, block: u32): void {
  const input = tensorAt(op.input);
  const units = input.units;
  const height = input.height;
  const pixel = input.pixelBytes;
  const bytes = <usize>input.width * pixel;
  const unitBytes = input.unitBytes;
  const rowBytes = input.rowBytes;
  const valid = validLanes(input, block);
  const full = <usize>valid << 2 == pixel;
  const origin = blockOf(input, block);
  let partial = op.partial + (<usize>(block * units) << 4);
  for (let u: u32 = 0; u < units; u++) {
    const centre = v128.load_splat<f32>(op.centre + (<usize>u << 2));
    let sum = f64x2.splat(0);
    let squares = f64x2.splat(0);
    let at = origin + <usize>u * unitBytes;
    for (let y: u32 = 0; y < height; y++) {
      let x = at;
      const end = x + bytes;
      let s0 = f32x4.splat(0);
      let q0 = s0;
      if (full) {
        let s1 = s0;
        let q1 = s0;
        while (x + 32 <= end) {
          const d0 = f32x4.sub(v128.load(x), centre);
          s0 = f32x4.add(s0, d0);
          q0 = multiplyAdd(d0, d0, q0);
          const d1 = f32x4.sub(v128.load(x, 16), centre);
          s1 = f32x4.add(s1, d1);
          q1 = multiplyAdd(d1, d1, q1);
          x += 32;
        }
        if (x < end) {
          const d0 = f32x4.sub(v128.load(x), centre);
          s0 = f32x4.add(s0, d0);
          q0 = multiplyAdd(d0, d0, q0);
        }
        s0 = f32x4.add(s0, s1);
        q0 = f32x4.add(q0, q1);
      } else {
        while (x < end) {
          for (let lane: usize = 0; lane < pixel; lane += 16) {
            const d0 = v128.and(f32x4.sub(v128.load(x + lane), centre), laneMask(lane >> 2, valid));
            s0 = f32x4.add(s0, d0);
            q0 = multiplyAdd(d0, d0, q0);
          }
          x += pixel;
        }
      }
      sum = f64x2.add(sum, sumHalves(s0));
      squares = f64x2.add(squares, sumHalves(q0));
      at += rowBytes;
    }
    store<f64>(partial, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
    store<f64>(partial, f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1), 8);
    partial += 16;
  }
}

@unmanaged
export class BatchNorm {
  /** f64[blocks][units][2] */
  partial: usize;
  /** Places of an image: height · width. */
  places: u32;
  units: u32;
  /** f32[units] each. */
  scale: usize;
  shift: usize;
  runningMean: usize;
  runningVariance: usize;
  /** f32[7][units] */
  coefficients: usize;
  epsilon: f32;
  /** Weight of this batch in the running statistics. */
  momentum: f32;
}

/** a, b, mean, i and variance from the sums of all blocks. Every thread computes the same numbers. */
@kernel
export function batchCoefficients(op: BatchNorm, _block: u32): void {
  const units = op.units;
  const blocks = batchNow().blocks;
  const elements = <f64>batchNow().count * op.places;
  const a = op.coefficients;
  for (let u: u32 = 0; u < units; u++) {
    let sum: f64 = 0;
    let squares: f64 = 0;
    for (let block: u32 = 0; block < blocks; block++) {
      const partial = op.partial + (<usize>(block * units + u) << 4);
      sum += load<f64>(partial);
      squares += load<f64>(partial, 8);
    }
    const at = <usize>u << 2;
    const offset = sum / elements;
    const mean = <f64>load<f32>(op.runningMean + at) + offset;
    const variance = max(squares / elements - offset * offset, 0.0);
    const inverse = 1.0 / sqrt(variance + op.epsilon);
    const factor = load<f32>(op.scale + at) * inverse;
    store<f32>(a + at, <f32>factor);
    store<f32>(row(a, units, 1) + at, <f32>(load<f32>(op.shift + at) - mean * factor));
    store<f32>(row(a, units, 2) + at, <f32>mean);
    store<f32>(row(a, units, 3) + at, <f32>inverse);
    store<f32>(row(a, units, 4) + at, <f32>variance);
  }
}

/** a and b from the running statistics; B and C are 0: the statistics do not depend on x. */
@kernel
export function runningCoefficients(op: BatchNorm, _block: u32): void {
  const units = op.units;
  const a = op.coefficients;
  for (let u: u32 = 0; u < units; u++) {
    const at = <usize>u << 2;
    const mean = load<f32>(op.runningMean + at);
    const variance = load<f32>(op.runningVariance + at);
    const inverse = 1.0 / sqrt(<f64>variance + op.epsilon);
    const factor = load<f32>(op.scale + at) * inverse;
    store<f32>(a + at, <f32>factor);
    store<f32>(row(a, units, 1) + at, <f32>(load<f32>(op.shift + at) - mean * factor));
    store<f32>(row(a, units, 2) + at, mean);
    store<f32>(row(a, units, 3) + at, <f32>inverse);
    store<f32>(row(a, units, 4) + at, variance);
    store<f32>(row(a, units, 5) + at, 0);
    store<f32>(row(a, units, 6) + at, 0);
  }
}

/** B and C from the sums {Σ g, Σ g·(x − mean)} of all blocks. */
@kernel
export function gradientCoefficients(op: BatchNorm, _block: u32): void {
  const units = op.units;
  const blocks = batchNow().blocks;
  const elements = <f64>batchNow().count * op.places;
  const a = op.coefficients;
  for (let u: u32 = 0; u < units; u++) {
    let sum: f64 = 0;
    let product: f64 = 0;
    for (let block: u32 = 0; block < blocks; block++) {
      const partial = op.partial + (<usize>(block * units + u) << 4);
      sum += load<f64>(partial);
      product += load<f64>(partial, 8);
    }
    const at = <usize>u << 2;
    const factor = <f64>load<f32>(a + at);
    const mean = <f64>load<f32>(row(a, units, 2) + at);
    const inverse = <f64>load<f32>(row(a, units, 3) + at);
    const slope = (-factor * inverse * inverse * product) / elements;
    store<f32>(row(a, units, 5) + at, <f32>slope);
    store<f32>(row(a, units, 6) + at, <f32>((-factor * sum) / elements - slope * mean));
  }
}

/** running ← (1 − momentum)·running + momentum·batch, the variance there with M − 1 below. Threads share the units. */
@kernel
export function updateRunning(op: BatchNorm, _block: u32): void {
  const units = op.units;
  const elements = <f64>batchNow().count * op.places;
  // the variance of a single value is 0, whatever its denominator
  const unbiased = elements > 1 ? elements / (elements - 1) : 1.0;
  const momentum = <f64>op.momentum;
  const a = op.coefficients;
  for (let u = shareStart(units, thread), end = shareStart(units, thread + 1); u < end; u++) {
    const at = <usize>u << 2;
    const mean = <f64>load<f32>(row(a, units, 2) + at);
    const variance = <f64>load<f32>(row(a, units, 4) + at) * unbiased;
    store<f32>(op.runningMean + at, <f32>((1 - momentum) * load<f32>(op.runningMean + at) + momentum * mean));
    store<f32>(
      op.runningVariance + at,
      <f32>((1 - momentum) * load<f32>(op.runningVariance + at) + momentum * variance),
    );
  }
}
