/** The kernel of packages/training/src/optimisers/sgd.ts. */
import { optimiserNow } from "./layout";
import { endOf, firstOf, gradientAt, setValue, stateAt, Update, valueAt } from "./update";

@unmanaged
class SgdStep {
  rate: f32;
  momentum: f32;
  weightDecay: f32;
  /** 1: Nesterov. */
  nesterov: u32;
}

/** State: v. */
@kernel
export function sgd(op: Update, _block: u32): void {
  const step = changetype<SgdStep>(optimiserNow());
  const rate = step.rate;
  const friction = step.momentum;
  const decay = step.weightDecay;
  const nesterov = step.nesterov != 0;
  for (let k = firstOf(op), end = endOf(op); k < end; k++) {
    const value = valueAt(op, k);
    const g = gradientAt(op, k) + decay * value;
    const state = stateAt(op, 0, k);
    const v = friction * load<f32>(state) + g;
    store<f32>(state, v);
    setValue(op, k, value - rate * (nesterov ? g + friction * v : v));
  }
}
