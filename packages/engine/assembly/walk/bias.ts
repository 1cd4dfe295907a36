/** What the probability of a weight is proportional to. */
export const MAGNITUDE: u32 = 0;
export const SQUARE: u32 = 1;
export const UNIFORM: u32 = 2;
export const INVERSE: u32 = 3;

/** Never infinite and never NaN for a finite weight; 0 only for a weight of 0, in modes that allow it. */
@inline
export function biased(weight: f32, mode: u32): f64 {
  const w = <f64>weight;
  if (mode == MAGNITUDE) return abs(w);
  if (mode == SQUARE) return w * w;
  if (mode == UNIFORM) return 1.0;
  return 1.0 / (abs(w) + 1e-5);
}

/** Sum of the biased weights of one kernel. */
@inline
export function kernelNorm(weight: usize, kernel: u32, kernelSize: u32, mode: u32): f64 {
  let sum: f64 = 0;
  const start = weight + ((<usize>kernel * kernelSize) << 2);
  const end = start + ((<usize>kernelSize) << 2);
  for (let at = start; at < end; at += 4) sum += biased(load<f32>(at), mode);
  return sum;
}

/** kernelNorm for a mode that is not a literal: outside of hot loops. */
export function normOf(weight: usize, kernel: u32, kernelSize: u32, mode: u32): f64 {
  if (mode == MAGNITUDE) return kernelNorm(weight, kernel, kernelSize, MAGNITUDE);
  if (mode == SQUARE) return kernelNorm(weight, kernel, kernelSize, SQUARE);
  if (mode == UNIFORM) return <f64>kernelSize;
  return kernelNorm(weight, kernel, kernelSize, INVERSE);
}
