/**
 * Elementwise arithmetic on one value: kept as a tree until something else reads it, then recognised as an activation,
 * by its shape,
 *   relu = clip(x, 0, ∞)             relu6 = clip(x, 0, 6)
 *   hardSigmoid = clip(x + 3, 0, 6) / 6       hardSwish = x · hardSigmoid(x)
 *   silu = x · sigmoid(x)            gelu = x · (1 + erf(x / √2)) / 2
 * or, however it is written, by its values (activationByValues.ts).
 */
import { type ActivationName, erf, type Operation } from "@phew/core";
import { activationByValues } from "./activationByValues.ts";
import { sigmoid, softplus } from "./elementwiseFunctions.ts";
import type { Activation, Tree } from "./values.ts";

const activationCalls = { sigmoid, tanh: Math.tanh, erf, softplus };

/** The value that the tree depends on. */
export function leafOf(tree: Tree): Activation {
  let at = tree;
  while (at.is !== "leaf") at = childrenOf(at)[0]!;
  return at.of;
}

export function childrenOf(tree: Exclude<Tree, { is: "leaf" }>): readonly Tree[] {
  if (tree.is === "product") return tree.factors;
  return tree.is === "function" ? tree.of : [tree.x];
}

/** The tree with another value; shared parts stay shared. */
export function onto(tree: Tree, value: Tree): Tree {
  const known = new Map<Tree, Tree>();
  const at = (part: Tree): Tree => {
    let found = known.get(part);
    if (found === undefined) {
      found = replaced(part, value, at);
      known.set(part, found);
    }
    return found;
  };
  return at(tree);
}

function replaced(tree: Tree, value: Tree, at: (part: Tree) => Tree): Tree {
  if (tree.is === "leaf") return value;
  if (tree.is === "product") return { ...tree, factors: tree.factors.map(at) };
  if (tree.is === "function") return { ...tree, of: tree.of.map(at) };
  return { ...tree, x: at(tree.x) };
}

/** scale · x + offset, if the tree reads its value only in this form; else undefined. */
export function innermostAffine(tree: Tree): { scale: number; offset: number } | undefined {
  let found: { scale: number; offset: number } | undefined;
  const seen = new Set<Tree>();
  const waiting = [tree];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const { x, scale, offset } = asAffine(at);
    if (x.is !== "leaf") {
      waiting.push(...childrenOf(x));
      continue;
    }
    if (found !== undefined && (found.scale !== scale || found.offset !== offset)) return undefined;
    found = { scale, offset };
  }
  return found;
}

/** The tree as a function of numbers. @param affine the form in which its value is read */
export function functionOf(tree: Tree, affine = { scale: 1, offset: 0 }): (x: number) => number {
  return (x) => {
    const known = new Map<Tree, number>();
    const at = (part: Tree): number => {
      let value = known.get(part);
      if (value === undefined) {
        value = evaluated(part, at, (x - affine.offset) / affine.scale);
        known.set(part, value);
      }
      return value;
    };
    return at(tree);
  };
}

function evaluated(tree: Tree, at: (part: Tree) => number, leaf: number): number {
  switch (tree.is) {
    case "leaf":
      return leaf;
    case "affine":
      return tree.scale * at(tree.x) + tree.offset;
    case "clip":
      return Math.min(tree.high, Math.max(tree.low, at(tree.x)));
    case "call":
      return activationCalls[tree.name](at(tree.x));
    case "hardSigmoid":
      return Math.min(1, Math.max(0, tree.alpha * at(tree.x) + tree.beta));
    case "product":
      return tree.factors.reduce((all, factor) => all * at(factor), 1);
    case "function":
      return tree.compute(...tree.of.map(at));
  }
}

/** The last step of a tree as a function of numbers. */
export function outermost(tree: Tree): (x: number) => number {
  return (x) => evaluated(tree, () => x, x);
}

