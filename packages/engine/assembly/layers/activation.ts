/**
 * Activations that are not a clamp (those are in combine.ts): values f(x) and gradients g·f′(x), as PyTorch defines
 * them, at kinks too; and for derivatives along a direction g·f″(x)·ẋ, 0 at kinks.
 */
import { exp, log1p, normalDensity, normalProbability, sigmoid, tanh } from "./exponential";
import { blockOf, tensorAt } from "./layout";

/** By their names in networks. */
export enum ActivationNumber {
  sigmoid,
  tanh,
  gelu,
  silu,
  hardSwish,
  hardSigmoid,
  elu,
  softplus,
  selu,
  celu,
  mish,
  softsign,
  geluTanh,
  thresholdedRelu,
  clip,
  linear,
}

const SELU_ALPHA: f32 = 1.6732632423543772;
const SELU_SCALE: f32 = 1.0507009873554805;

/** f(x); `name` is a literal. */
@inline
function value(name: u32, x: v128, alpha: v128, beta: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  if (name == ActivationNumber.sigmoid) return sigmoid(x);
  if (name == ActivationNumber.tanh) return tanh(x);
  if (name == ActivationNumber.gelu) return f32x4.mul(x, normalProbability(x));
  if (name == ActivationNumber.silu) return f32x4.mul(x, sigmoid(f32x4.mul(alpha, x)));
  if (name == ActivationNumber.hardSwish) return f32x4.mul(x, hardGate(x));
  if (name == ActivationNumber.hardSigmoid) return f32x4.pmin(f32x4.pmax(f32x4.add(f32x4.mul(alpha, x), beta), zero), one);
  if (name == ActivationNumber.elu) return elu(x, alpha, one);
  if (name == ActivationNumber.selu) return f32x4.mul(f32x4.splat(SELU_SCALE), elu(x, f32x4.splat(SELU_ALPHA), one));
  if (name == ActivationNumber.celu) return elu(x, alpha, f32x4.div(one, alpha));
  if (name == ActivationNumber.mish) return f32x4.mul(x, tanh(softplus(x)));
  if (name == ActivationNumber.softsign) return f32x4.div(x, f32x4.add(one, f32x4.abs(x)));
  if (name == ActivationNumber.geluTanh) {
    return f32x4.mul(f32x4.mul(f32x4.splat(0.5), x), f32x4.add(one, tanh(geluInner(x))));
  }
  if (name == ActivationNumber.thresholdedRelu) return v128.and(x, f32x4.gt(x, alpha));
  if (name == ActivationNumber.clip) return f32x4.pmin(f32x4.pmax(x, alpha), beta);
  if (name == ActivationNumber.linear) return f32x4.add(f32x4.mul(alpha, x), beta);
  return f32x4.div(softplus(f32x4.mul(alpha, x)), alpha);
}

/** f′(x); `name` is a literal. */
@inline
function derivative(name: u32, x: v128, alpha: v128, beta: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  if (name == ActivationNumber.sigmoid) {
    const s = sigmoid(x);
    return f32x4.mul(s, f32x4.sub(one, s));
  }
  if (name == ActivationNumber.tanh) {
    const t = tanh(x);
    return f32x4.sub(one, f32x4.mul(t, t));
  }
  if (name == ActivationNumber.gelu) return f32x4.add(normalProbability(x), f32x4.mul(x, normalDensity(x)));
  if (name == ActivationNumber.silu) {
    const inner = f32x4.mul(alpha, x);
    const s = sigmoid(inner);
    return f32x4.add(s, f32x4.mul(f32x4.mul(inner, s), f32x4.sub(one, s)));
  }
  if (name == ActivationNumber.hardSwish) {
    const middle = f32x4.add(f32x4.mul(x, f32x4.splat(1.0 / 3.0)), f32x4.splat(0.5));
    return v128.bitselect(one, v128.and(middle, f32x4.gt(x, f32x4.splat(-3))), f32x4.ge(x, f32x4.splat(3)));
  }
  if (name == ActivationNumber.hardSigmoid) {
    const line = f32x4.add(f32x4.mul(alpha, x), beta);
    return v128.and(alpha, v128.and(f32x4.gt(line, zero), f32x4.lt(line, one)));
  }
  if (name == ActivationNumber.elu) return eluSlope(x, alpha, one);
  if (name == ActivationNumber.selu) {
    const scale = f32x4.splat(SELU_SCALE);
    return f32x4.mul(scale, eluSlope(x, f32x4.splat(SELU_ALPHA), one));
  }
  if (name == ActivationNumber.celu) return eluSlope(x, alpha, f32x4.div(one, alpha));
  if (name == ActivationNumber.mish) {
    const t = tanh(softplus(x));
    return f32x4.add(t, f32x4.mul(f32x4.mul(x, sigmoid(x)), f32x4.sub(one, f32x4.mul(t, t))));
  }
  if (name == ActivationNumber.softsign) {
    const d = f32x4.add(one, f32x4.abs(x));
    return f32x4.div(one, f32x4.mul(d, d));
  }
  if (name == ActivationNumber.geluTanh) {
    const t = tanh(geluInner(x));
    const half = f32x4.splat(0.5);
    const bend = f32x4.mul(f32x4.sub(one, f32x4.mul(t, t)), geluInnerSlope(x));
    return f32x4.add(f32x4.mul(half, f32x4.add(one, t)), f32x4.mul(f32x4.mul(half, x), bend));
  }
  if (name == ActivationNumber.thresholdedRelu) return v128.and(one, f32x4.gt(x, alpha));
  if (name == ActivationNumber.clip) return v128.and(one, v128.and(f32x4.gt(x, alpha), f32x4.lt(x, beta)));
  if (name == ActivationNumber.linear) return alpha;
  return sigmoid(f32x4.mul(alpha, x));
}

