/**
 * Activations that are not a clamp (those are in combine.ts): values f(x) and gradients g·f′(x), as PyTorch defines
 * them, at kinks too; and for derivatives along a direction g·f″(x)·ẋ, 0 at kinks.
 */
import { exp, log1p, normalDensity, normalProbability, sigmoid, tanh } from "./exponential";
import { blockOf, tensorAt } from "./layout";

const SIGMOID: u32 = 0;
const TANH: u32 = 1;
const GELU: u32 = 2;
const SILU: u32 = 3;
const HARD_SWISH: u32 = 4;
const HARD_SIGMOID: u32 = 5;
const ELU: u32 = 6;
const SOFTPLUS: u32 = 7;

/** f(x); `name` is a literal. */
@inline
function value(name: u32, x: v128, alpha: v128): v128 {
  if (name == SIGMOID) return sigmoid(x);
  if (name == TANH) return tanh(x);
  if (name == GELU) return f32x4.mul(x, normalProbability(x));
  if (name == SILU) return f32x4.mul(x, sigmoid(x));
  if (name == HARD_SWISH) return f32x4.mul(x, hardSigmoid(x));
  if (name == HARD_SIGMOID) return hardSigmoid(x);
  if (name == ELU) {
    const below = f32x4.mul(alpha, f32x4.sub(exp(f32x4.pmin(x, f32x4.splat(0))), f32x4.splat(1)));
    return v128.bitselect(x, below, f32x4.gt(x, f32x4.splat(0)));
  }
  // softplus: max(x, 0) + ln(1 + e^−|x|)
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), log1p(exp(f32x4.neg(f32x4.abs(x)))));
}

/** f′(x); `name` is a literal. */
@inline
function derivative(name: u32, x: v128, alpha: v128): v128 {
  const one = f32x4.splat(1);
  if (name == SIGMOID) {
    const s = sigmoid(x);
    return f32x4.mul(s, f32x4.sub(one, s));
  }
  if (name == TANH) {
    const t = tanh(x);
    return f32x4.sub(one, f32x4.mul(t, t));
  }
  if (name == GELU) return f32x4.add(normalProbability(x), f32x4.mul(x, normalDensity(x)));
  if (name == SILU) {
    const s = sigmoid(x);
    return f32x4.add(s, f32x4.mul(f32x4.mul(x, s), f32x4.sub(one, s)));
  }
  if (name == HARD_SWISH) {
    const middle = f32x4.add(f32x4.mul(x, f32x4.splat(1.0 / 3.0)), f32x4.splat(0.5));
    return v128.bitselect(one, v128.and(middle, f32x4.gt(x, f32x4.splat(-3))), f32x4.ge(x, f32x4.splat(3)));
  }
  if (name == HARD_SIGMOID) {
    const inside = v128.and(f32x4.gt(x, f32x4.splat(-3)), f32x4.lt(x, f32x4.splat(3)));
    return v128.and(f32x4.splat(1.0 / 6.0), inside);
  }
  if (name == ELU) {
    const below = f32x4.mul(alpha, exp(f32x4.pmin(x, f32x4.splat(0))));
    return v128.bitselect(one, below, f32x4.gt(x, f32x4.splat(0)));
  }
  return sigmoid(x);
}

/** f″(x); `name` is a literal. */
@inline
function curvature(name: u32, x: v128, alpha: v128): v128 {
  const one = f32x4.splat(1);
  if (name == TANH) {
    const t = tanh(x);
    return f32x4.mul(f32x4.mul(f32x4.splat(-2), t), f32x4.sub(one, f32x4.mul(t, t)));
  }
  if (name == GELU) return f32x4.mul(normalDensity(x), f32x4.sub(f32x4.splat(2), f32x4.mul(x, x)));
  if (name == HARD_SWISH) {
    const inside = v128.and(f32x4.gt(x, f32x4.splat(-3)), f32x4.lt(x, f32x4.splat(3)));
    return v128.and(f32x4.splat(1.0 / 3.0), inside);
  }
  if (name == HARD_SIGMOID) return f32x4.splat(0);
  if (name == ELU) {
    const below = f32x4.mul(alpha, exp(f32x4.pmin(x, f32x4.splat(0))));
    return v128.and(below, f32x4.lt(x, f32x4.splat(0)));
  }
  const s = sigmoid(x);
  const slope = f32x4.mul(s, f32x4.sub(one, s));
  if (name == SOFTPLUS) return slope;
  const bend = f32x4.sub(one, f32x4.add(s, s));
  if (name == SIGMOID) return f32x4.mul(slope, bend);
  // silu: (x·σ)″ = 2σ′ + x·σ″
  return f32x4.mul(slope, f32x4.add(f32x4.splat(2), f32x4.mul(x, bend)));
}