/** The activation that a tree computes of its value; undefined if it is none that can be computed. */
export function activationOf(tree: Tree): Operation | undefined {
  const { x, scale, offset } = asAffine(tree);
  const name = x.is === "leaf" || offset !== 0 ? undefined : nonLinear(x, scale);
  return name === undefined ? activationByValues(functionOf(tree)) : { kind: "activation", name };
}

/** scale · x, with x not affine itself. */
function nonLinear(x: Tree, scale: number): ActivationName | undefined {
  if (x.is === "clip") return clipped(x, scale);
  if (x.is === "product") return multiplied(x.factors, scale);
  if (!close(scale, 1)) return undefined;
  if (x.is === "call") {
    return isBare(x.x) && x.name !== "erf" ? x.name : undefined;
  }
  return x.is === "hardSigmoid" && isHardSigmoid(x) ? "hardSigmoid" : undefined;
}

function clipped(x: Tree & { is: "clip" }, scale: number): ActivationName | undefined {
  if (isBare(x.x) && close(scale, 1) && x.low === 0) {
    if (x.high === Number.POSITIVE_INFINITY) return "relu";
    if (close(x.high, 6)) return "relu6";
  }
  return isHardSigmoid({ is: "affine", x, scale, offset: 0 }) ? "hardSigmoid" : undefined;
}

function multiplied(factors: readonly Tree[], scale: number): ActivationName | undefined {
  const gates: Tree[] = [];
  let isOfValue = false;
  let all = scale;
  for (const factor of factors) {
    const { x, scale: own, offset } = asAffine(factor);
    if (x.is === "leaf" && offset === 0 && !isOfValue) {
      isOfValue = true;
      all *= own;
    } else {
      gates.push(factor);
    }
  }
  const [gate] = gates;
  if (!isOfValue || gate === undefined || gates.length > 1) return undefined;
  const scaled: Tree = { is: "affine", x: gate, scale: all, offset: 0 };
  if (isHardSigmoid(scaled)) return "hardSwish";
  const { x, scale: own, offset } = asAffine(scaled);
  if (x.is !== "call") return undefined;
  if (x.name === "sigmoid" && close(own, 1) && offset === 0 && isBare(x.x)) return "silu";
  if (x.name !== "erf" || !close(own, 0.5) || !close(offset, 0.5)) return undefined;
  const inside = asAffine(x.x);
  const isHalf = inside.offset === 0 && close(inside.scale, Math.SQRT1_2);
  return isHalf && inside.x.is === "leaf" ? "gelu" : undefined;
}

/** hardSigmoid = clip(x + 3, 0, 6) / 6, however the constants are spread: clip(a·x + b, 0, h) · s. */
function isHardSigmoid(tree: Tree): boolean {
  const { x, scale, offset } = asAffine(tree);
  if (offset !== 0) return false;
  if (x.is === "hardSigmoid")
    return close(scale, 1) && close(x.alpha, 1 / 6) && close(x.beta, 0.5) && isBare(x.x);
  if (x.is !== "clip" || x.low !== 0 || !close(x.high * scale, 1)) return false;
  const inside = asAffine(x.x);
  const fits = close(inside.scale * scale, 1 / 6) && close(inside.offset * scale, 0.5);
  return fits && inside.x.is === "leaf";
}

/** A tree as scale · x + offset with x not affine itself. */
export function asAffine(tree: Tree): { readonly x: Tree; readonly scale: number; readonly offset: number } {
  let [x, scale, offset] = [tree, 1, 0];
  while (x.is === "affine") {
    offset += scale * x.offset;
    scale *= x.scale;
    x = x.x;
  }
  return { x, scale, offset };
}

/** True if a tree is the value itself. */
function isBare(tree: Tree): boolean {
  const { x, scale, offset } = asAffine(tree);
  return x.is === "leaf" && scale === 1 && offset === 0;
}

/** Constants are written as float16 or float32; a float16 is accurate to 2^-11. */
function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= 5e-4 * Math.abs(b);
}