/** f″(x), 0 at kinks; `name` is a literal, of an activation with a second derivative. */
@inline
function curvature(name: u32, x: v128, alpha: v128): v128 {
  const one = f32x4.splat(1);
  const two = f32x4.splat(2);
  if (name == ActivationNumber.tanh) {
    const t = tanh(x);
    return f32x4.mul(f32x4.mul(f32x4.splat(-2), t), f32x4.sub(one, f32x4.mul(t, t)));
  }
  if (name == ActivationNumber.gelu) return f32x4.mul(normalDensity(x), f32x4.sub(two, f32x4.mul(x, x)));
  if (name == ActivationNumber.hardSwish) {
    const inside = v128.and(f32x4.gt(x, f32x4.splat(-3)), f32x4.lt(x, f32x4.splat(3)));
    return v128.and(f32x4.splat(1.0 / 3.0), inside);
  }
  if (name == ActivationNumber.elu) return eluCurvature(x, alpha, one);
  if (name == ActivationNumber.selu) {
    return f32x4.mul(f32x4.splat(SELU_SCALE), eluCurvature(x, f32x4.splat(SELU_ALPHA), one));
  }
  if (name == ActivationNumber.celu) return eluCurvature(x, alpha, f32x4.div(one, alpha));
  if (name == ActivationNumber.mish) {
    // t′ = (1 − t²)·σ, so that f″ = (1 − t²)·(2σ + x·(σ(1 − σ) − 2t·σ²))
    const t = tanh(softplus(x));
    const s = sigmoid(x);
    const inner = f32x4.sub(f32x4.mul(s, f32x4.sub(one, s)), f32x4.mul(f32x4.mul(two, t), f32x4.mul(s, s)));
    const sum = f32x4.add(f32x4.mul(two, s), f32x4.mul(x, inner));
    return f32x4.mul(f32x4.sub(one, f32x4.mul(t, t)), sum);
  }
  if (name == ActivationNumber.softsign) {
    const d = f32x4.add(one, f32x4.abs(x));
    const sign = f32x4.div(x, f32x4.pmax(f32x4.abs(x), f32x4.splat(1e-30)));
    return f32x4.div(f32x4.mul(f32x4.splat(-2), sign), f32x4.mul(d, f32x4.mul(d, d)));
  }
  if (name == ActivationNumber.geluTanh) {
    // with u the inside and w = 1 − t²: f″ = w·u′ + x/2·(w·u″ − 2t·w·u′²)
    const t = tanh(geluInner(x));
    const w = f32x4.sub(one, f32x4.mul(t, t));
    const slope = geluInnerSlope(x);
    const bend = f32x4.mul(f32x4.splat(0.7978845608028654 * 6.0 * 0.044715), x);
    const inner = f32x4.sub(bend, f32x4.mul(f32x4.mul(two, t), f32x4.mul(slope, slope)));
    return f32x4.mul(w, f32x4.add(slope, f32x4.mul(f32x4.mul(f32x4.splat(0.5), x), inner)));
  }
  const inner = name == ActivationNumber.sigmoid ? x : f32x4.mul(alpha, x);
  const s = sigmoid(inner);
  const slope = f32x4.mul(s, f32x4.sub(one, s));
  if (name == ActivationNumber.softplus) return f32x4.mul(alpha, slope);
  const bend = f32x4.sub(one, f32x4.add(s, s));
  if (name == ActivationNumber.sigmoid) return f32x4.mul(slope, bend);
  // silu: (x·σ(αx))″ = α·σ′·(2 + αx·(1 − 2σ))
  return f32x4.mul(f32x4.mul(alpha, slope), f32x4.add(two, f32x4.mul(inner, bend)));
}

