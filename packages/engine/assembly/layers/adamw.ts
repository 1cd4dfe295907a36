/** The kernel of packages/training/src/optimisers/adamw.ts. */
import { optimiserNow } from "./layout";
import { endOf, firstOf, gradientAt, setValue, stateAt, Update, valueAt } from "./update";

@unmanaged
class AdamwStep {
  /** 1 − ηλ. */
  keep: f32;
  /** η / (1 − β₁ᵗ). */
  stepSize: f32;
  beta1: f32;
  beta2: f32;
  /** 1 − β₁ and 1 − β₂. */
  rest1: f32;
  rest2: f32;
  /** √(1 − β₂ᵗ). */
  correction: f32;
  epsilon: f32;
}

/** State: m, v. */
@kernel
export function adamw(op: Update, _block: u32): void {
  const step = changetype<AdamwStep>(optimiserNow());
  const keep = step.keep;
  const stepSize = step.stepSize;
  const beta1 = step.beta1;
  const beta2 = step.beta2;
  const rest1 = step.rest1;
  const rest2 = step.rest2;
  const correction = step.correction;
  const epsilon = step.epsilon;
  for (let k = firstOf(op), end = endOf(op); k < end; k++) {
    const g = gradientAt(op, k);
    const first = stateAt(op, 0, k);
    const second = stateAt(op, 1, k);
    const m = beta1 * load<f32>(first) + rest1 * g;
    const v = beta2 * load<f32>(second) + rest2 * g * g;
    store<f32>(first, m);
    store<f32>(second, v);
    setValue(op, k, keep * valueAt(op, k) - (stepSize * m) / (Mathf.sqrt(v) / correction + epsilon));
  }
}
