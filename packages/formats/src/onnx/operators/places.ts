/** Movements of positions as one operation of the network. */
import { type AxisTerms, paddedAxis } from "@phew/core";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, product } from "../values.ts";

/**
 * Resamples the positions of a value.
 * @param axes one for each axis of positions in ONNX @param title of the core node, if it is not the node's own
 */
export function resampled(
  context: Importer,
  node: NodePart,
  value: Activation,
  name: "averagePool" | "pad" | "resize" | "slice" | "spread" | "sum",
  axes: readonly AxisTerms[],
  options: { readonly fill?: number; readonly title?: string } = {},
): Activation {
  const dims = [...value.dims.slice(0, 2), ...axes.map(({ places }) => places.length)];
  if (!(product(dims.slice(1)) <= 2 ** 30))
    throw new Unsupported(`it makes ${product(dims.slice(1))} elements of an example`);
  const own = options.title === undefined ? node : { ...node, title: options.title };
  // a sequence is an image of one row
  const rows = axes.length === 1 ? [paddedAxis(1, 0, 0, "constant")] : [];
  const op = { kind: "resample", name, axes: [...rows, ...axes], fill: options.fill ?? 0 } as const;
  return context.emit(own, op, [value], dims);
}

/** A value of core with its axes of positions in ONNX: a sequence has no rows. */
export const withPlaces = (value: Activation, rank: number): Activation => ({
  ...value,
  dims: [value.dims[0]!, value.shape[0]!, ...value.shape.slice(-rank)],
});

/** Lengths of the axes of positions in ONNX. */
export const placesOf = ({ dims }: Activation): readonly number[] => dims.slice(2);