/** min(max(x + 3, 0), 6) / 6 */
@inline
function hardGate(x: v128): v128 {
  const shifted = f32x4.pmin(f32x4.pmax(f32x4.add(x, f32x4.splat(3)), f32x4.splat(0)), f32x4.splat(6));
  return f32x4.mul(shifted, f32x4.splat(1.0 / 6.0));
}

/** max(x, 0) + ln(1 + e^−|x|) */
@inline
function softplus(x: v128): v128 {
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), log1p(exp(f32x4.neg(f32x4.abs(x)))));
}

/** x above 0, else α·(e^(rate·x) − 1) */
@inline
function elu(x: v128, alpha: v128, rate: v128): v128 {
  const power = exp(f32x4.mul(rate, f32x4.pmin(x, f32x4.splat(0))));
  const below = f32x4.mul(alpha, f32x4.sub(power, f32x4.splat(1)));
  return v128.bitselect(x, below, f32x4.gt(x, f32x4.splat(0)));
}

@inline
function eluSlope(x: v128, alpha: v128, rate: v128): v128 {
  const power = exp(f32x4.mul(rate, f32x4.pmin(x, f32x4.splat(0))));
  return v128.bitselect(f32x4.splat(1), f32x4.mul(f32x4.mul(alpha, rate), power), f32x4.gt(x, f32x4.splat(0)));
}

@inline
function eluCurvature(x: v128, alpha: v128, rate: v128): v128 {
  const power = exp(f32x4.mul(rate, f32x4.pmin(x, f32x4.splat(0))));
  const below = f32x4.mul(f32x4.mul(alpha, f32x4.mul(rate, rate)), power);
  return v128.and(below, f32x4.lt(x, f32x4.splat(0)));
}

/** √(2/π)·(x + 0.044715·x³) */
@inline
function geluInner(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  return f32x4.mul(f32x4.splat(0.7978845608028654), f32x4.add(x, f32x4.mul(f32x4.splat(0.044715), cube)));
}

@inline
function geluInnerSlope(x: v128): v128 {
  const square = f32x4.mul(f32x4.splat(3.0 * 0.044715), f32x4.mul(x, x));
  return f32x4.mul(f32x4.splat(0.7978845608028654), f32x4.add(f32x4.splat(1), square));
}

@unmanaged
export class Activation {
  /** Tensor records of one shape. Forward: output ← f(input); backward: gradient ← gradient · f′(input). */
  input: usize;
  output: usize;
  name: u32;
  alpha: f32;
  beta: f32;
}

@kernel
export function activation(op: Activation, block: u32): void {
  switch (op.name) {
    case ActivationNumber.sigmoid: return applyTo(op, block, ActivationNumber.sigmoid, false);
    case ActivationNumber.tanh: return applyTo(op, block, ActivationNumber.tanh, false);
    case ActivationNumber.gelu: return applyTo(op, block, ActivationNumber.gelu, false);
    case ActivationNumber.silu: return applyTo(op, block, ActivationNumber.silu, false);
    case ActivationNumber.hardSwish: return applyTo(op, block, ActivationNumber.hardSwish, false);
    case ActivationNumber.hardSigmoid: return applyTo(op, block, ActivationNumber.hardSigmoid, false);
    case ActivationNumber.elu: return applyTo(op, block, ActivationNumber.elu, false);
    case ActivationNumber.softplus: return applyTo(op, block, ActivationNumber.softplus, false);
    case ActivationNumber.selu: return applyTo(op, block, ActivationNumber.selu, false);
    case ActivationNumber.celu: return applyTo(op, block, ActivationNumber.celu, false);
    case ActivationNumber.mish: return applyTo(op, block, ActivationNumber.mish, false);
    case ActivationNumber.softsign: return applyTo(op, block, ActivationNumber.softsign, false);
    case ActivationNumber.geluTanh: return applyTo(op, block, ActivationNumber.geluTanh, false);
    case ActivationNumber.thresholdedRelu: return applyTo(op, block, ActivationNumber.thresholdedRelu, false);
    case ActivationNumber.clip: return applyTo(op, block, ActivationNumber.clip, false);
    case ActivationNumber.linear: return applyTo(op, block, ActivationNumber.linear, false);
    default: unreachable();
  }
}

