/** Reductions and products of constants: weights that are computed from others, as weight and spectral normalisation do. */
import { computedConstant, normalAxis, stridesOf } from "../constants.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { isFloat, numbersOf } from "../tensors.ts";
import { reasonFor, Unsupported } from "../unsupported.ts";
import { type Constant, product, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";

interface Reduction {
  readonly start: number;
  step(sum: number, value: number): number;
  /** @param count of the elements that were reduced to one */
  end?(sum: number, count: number): number;
}

const plus = (sum: number, value: number) => sum + value;
const plusSquare = (sum: number, value: number) => sum + value * value;

/** In float64, the elements in the order of the file. */
const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  ReduceL1: { start: 0, step: (sum, value) => sum + Math.abs(value) },
  ReduceL2: { start: 0, step: plusSquare, end: Math.sqrt },
  ReduceMax: { start: Number.NEGATIVE_INFINITY, step: Math.max },
  ReduceMean: { start: 0, step: plus, end: (sum, count) => sum / count },
  ReduceMin: { start: Number.POSITIVE_INFINITY, step: Math.min },
  ReduceProd: { start: 1, step: (all, value) => all * value },
  ReduceSum: { start: 0, step: plus },
  ReduceSumSquare: { start: 0, step: plusSquare },
};

/** Of constants alone. */
export const reduceConstant: Operator = (context, node, [x, axes]) => {
  if (x?.kind !== "constant") throw new Unsupported(reasonFor(node.opType ?? ""));
  return foldReduction(context, node, x, axes);
};

/** @param axes an input, of newer opsets; else an attribute */
export function foldReduction(
  context: Importer,
  node: NodePart,
  x: Constant,
  axes: Value | undefined,
): Constant {
  const { start, step, end } = REDUCTIONS[node.opType ?? ""]!;
  const attributes = context.attributes(node);
  const givenAxes = context.axesOf(node, axes);
  const isNone = givenAxes === undefined || givenAxes.length === 0;
  const isKept = isNone && attributes.int("noop_with_empty_axes", 0) !== 0;
  const rank = x.dims.length;
  const all = Array.from({ length: rank }, (_, axis) => axis);
  const gone = new Set(isNone ? (isKept ? [] : all) : givenAxes.map((axis) => normalAxis(axis, rank)));
  const keeps = attributes.int("keepdims", 1) !== 0;
  const kept = x.dims.map((length, axis) => (gone.has(axis) ? 1 : length));
  const dims = keeps ? kept : x.dims.filter((_, axis) => !gone.has(axis));
  const steps = stridesOf(kept).map((stride, axis) => (gone.has(axis) ? 0 : stride));
  const given = numbersOf(x.read());
  requireElements(given);
  const results = new Float64Array(product(kept)).fill(start);
  const place = new Array<number>(rank).fill(0);
  for (let k = 0, at = 0; k < given.length; k++) {
    results[at] = step(results[at]!, given[k]!);
    for (let axis = rank - 1; axis >= 0; axis--) {
      at += steps[axis]!;
      if (++place[axis]! < x.dims[axis]!) break;
      at -= steps[axis]! * x.dims[axis]!;
      place[axis] = 0;
    }
  }
  const count = given.length / results.length;
  const values = end === undefined ? results : results.map((sum) => end(sum, count));
  const whole = isFloat(x.dtype) ? values : values.map(Math.trunc);
  return computedConstant(node.output?.[0] ?? "", dims, x.dtype, whole);
}

/** Without elements one length is 0, and the others may be of any size: nothing bounds the result. */
function requireElements({ length }: ArrayLike<number>): void {
  if (length === 0) throw new Unsupported("it computes with a constant that has no elements");
}

/** The product of a matrix and a vector, or of two vectors. @throws Unsupported for two matrices */
export function foldProduct(node: NodePart, a: Constant, b: Constant): Constant {
  if (a.dims.length > 2 || b.dims.length > 2 || (a.dims.length === 2 && b.dims.length === 2)) {
    throw new Unsupported("it multiplies constants with each other, of which one must be a vector here");
  }
  const [left, right] = [numbersOf(a.read()), numbersOf(b.read())];
  requireElements(left);
  requireElements(right);
  const isVectorFirst = a.dims.length === 1;
  const [rows, length] = isVectorFirst ? [1, a.dims[0]!] : [a.dims[0]!, a.dims[1]!];
  const columns = isVectorFirst && b.dims.length === 2 ? b.dims[1]! : 1;
  if (b.dims[0] !== length)
    throw new Unsupported(`shapes [${a.dims.join(", ")}] and [${b.dims.join(", ")}] do not fit together`);
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < length; k++)
      for (let column = 0; column < columns; column++)
        values[row * columns + column]! += left[row * length + k]! * right[k * columns + column]!;
  const dims = [...a.dims.slice(0, -1), ...b.dims.slice(1)];
  return computedConstant(node.output?.[0] ?? "", dims, a.dtype, values);
}
