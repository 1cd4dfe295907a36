/**
 * Recognises an activation by the values of a function, since exporters write the same activation in many ways. A
 * function that grows without bound far from 0, like e^x, is compared near 0 only.
 */
import { type Activation, activationValue, CONSTANT_ACTIVATIONS } from "@phew/core";

const NEAR = Array.from({ length: 81 }, (_, k) => (k - 40) / 5);
const FAR = [-1e4, -1000, -100, -30, -15, 15, 30, 100, 1000, 1e4];
const POINTS = [...NEAR, -1e-3, 1e-3, ...FAR];

/** Constants in files are float32; results computed from them are accurate to this. */
const TOLERANCE = 2e-5;

/** @returns undefined if it is not an activation that can be computed */
export function activationByValues(given: (x: number) => number): Activation | undefined {
  // all candidates are evaluated at the same points
  const known = new Map<number, number>();
  const f = (x: number): number => {
    const value = known.get(x) ?? given(x);
    known.set(x, value);
    return value;
  };
  return candidates(f)
    .map((op): Activation => ({ kind: "activation", ...op }))
    .find((op) => POINTS.every((x) => isSame(f(x), activationValue(op, x), Math.abs(x) > 8)));
}

function isSame(given: number, wanted: number, isFar: boolean): boolean {
  if (isFar && !Number.isFinite(given)) return true;
  return Math.abs(given - wanted) <= TOLERANCE * Math.max(1, Math.abs(wanted));
}

/** Every activation, with the α and β that the function would have if it were this one. */
function candidates(f: (x: number) => number): Omit<Activation, "kind">[] {
  const slope = (f(0.01) - f(-0.01)) / 0.02;
  return (
    [
      ...CONSTANT_ACTIVATIONS.map((name) => ({ name })),
      { name: "leakyRelu", alpha: -f(-1) },
      { name: "elu", alpha: f(-1) / Math.expm1(-1) },
      // σ(α) = f(1)
      { name: "silu", alpha: Math.log(f(1) / (1 - f(1))) },
      { name: "celu", alpha: -f(-100) },
      { name: "softplus", alpha: Math.LN2 / f(0) },
      { name: "hardSigmoid", alpha: slope, beta: f(0) },
      { name: "linear", alpha: f(1) - f(0), beta: f(0) },
      { name: "clip", alpha: bound(f(-1e4)), beta: bound(f(1e4)) },
    ] satisfies Omit<Activation, "kind">[]
  )
    .filter(({ alpha = 1, beta = 1, name }: Omit<Activation, "kind">) =>
      name === "clip"
        ? alpha < beta
        : (alpha > 0 || name === "linear") && Number.isFinite(alpha) && Number.isFinite(beta),
    )
    .map((op: Omit<Activation, "kind">) => ({
      ...op,
      ...(op.alpha === undefined ? {} : { alpha: rounded(op.alpha) }),
      ...(op.beta === undefined ? {} : { beta: rounded(op.beta) }),
    }));
}

/** A function that grows like its argument has no bound. */
const bound = (value: number): number =>
  Math.abs(value) >= 1e4 ? Math.sign(value) * Number.POSITIVE_INFINITY : value;

/** Rounded as float32 is written. */
const rounded = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(7)) : value);
