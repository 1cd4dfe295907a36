/** The shape of what an unsupported node puts out: as the file notes it, or by what the operation is known to do. */
import { broadcastDims, smallNumbers } from "./constants.ts";
import type { Importer } from "./importer.ts";
import type { NodePart } from "./parts.ts";
import { type DimensionProto, largeNumber } from "./schema.ts";
import { Unsupported } from "./unsupported.ts";
import type { Value } from "./values.ts";

/** Operations whose output has the shape of their first input. */
const SHAPE_KEEPING = new Set([
  "InstanceNormalization",
  "GroupNormalization",
  "LayerNormalization",
  "MeanVarianceNormalization",
  "LpNormalization",
  "LRN",
  "Softmax",
  "LogSoftmax",
  "Selu",
  "Celu",
  "Mish",
  "Gelu",
  "Swish",
  "PRelu",
  "HardSigmoid",
  "ThresholdedRelu",
  "Shrink",
  "Softsign",
  "Sign",
  "Sin",
  "Cos",
  "Abs",
  "Exp",
  "Log",
  "Sqrt",
  "Reciprocal",
  "Round",
  "Floor",
  "Ceil",
  "Neg",
  "Dropout",
  "CumSum",
]);
const BROADCASTING = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean"]);

/** @returns ONNX's dims, batch first; undefined where they cannot be known */
export function opaqueDims(
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
  output: string,
): readonly number[] | undefined {
  const known = inputs.map((input) => (input === undefined || !("dims" in input) ? [] : input.dims));
  const [first] = known;
  const opType = node.opType ?? "";
  try {
    if (SHAPE_KEEPING.has(opType)) return first;
    if (BROADCASTING.has(opType)) return known.reduce(broadcastDims);
    if (opType === "Resize" || opType === "Upsample") return resized(inputs, first ?? []);
    if (opType === "ConvTranspose") return transposedConvolution(context, node, first ?? [], known[1] ?? []);
    if (opType === "DepthToSpace" || opType === "SpaceToDepth") return blocks(context, node, first ?? []);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
  }
  const noted =
    context.parts.valueInfo.get(output) ?? context.parts.outputs.find(({ name }) => name === output);
  return notedDims(noted?.type?.tensorType?.shape?.dim, first?.[0]);
}

function notedDims(dims: readonly DimensionProto[] | undefined, batch: number | undefined) {
  if (dims === undefined || batch === undefined) return undefined;
  const [, ...rest] = dims.map(({ dimValue }) => (dimValue === undefined ? 0 : largeNumber(dimValue)));
  return rest.every((length) => Number.isSafeInteger(length) && length > 0) ? [batch, ...rest] : undefined;
}

/** Inputs: data, region, scales, sizes (Resize) or data, scales (Upsample). */
function resized(
  inputs: readonly (Value | undefined)[],
  dims: readonly number[],
): readonly number[] | undefined {
  for (const input of [inputs[3], inputs[2], inputs[1]]) {
    if (input?.kind !== "constant" || input.dims[0] !== dims.length) continue;
    const numbers = smallNumbers(input);
    const lengths =
      input === inputs[3] ? [...numbers] : dims.map((length, axis) => Math.floor(length * numbers[axis]!));
    return [dims[0]!, ...lengths.slice(1)];
  }
  return undefined;
}

function transposedConvolution(
  context: Importer,
  node: NodePart,
  dims: readonly number[],
  weight: readonly number[],
): readonly number[] | undefined {
  const attributes = context.attributes(node);
  if (dims.length !== 4 || weight.length !== 4 || attributes.text("auto_pad", "NOTSET") !== "NOTSET")
    return undefined;
  const strides = attributes.ints("strides") ?? [1, 1];
  const pads = attributes.ints("pads") ?? [0, 0, 0, 0];
  const dilations = attributes.ints("dilations") ?? [1, 1];
  const extra = attributes.ints("output_padding") ?? [0, 0];
  const lengths = attributes.ints("output_shape");
  const spatial = [0, 1].map(
    (axis) =>
      lengths?.at(axis - 2) ??
      strides[axis]! * (dims[axis + 2]! - 1) +
        extra[axis]! +
        (weight[axis + 2]! - 1) * dilations[axis]! +
        1 -
        pads[axis]! -
        pads[axis + 2]!,
  );
  return [dims[0]!, weight[1]! * attributes.int("group", 1), ...spatial];
}

function blocks(context: Importer, node: NodePart, dims: readonly number[]): readonly number[] | undefined {
  const size = context.attributes(node).int("blocksize", 1);
  if (dims.length !== 4 || size < 1) return undefined;
  const [n, c, h, w] = dims as [number, number, number, number];
  return node.opType === "DepthToSpace"
    ? [n, c / size ** 2, h * size, w * size]
    : [n, c * size ** 2, h / size, w / size];
}
