/** The product of two values of the network: gates, gated linear units. */
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, product, sameDims, type Value } from "../values.ts";

/** @throws Unsupported for shapes that do not meet unit by unit and place by place */
export function productOfValues(
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
): Activation {
  const factors = inputs.map((input) => context.activation(input, "a product"));
  const [a, b] = factors as [Activation, Activation];
  if (sameDims(a.dims, b.dims)) {
    const isAlike = sameDims(a.shape, b.shape);
    const alike = isAlike ? factors : factors.map((value) => context.flat(value));
    return context.emit(node, { kind: "multiply" }, alike, a.dims);
  }
  const dims = a.dims.map((length, axis) => (length === 1 ? (b.dims[axis] ?? 1) : length));
  const meets = b.dims.length === dims.length && b.dims.every((n, axis) => n === 1 || n === dims[axis]);
  if (meets && a.dims[0] === b.dims[0] && factors.every(meetsByUnit))
    return context.emit(node, { kind: "multiply" }, factors, dims);
  throw new Unsupported(
    `it multiplies ${dimsText(a.dims)} and ${dimsText(b.dims)}, which do not meet unit by unit and place by place`,
  );
}

/** True if ONNX's axes behind the batch are those of the value: units, then places; `[n, c, 1, 1]` may be `[c]`. */
function meetsByUnit({ dims, shape }: Activation): boolean {
  const [units, ...places] = dims.slice(1);
  return sameDims(dims.slice(1), shape) || (sameDims(shape, [units!]) && product(places) === 1);
}