/** `output` is the gradient, changed in place. */
@kernel
export function activationBackward(op: Activation, block: u32): void {
  switch (op.name) {
    case ActivationNumber.sigmoid: return applyTo(op, block, ActivationNumber.sigmoid, true);
    case ActivationNumber.tanh: return applyTo(op, block, ActivationNumber.tanh, true);
    case ActivationNumber.gelu: return applyTo(op, block, ActivationNumber.gelu, true);
    case ActivationNumber.silu: return applyTo(op, block, ActivationNumber.silu, true);
    case ActivationNumber.hardSwish: return applyTo(op, block, ActivationNumber.hardSwish, true);
    case ActivationNumber.hardSigmoid: return applyTo(op, block, ActivationNumber.hardSigmoid, true);
    case ActivationNumber.elu: return applyTo(op, block, ActivationNumber.elu, true);
    case ActivationNumber.softplus: return applyTo(op, block, ActivationNumber.softplus, true);
    case ActivationNumber.selu: return applyTo(op, block, ActivationNumber.selu, true);
    case ActivationNumber.celu: return applyTo(op, block, ActivationNumber.celu, true);
    case ActivationNumber.mish: return applyTo(op, block, ActivationNumber.mish, true);
    case ActivationNumber.softsign: return applyTo(op, block, ActivationNumber.softsign, true);
    case ActivationNumber.geluTanh: return applyTo(op, block, ActivationNumber.geluTanh, true);
    case ActivationNumber.thresholdedRelu: return applyTo(op, block, ActivationNumber.thresholdedRelu, true);
    case ActivationNumber.clip: return applyTo(op, block, ActivationNumber.clip, true);
    case ActivationNumber.linear: return applyTo(op, block, ActivationNumber.linear, true);
    default: unreachable();
  }
}

/** `name` and `backward` are literals. */
@inline
function applyTo(op: Activation, block: u32, name: u32, backward: bool): void {
  const input = tensorAt(op.input);
  const output = tensorAt(op.output);
  const alpha = f32x4.splat(op.alpha);
  const beta = f32x4.splat(op.beta);
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
        v128.store(q, backward ? f32x4.mul(v128.load(q), derivative(name, v, alpha, beta)) : value(name, v, alpha, beta));
        p += 16;
        q += 16;
      }
      x += input.rowBytes;
      y += output.rowBytes;
    }
  }
}

@unmanaged
export class ActivationCurvature {
  /** Tensor records of one shape: x, ẋ, g, and the target to which g·f″(x)·ẋ is added. */
  input: usize;
  tangent: usize;
  gradient: usize;
  output: usize;
  name: u32;
  alpha: f32;
  beta: f32;
}

@kernel
export function activationCurvature(op: ActivationCurvature, block: u32): void {
  switch (op.name) {
    case ActivationNumber.sigmoid: return addCurvature(op, block, ActivationNumber.sigmoid);
    case ActivationNumber.tanh: return addCurvature(op, block, ActivationNumber.tanh);
    case ActivationNumber.gelu: return addCurvature(op, block, ActivationNumber.gelu);
    case ActivationNumber.silu: return addCurvature(op, block, ActivationNumber.silu);
    case ActivationNumber.hardSwish: return addCurvature(op, block, ActivationNumber.hardSwish);
    case ActivationNumber.elu: return addCurvature(op, block, ActivationNumber.elu);
    case ActivationNumber.softplus: return addCurvature(op, block, ActivationNumber.softplus);
    case ActivationNumber.selu: return addCurvature(op, block, ActivationNumber.selu);
    case ActivationNumber.celu: return addCurvature(op, block, ActivationNumber.celu);
    case ActivationNumber.mish: return addCurvature(op, block, ActivationNumber.mish);
    case ActivationNumber.softsign: return addCurvature(op, block, ActivationNumber.softsign);
    case ActivationNumber.geluTanh: return addCurvature(op, block, ActivationNumber.geluTanh);
    // piecewise linear: f″ is 0
    case ActivationNumber.hardSigmoid: case ActivationNumber.thresholdedRelu: case ActivationNumber.clip: case ActivationNumber.linear: return;
    default: unreachable();
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
