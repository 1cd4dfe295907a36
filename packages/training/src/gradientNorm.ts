/**
 * Gradient clipping by the global norm, as PyTorch's `clip_grad_norm_`, before weight decay:
 *   g ← g · min(1, c / (‖g‖₂ + 1e-6)),   ‖g‖₂ over the gradients of all parameters together, those of removed weights left out.
 * @see Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063
 */

/** Factor of all gradients; 1 if they are short enough. @param squares Σ g² over all gradients */
export function clipFactor(squares: number, clipNorm: number): number {
  return Math.min(1, clipNorm / (Math.sqrt(squares) + 1e-6));
}

/** Σ g² in float64, in the order of the values. */
export function sumOfSquares(gradient: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < gradient.length; k++) sum += gradient[k]! * gradient[k]!;
  return sum;
}
