/**
 * The weight inside a kernel: weight k with probability biased_k / norm, the first whose cumulative sum exceeds
 * bits · 2^-32 · norm. A kernel of zeros, reached through a row of zeros, draws uniformly.
 */
import { biased, kernelNorm } from "./bias";
import { below, UNIT } from "./random";

@inline
export function drawInKernel(weight: usize, kernel: u32, kernelSize: u32, mode: u32, bits: u32): u32 {
  const norm = kernelNorm(weight, kernel, kernelSize, mode);
  if (norm == 0) return below(bits, kernelSize);
  const target = <f64>bits * UNIT * norm;
  const start = weight + ((<usize>kernel * kernelSize) << 2);
  let sum: f64 = 0;
  let k: u32 = 0;
  // cumulative sums never fall, so the number of those at or below the target is the index of the first above it
  for (let i: u32 = 0; i < kernelSize; i++) {
    sum += biased(load<f32>(start + ((<usize>i) << 2)), mode);
    k += <u32>(sum <= target);
  }
  return k;
}
