/**
 * Derivatives of a scalar function of parameters, by central differences in float64:
 *   ∂f/∂θ_k      ≈ (f(θ + h e_k) − f(θ − h e_k)) / 2h                         error O(h²) + O(1e-16 / h)
 *   ∂f along v   ≈ (f(θ + h v) − f(θ − h v)) / 2h
 *   (H v)_k      ≈ (∂f/∂θ_k at θ + h v  −  ∂f/∂θ_k at θ − h v) / 2h           error O(h²) + O(1e-16 / h²)
 * They are wrong if a kink (ReLU, max pooling) is within h of θ: use smooth activations, or compare a few entries by hand.
 */
import type { Parameters } from "./numbers.ts";

export type ScalarFunction = (parameters: Parameters) => number;

/** θ with weight k of one parameter shifted. */
function shifted(parameters: Parameters, name: string, k: number, by: number): Parameters {
  const values = Float64Array.from(parameters.get(name)!);
  values[k]! += by;
  return new Map(parameters).set(name, values);
}

/** θ + h·v; parameters that v lacks do not change. */
function along(parameters: Parameters, v: Parameters, h: number): Parameters {
  const moved = new Map(parameters);
  for (const [name, direction] of v)
    moved.set(
      name,
      Float64Array.from(parameters.get(name)!).map((x, k) => x + h * direction[k]!),
    );
  return moved;
}

/** ∂f/∂θ_k of weight k of the parameter `name`. */
export function partialDerivative(
  f: ScalarFunction,
  parameters: Parameters,
  name: string,
  k: number,
  h = 1e-5,
): number {
  return (f(shifted(parameters, name, k, h)) - f(shifted(parameters, name, k, -h))) / (2 * h);
}

/** ∂f/∂θ for all weights of the parameter `name`. */
export function gradient(f: ScalarFunction, parameters: Parameters, name: string, h = 1e-5): Float64Array {
  return Float64Array.from({ length: parameters.get(name)!.length }, (_, k) =>
    partialDerivative(f, parameters, name, k, h),
  );
}

/** Rate of change of f along v. */
export function directionalDerivative(
  f: ScalarFunction,
  parameters: Parameters,
  v: Parameters,
  h = 1e-5,
): number {
  return (f(along(parameters, v, h)) - f(along(parameters, v, -h))) / (2 * h);
}

/** The entries of H v for the parameter `name`; H is the Hessian with respect to all of θ. */
export function hessianVectorProduct(
  f: ScalarFunction,
  parameters: Parameters,
  v: Parameters,
  name: string,
  h = 1e-4,
): Float64Array {
  const ahead = gradient(f, along(parameters, v, h), name, h);
  const behind = gradient(f, along(parameters, v, -h), name, h);
  return ahead.map((g, k) => (g - behind[k]!) / (2 * h));
}
