/**
 * Elementwise arithmetic that exporters write instead of one activation: kept as a tree until something else reads
 * it, then recognised.
 *   relu = clip(x, 0, ∞)             relu6 = clip(x, 0, 6)
 *   hardSigmoid = clip(x + 3, 0, 6) / 6       hardSwish = x · hardSigmoid(x)
 *   silu = x · sigmoid(x)            gelu = x · (1 + erf(x / √2)) / 2
 *   softplus = log(1 + exp(x))
 */
import type { ActivationName } from "@phew/core";
import type { Activation } from "./values.ts";

export type Tree =
  | { readonly is: "leaf"; readonly of: Activation }
  /** scale · x + offset */
  | { readonly is: "affine"; readonly x: Tree; readonly scale: number; readonly offset: number }
  | { readonly is: "clip"; readonly x: Tree; readonly low: number; readonly high: number }
  | { readonly is: "call"; readonly name: "sigmoid" | "tanh" | "erf" | "exp" | "softplus"; readonly x: Tree }
  | { readonly is: "hardSigmoid"; readonly x: Tree; readonly alpha: number; readonly beta: number }
  | { readonly is: "product"; readonly factors: readonly Tree[] };

export interface Expression {
  readonly kind: "expression";
  readonly tree: Tree;
  readonly dims: readonly number[];
  /** True where one node alone reads it. */
  readonly exclusive: boolean;
  /** The node it comes from, for the core node's name and for messages. */
  readonly title: string;
}

/** What a tree computes: an activation of one value, or scale · x + offset of it. */
export type Recognised =
  | { readonly of: Activation; readonly activation: ActivationName }
  | { readonly of: Activation; readonly scale: number; readonly offset: number };

/** @returns undefined where it is none of the activations */
export function recognise(tree: Tree): Recognised | undefined {
  const { x, scale, offset } = asAffine(tree);
  if (x.is === "leaf") return { of: x.of, scale, offset };
  return offset === 0 ? nonLinear(x, scale) : undefined;
}

/** scale · x, x no affine itself. */
function nonLinear(x: Tree, scale: number): Recognised | undefined {
  if (x.is === "clip") return clipped(x, scale);
  if (x.is === "product") return multiplied(x.factors, scale);
  if (!close(scale, 1)) return undefined;
  if (x.is === "call") {
    const leaf = leafOf(x.x);
    if (leaf === undefined || x.name === "erf" || x.name === "exp") return undefined;
    return { of: leaf, activation: x.name };
  }
  const leaf = x.is === "hardSigmoid" ? hardSigmoidOf(x) : undefined;
  return leaf && { of: leaf, activation: "hardSigmoid" };
}

function clipped(x: Tree & { is: "clip" }, scale: number): Recognised | undefined {
  const leaf = leafOf(x.x);
  if (leaf !== undefined && close(scale, 1) && x.low === 0) {
    if (x.high === Number.POSITIVE_INFINITY) return { of: leaf, activation: "relu" };
    if (close(x.high, 6)) return { of: leaf, activation: "relu6" };
  }
  const gate = hardSigmoidOf({ is: "affine", x, scale, offset: 0 });
  return gate && { of: gate, activation: "hardSigmoid" };
}

function multiplied(factors: readonly Tree[], scale: number): Recognised | undefined {
  let gates: Tree[] = [];
  let of: Activation | undefined;
  let all = scale;
  for (const factor of factors) {
    const { x, scale: own, offset } = asAffine(factor);
    if (x.is === "leaf" && offset === 0 && of === undefined) {
      of = x.of;
      all *= own;
    } else {
      gates = [...gates, factor];
    }
  }
  const [gate] = gates;
  if (of === undefined || gate === undefined || gates.length > 1) return undefined;
  const scaled: Tree = { is: "affine", x: gate, scale: all, offset: 0 };
  if (isSame(hardSigmoidOf(scaled), of)) return { of, activation: "hardSwish" };
  const { x, scale: own, offset } = asAffine(scaled);
  if (x.is !== "call") return undefined;
  if (x.name === "sigmoid" && close(own, 1) && offset === 0 && isSame(leafOf(x.x), of))
    return { of, activation: "silu" };
  if (x.name !== "erf" || !close(own, 0.5) || !close(offset, 0.5)) return undefined;
  const inside = asAffine(x.x);
  const isHalf = inside.offset === 0 && close(inside.scale, Math.SQRT1_2);
  return isHalf && inside.x.is === "leaf" && isSame(inside.x.of, of) ? { of, activation: "gelu" } : undefined;
}

/**
 * An activation of scale · x + offset: the same tree over x alone, where every x in it is scaled and shifted alike.
 * @param tree that is no activation of x itself
 */
export function scaledArgument(
  tree: Tree,
):
  | { readonly of: Activation; readonly scale: number; readonly offset: number; readonly over: Tree }
  | undefined {
  const found: { of: Activation; scale: number; offset: number }[] = [];
  const stripped = (part: Tree): Tree => {
    const { x, scale, offset } = asAffine(part);
    if (x.is === "leaf") {
      found.push({ of: x.of, scale, offset });
      return x;
    }
    if (part.is === "product") return { ...part, factors: part.factors.map(stripped) };
    return part.is === "leaf" ? part : { ...part, x: stripped(part.x) };
  };
  const over = stripped(tree);
  const [first, ...others] = found;
  const isAlike = others.every(
    ({ of, scale, offset }) => isSame(of, first!.of) && scale === first!.scale && offset === first!.offset,
  );
  return first !== undefined && isAlike ? { ...first, over } : undefined;
}

/** hardSigmoid = clip(x + 3, 0, 6) / 6, however the constants are spread: clip(a·x + b, 0, h) · s. */
function hardSigmoidOf(tree: Tree): Activation | undefined {
  const { x, scale, offset } = asAffine(tree);
  if (offset !== 0) return undefined;
  if (x.is === "hardSigmoid") {
    const fits = close(scale, 1) && close(x.alpha, 1 / 6) && close(x.beta, 0.5);
    return fits ? leafOf(x.x) : undefined;
  }
  if (x.is !== "clip" || x.low !== 0 || !close(x.high * scale, 1)) return undefined;
  const inside = asAffine(x.x);
  const fits = close(inside.scale * scale, 1 / 6) && close(inside.offset * scale, 0.5);
  return fits && inside.x.is === "leaf" ? inside.x.of : undefined;
}

/** A tree as scale · x + offset with x no affine itself. */
export function asAffine(tree: Tree): { readonly x: Tree; readonly scale: number; readonly offset: number } {
  let [x, scale, offset] = [tree, 1, 0];
  while (x.is === "affine") {
    offset += scale * x.offset;
    scale *= x.scale;
    x = x.x;
  }
  return { x, scale, offset };
}

function leafOf(tree: Tree): Activation | undefined {
  const { x, scale, offset } = asAffine(tree);
  return x.is === "leaf" && scale === 1 && offset === 0 ? x.of : undefined;
}

function isSame(a: Activation | undefined, b: Activation): boolean {
  return a !== undefined && a.spec === b.spec && a.dims.length === b.dims.length;
}

/** Constants are written as float16 or float32; a float16 is right to 2^-11. */
function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= 5e-4 * Math.abs(b);
}
