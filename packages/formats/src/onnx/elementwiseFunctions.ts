/** ONNX's operations on one number, in float64. */
import type { Attributes } from "./attributes.ts";

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
export const softplus = (x: number): number => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));

/** Operations that are plain functions, by name; attributes are read once. */
export const functions: Readonly<Record<string, (attributes: Attributes) => (x: number) => number>> = {
  Abs: () => Math.abs,
  Acos: () => Math.acos,
  Acosh: () => Math.acosh,
  Asin: () => Math.asin,
  Asinh: () => Math.asinh,
  Atan: () => Math.atan,
  Atanh: () => Math.atanh,
  Ceil: () => Math.ceil,
  Cos: () => Math.cos,
  Cosh: () => Math.cosh,
  Exp: () => Math.exp,
  Floor: () => Math.floor,
  Log: () => Math.log,
  Not: () => (x) => Number(x === 0),
  Reciprocal: () => (x) => 1 / x,
  // halves to the even number
  Round: () => (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
  Selu(attributes) {
    const alpha = attributes.float("alpha", 1.6732632423543772);
    const gamma = attributes.float("gamma", 1.0507009873554805);
    return (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x));
  },
  Shrink(attributes) {
    const [lambda, bias] = [attributes.float("lambd", 0.5), attributes.float("bias", 0)];
    return (x) => (x < -lambda ? x + bias : x > lambda ? x - bias : 0);
  },
  Sign: () => Math.sign,
  Sin: () => Math.sin,
  Sinh: () => Math.sinh,
  Sqrt: () => Math.sqrt,
  Tan: () => Math.tan,
};

/** Operations on two numbers. */
export const functionsOfTwo: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  And: (a, b) => Number(a !== 0 && b !== 0),
  Div: (a, b) => a / b,
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Max: (a, b) => Math.max(a, b),
  Min: (a, b) => Math.min(a, b),
  Mod: (a, b) => a - b * Math.floor(a / b),
  Mul: (a, b) => a * b,
  Or: (a, b) => Number(a !== 0 || b !== 0),
  PRelu: (x, slope) => (x < 0 ? slope * x : x),
  Pow: (a, b) => a ** b,
  Sub: (a, b) => a - b,
};