/** min(max(x + 3, 0), 6) / 6 */
@inline
function hardSigmoid(x: v128): v128 {
  const shifted = f32x4.pmin(f32x4.pmax(f32x4.add(x, f32x4.splat(3)), f32x4.splat(0)), f32x4.splat(6));
  return f32x4.mul(shifted, f32x4.splat(1.0 / 6.0));
}

@unmanaged
class Activation {
  /** Tensor records of one shape. Forward: output ← f(input); backward: gradient ← gradient · f′(input). */
  input: usize;
  output: usize;
  name: u32;
  alpha: f32;
}

export function activation(record: usize, block: u32): void {
  const op = changetype<Activation>(record);
  switch (op.name) {
    case SIGMOID: return applyTo(op, block, SIGMOID, false);
    case TANH: return applyTo(op, block, TANH, false);
    case GELU: return applyTo(op, block, GELU, false);
    case SILU: return applyTo(op, block, SILU, false);
    case HARD_SWISH: return applyTo(op, block, HARD_SWISH, false);
    case HARD_SIGMOID: return applyTo(op, block, HARD_SIGMOID, false);
    case ELU: return applyTo(op, block, ELU, false);
    default: return applyTo(op, block, SOFTPLUS, false);
  }
}

/** `output` is the gradient, changed in place. */
export function activationBackward(record: usize, block: u32): void {
  const op = changetype<Activation>(record);
  switch (op.name) {
    case SIGMOID: return applyTo(op, block, SIGMOID, true);
    case TANH: return applyTo(op, block, TANH, true);
    case GELU: return applyTo(op, block, GELU, true);
    case SILU: return applyTo(op, block, SILU, true);
    case HARD_SWISH: return applyTo(op, block, HARD_SWISH, true);
    case HARD_SIGMOID: return applyTo(op, block, HARD_SIGMOID, true);
    case ELU: return applyTo(op, block, ELU, true);
    default: return applyTo(op, block, SOFTPLUS, true);
  }
}

/** `name` and `backward` are literals. */
@inline
function applyTo(op: Activation, block: u32, name: u32, backward: bool): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const alpha = f32x4.splat(op.alpha);
  const bytes = <usize>input.width * input.pixelBytes;
  for (let u: u32 = 0; u < input.units; u++) {
    let x = blockOf(input, block) + <usize>u * input.unitBytes;
    let y = blockOf(output, block) + <usize>u * output.unitBytes;
    for (let row: u32 = 0; row < input.height; row++) {
      let p = x;
      let q = y;
      const end = x + bytes;
      while (p < end) {
        const v = v128.load(p);
        v128.store(q, backward ? f32x4.mul(v128.load(q), derivative(name, v, alpha)) : value(name, v, alpha));
        p += 16;
        q += 16;
      }
      x += input.rowBytes;
      y += output.rowBytes;
    }
  }
}

@unmanaged
class ActivationCurvature {
  /** Tensor records of one shape: x, ẋ, g, and what g·f″(x)·ẋ is added to. */
  input: usize;
  tangent: usize;
  gradient: usize;
  output: usize;
  name: u32;
  alpha: f32;
}

export function activationCurvature(record: usize, block: u32): void {
  const op = changetype<ActivationCurvature>(record);
  switch (op.name) {
    case SIGMOID: return addCurvature(op, block, SIGMOID);
    case TANH: return addCurvature(op, block, TANH);
    case GELU: return addCurvature(op, block, GELU);
    case SILU: return addCurvature(op, block, SILU);
    case HARD_SWISH: return addCurvature(op, block, HARD_SWISH);
    case HARD_SIGMOID: return;
    case ELU: return addCurvature(op, block, ELU);
    default: return addCurvature(op, block, SOFTPLUS);
  }
}

/** `name` is a literal. */
@inline
function addCurvature(op: ActivationCurvature, block: u32, name: u32): void {
  const input = tensorAt(op.input);
  const tangent = tensorAt(op.tangent);
  const gradient = tensorAt(op.gradient);
  const output = tensorAt(op.output);
  const alpha = f32x4.splat(op.alpha);
  const bytes = <usize>input.width * input.pixelBytes;
  for (let u: u32 = 0; u < input.units; u++) {
    let x = blockOf(input, block) + <usize>u * input.unitBytes;
    let t = blockOf(tangent, block) + <usize>u * tangent.unitBytes;
    let g = blockOf(gradient, block) + <usize>u * gradient.unitBytes;
    let y = blockOf(output, block) + <usize>u * output.unitBytes;
    for (let row: u32 = 0; row < input.height; row++) {
      for (let at: usize = 0; at < bytes; at += 16) {
        const along = f32x4.mul(v128.load(g + at), v128.load(t + at));
        const added = f32x4.mul(along, curvature(name, v128.load(x + at), alpha));
        v128.store(y + at, f32x4.add(v128.load(y + at), added));
      }
      x += input.rowBytes;
      t += tangent.rowBytes;
      g += gradient.rowBytes;
      y += output.rowBytes;
    }
  }
}
