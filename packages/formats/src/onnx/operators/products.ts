/** The product of two values of the network: gates, gated linear units. */
import { movedTo, unitsAlong } from "../arranging.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, product, sameDims, type Value } from "../values.ts";
import { unitAxesOfValue } from "./factors.ts";

const MULTIPLY = { kind: "multiply" } as const;

/** @throws Unsupported for shapes that do not meet unit by unit and place by place */
export function productOfValues(
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
): Activation {
  const factors = inputs.map((input) => context.laid(input, "a product"));
  const [a, b] = factors as [Activation, Activation];
  if (sameDims(a.dims, b.dims)) return alike(context, node, a, b);
  const dims = a.dims.map((length, axis) => (length === 1 ? (b.dims[axis] ?? 1) : length));
  const meets = b.dims.length === dims.length && b.dims.every((n, axis) => n === 1 || n === dims[axis]);
  const isOfBatch = a.dims.length > 1 && a.dims[0] === b.dims[0];
  const found = meets && isOfBatch ? byUnit(context, node, a, b) : undefined;
  if (found !== undefined) return { ...found, dims };
  throw new Unsupported(
    `it multiplies ${dimsText(a.dims)} and ${dimsText(b.dims)}, which do not meet unit by unit and place by place`,
  );
}

function alike(context: Importer, node: NodePart, a: Activation, b: Activation): Activation {
  if (a.order !== undefined || b.order !== undefined)
    return context.emitLike(node, MULTIPLY, [a, movedTo(context, b, a)]);
  const terms = sameDims(a.shape, b.shape) ? [a, b] : [a, b].map((value) => context.flat(value));
  return context.emit(node, MULTIPLY, terms, a.dims);
}

/** One factor has a number for each unit, or for each place, of the other. */
function byUnit(context: Importer, node: NodePart, a: Activation, b: Activation): Activation | undefined {
  if ([a, b].every((value) => value.order === undefined && meetsByUnit(value)))
    return context.emit(node, MULTIPLY, [a, b]);
  const [large, small] = product(a.dims) > product(b.dims) ? [a, b] : [b, a];
  const axes = unitAxesOfValue(large);
  const isOfUnits = axes && product(small.dims.slice(1)) === product(axes.map((axis) => small.dims[axis]!));
  if (!isOfUnits) return undefined;
  const gate = unitsAlong(context, small, axes);
  return product(gate.shape.slice(1)) === 1 ? context.emitLike(node, MULTIPLY, [large, gate]) : undefined;
}

/** True if ONNX's axes behind the batch are those of the value: units, then places; `[n, c, 1, 1]` may be `[c]`. */
function meetsByUnit({ dims, shape }: Activation): boolean {
  const [units, ...places] = dims.slice(1);
  return sameDims(dims.slice(1), shape) || (sameDims(shape, [units!]) && product(places) === 1);
}
