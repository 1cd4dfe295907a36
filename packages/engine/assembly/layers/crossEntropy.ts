/**
 * Softmax cross-entropy in float64, as PyTorch's with label smoothing s:
 *   L = −1/n Σ_i Σ_c q_ic ln p_ic,   p = softmax(z / divisor),   q_ic = (1 − s)·[c = y_i] + s / classes
 *   ∂L/∂z_ic = (p_ic − q_ic) / (n · divisor)
 * and along a direction ż of the logits
 *   (∂L/∂z_ic)˙ = p_ic (ż_ic − Σ_k p_ik ż_ik) / (n · divisor²)
 */
import { batchNow, blockOf, tensorAt, validLanes } from "./layout";

@unmanaged
export class CrossEntropy {
  /** Tensor records; gradient is 0 if not wanted. */
  logits: usize;
  gradient: usize;
  /** i32[images]: class of each. */
  labels: usize;
  /** f64[blocks][2]: Σ of losses, number of correct answers. */
  partial: usize;
  labelSmoothing: f32;
  divisor: f32;
}

@kernel
export function crossEntropy(op: CrossEntropy, block: u32): void {
  const logits = tensorAt(op.logits);
  const classes = logits.units;
  const unitBytes = logits.unitBytes;
  const valid = validLanes(logits, block);
  const lanes = <u32>(logits.pixelBytes >> 2);
  const count = <f64>batchNow().count;
  const divisor = <f64>op.divisor;
  const smoothing = <f64>op.labelSmoothing;
  const spread = smoothing / classes;
  let total: f64 = 0;
  let correct: f64 = 0;
  for (let lane: u32 = 0; lane < lanes; lane++) {
    const z = blockOf(logits, block) + (<usize>lane << 2);
    const gradient = tensorAt(op.gradient ? op.gradient : op.logits);
    const g = blockOf(gradient, block) + (<usize>lane << 2);
    if (lane >= valid) {
      // later sums over images rely on zeros in padding lanes
      if (op.gradient) for (let c: u32 = 0; c < classes; c++) store<f32>(g + <usize>c * gradient.unitBytes, 0);
      continue;
    }
    const label = load<u32>(op.labels + (<usize>(block * lanes + lane) << 2));
    let best: u32 = 0;
    let greatest = <f64>load<f32>(z) / divisor;
    for (let c: u32 = 1; c < classes; c++) {
      const v = <f64>load<f32>(z + <usize>c * unitBytes) / divisor;
      if (v > greatest) {
        greatest = v;
        best = c;
      }
    }
    let sum: f64 = 0;
    for (let c: u32 = 0; c < classes; c++) sum += Math.exp(<f64>load<f32>(z + <usize>c * unitBytes) / divisor - greatest);
    const logSum = greatest + Math.log(sum);
    for (let c: u32 = 0; c < classes; c++) {
      const q = (c == label ? 1.0 - smoothing : 0.0) + spread;
      const logP = <f64>load<f32>(z + <usize>c * unitBytes) / divisor - logSum;
      // q·(−∞) is 0 for q = 0
      if (q > 0) total -= q * logP;
      if (op.gradient) store<f32>(g + <usize>c * gradient.unitBytes, <f32>((Math.exp(logP) - q) / (count * divisor)));
    }
    if (best == label) correct += 1;
  }
  const partial = op.partial + (<usize>block << 4);
  store<f64>(partial, total);
  store<f64>(partial, correct, 8);
}

@unmanaged
export class CrossEntropyTangent {
  /** Tensor records: z, ż and the result (∂L/∂z)˙. */
  logits: usize;
  tangent: usize;
  gradient: usize;
  divisor: f32;
}

@kernel
export function crossEntropyTangent(op: CrossEntropyTangent, block: u32): void {
  const logits = tensorAt(op.logits);
  const tangent = tensorAt(op.tangent);
  const gradient = tensorAt(op.gradient);
  const classes = logits.units;
  const valid = validLanes(logits, block);
  const lanes = <u32>(logits.pixelBytes >> 2);
  const divisor = <f64>op.divisor;
  const scale = 1.0 / (<f64>batchNow().count * divisor * divisor);
  for (let lane: u32 = 0; lane < lanes; lane++) {
    const z = blockOf(logits, block) + (<usize>lane << 2);
    const t = blockOf(tangent, block) + (<usize>lane << 2);
    const g = blockOf(gradient, block) + (<usize>lane << 2);
    if (lane >= valid) {
      for (let c: u32 = 0; c < classes; c++) store<f32>(g + <usize>c * gradient.unitBytes, 0);
      continue;
    }
    let greatest = -Infinity;
    for (let c: u32 = 0; c < classes; c++) greatest = max(greatest, <f64>load<f32>(z + <usize>c * logits.unitBytes));
    let sum: f64 = 0;
    let along: f64 = 0;
    for (let c: u32 = 0; c < classes; c++) {
      const e = Math.exp((<f64>load<f32>(z + <usize>c * logits.unitBytes) - greatest) / divisor);
      sum += e;
      along += e * load<f32>(t + <usize>c * tangent.unitBytes);
    }
    const mean = along / sum;
    for (let c: u32 = 0; c < classes; c++) {
      const p = Math.exp((<f64>load<f32>(z + <usize>c * logits.unitBytes) - greatest) / divisor) / sum;
      const deviation = <f64>load<f32>(t + <usize>c * tangent.unitBytes) - mean;
      store<f32>(g + <usize>c * gradient.unitBytes, <f32>(p * deviation * scale));
    }
  }
}
