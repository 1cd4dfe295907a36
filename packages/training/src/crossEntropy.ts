/**
 * Softmax cross-entropy, mean over the batch, in float64, as PyTorch's `cross_entropy` with label smoothing s:
 *   L = −1/n Σ_i Σ_c q_ic ln p_ic,   p = softmax(z),   q_ic = (1 − s)·[c = y_i] + s / classes
 *   ∂L/∂z_ic = (p_ic − q_ic) / n
 */
export interface CrossEntropy {
  readonly loss: number;
  /** Number of examples whose class has the greatest logit; among equal logits the lowest class counts. */
  readonly correctCount: number;
  /** ∂L/∂z, row-major `[n, classCount]`. */
  readonly gradient: Float32Array;
}

/** @param logits z, row-major `[n, classCount]` @param classes y, length n */
export function crossEntropy(
  logits: Float32Array,
  classes: Int32Array,
  classCount: number,
  labelSmoothing: number,
): CrossEntropy {
  const n = classes.length;
  const gradient = new Float32Array(n * classCount);
  const spread = labelSmoothing / classCount;
  let loss = 0;
  let correctCount = 0;
  for (let i = 0; i < n; i++) {
    const row = i * classCount;
    let best = 0;
    for (let c = 1; c < classCount; c++) if (logits[row + c]! > logits[row + best]!) best = c;
    const greatest = logits[row + best]!;
    let sum = 0;
    for (let c = 0; c < classCount; c++) sum += Math.exp(logits[row + c]! - greatest);
    const logSum = greatest + Math.log(sum);
    for (let c = 0; c < classCount; c++) {
      const q = (c === classes[i] ? 1 - labelSmoothing : 0) + spread;
      const logP = logits[row + c]! - logSum;
      // q·(−∞) is 0 where q is
      if (q > 0) loss -= q * logP;
      gradient[row + c] = (Math.exp(logP) - q) / n;
    }
    if (best === classes[i]) correctCount++;
  }
  return { loss: loss / n, correctCount, gradient };
}

/**
 * Number of examples whose class is among the `k` greatest logits; among equal ones the lower class comes first.
 * @param logits row-major `[classes.length, classCount]`
 */
export function countInTop(k: number, logits: Float32Array, classes: Int32Array, classCount: number): number {
  let count = 0;
  for (let i = 0; i < classes.length; i++) {
    const row = i * classCount;
    const own = classes[i]!;
    const value = logits[row + own]!;
    let ahead = 0;
    for (let c = 0; c < classCount; c++) {
      const other = logits[row + c]!;
      if (other > value || (other === value && c < own)) ahead++;
    }
    // an output that is not a number is ahead of none and right for none
    if (ahead < k && !Number.isNaN(value)) count++;
  }
  return count;
}
