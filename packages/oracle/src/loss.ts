/**
 * Softmax cross-entropy, mean over the batch, as PyTorch's cross_entropy:
 *   L = −(1/n) Σ_i Σ_c q_ic · log softmax(z_i / divisor)_c,   q_ic = (1 − s)·[c = y_i] + s / classes
 */
export interface LossOptions {
  /** s, 0 ≤ s < 1. */
  readonly labelSmoothing?: number;
  /** The logits are divided by it (GraSP: 200). */
  readonly divisor?: number;
}

/** @param logits row-major `[count, classes]` @param y class of each example */
export function crossEntropy(
  logits: ArrayLike<number>,
  y: ArrayLike<number>,
  options: LossOptions = {},
): number {
  const count = y.length;
  const classes = logits.length / count;
  const smoothing = options.labelSmoothing ?? 0;
  const divisor = options.divisor ?? 1;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const z = Array.from({ length: classes }, (_, c) => logits[i * classes + c]! / divisor);
    const greatest = Math.max(...z);
    const logSum = greatest + Math.log(z.reduce((sum, v) => sum + Math.exp(v - greatest), 0));
    for (let c = 0; c < classes; c++) {
      const q = (c === y[i] ? 1 - smoothing : 0) + smoothing / classes;
      total -= q * (z[c]! - logSum);
    }
  }
  return total / count;
}
