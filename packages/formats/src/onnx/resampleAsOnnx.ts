/** Resampled positions in ONNX: a product with a matrix for each axis, and the fill added where no term is. */
import type { AxisTerms, Operation, Shape } from "@phew/core";
import { product } from "./values.ts";

type Resample = Extract<Operation, { kind: "resample" }>;

/** Adds nodes and constants, under names that are not taken. */
export interface ResampleSteps {
  /** @returns the name of its value */
  step(name: string, opType: string, input: readonly string[], permutation?: readonly number[]): string;
  /** @returns the name of the constant */
  numbers(name: string, shape: readonly number[], values: Float32Array): string;
}

/** @param shape of the value, without the batch @returns the type and the inputs of the last node */
export function resampleAsOnnx(
  { axes, fill }: Resample,
  x: string,
  shape: Shape,
  { step, numbers }: ResampleSteps,
): { opType: string; input: readonly string[] } {
  const last = axes.length + 1;
  let value = x;
  for (const [k, terms] of axes.entries()) {
    if (isWhole(terms)) continue;
    const axis = k + 2;
    const matrix = numbers(`axis${axis}`, [terms.from, terms.places.length], matrixOf(terms));
    const exchange = Array.from({ length: last + 1 }, (_, at) =>
      at === axis ? last : at === last ? axis : at,
    );
    // the axis of a product's left factor that is summed over is its last
    const given = axis === last ? value : step(`axis${axis}_last`, "Transpose", [value], exchange);
    const multiplied = step(`axis${axis}_places`, "MatMul", [given, matrix]);
    value = axis === last ? multiplied : step(`axis${axis}_back`, "Transpose", [multiplied], exchange);
  }
  if (fill === 0) return { opType: "Identity", input: [value] };
  const places = shape.slice(1);
  const fills = new Float32Array(product(places)).map((_, k) => (isEmptyAt(axes, places, k) ? fill : 0));
  return { opType: "Add", input: [value, numbers("fill", places, fills)] };
}

const isWhole = ({ from, places }: AxisTerms): boolean =>
  from === places.length &&
  places.every((terms, p) => terms.length === 1 && terms[0]![0] === p && terms[0]![1] === 1);

function matrixOf({ from, places }: AxisTerms): Float32Array {
  const matrix = new Float32Array(from * places.length);
  for (const [p, terms] of places.entries())
    for (const [at, factor] of terms) matrix[at * places.length + p]! += factor;
  return matrix;
}

function isEmptyAt(axes: readonly AxisTerms[], lengths: readonly number[], place: number): boolean {
  let rest = place;
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    if (axes[axis]!.places[rest % lengths[axis]!]!.length === 0) return true;
    rest = Math.floor(rest / lengths[axis]!);
  }
  return false;
}
