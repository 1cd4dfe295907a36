/**
 * Opaque operations in place of unsupported nodes, so that the nodes after them can be read. Their shape comes from
 * the file, or from what is known of the operation; units pass unchanged if that is known.
 */
import { broadcastDims, sliceIndices, smallNumbers } from "./constants.ts";
import { functions, functionsOfTwo } from "./elementwiseFunctions.ts";
import type { Importer } from "./importer.ts";
import { padsOf } from "./operators/padding.ts";
import { slicesOf } from "./operators/selection.ts";
import type { NodePart } from "./parts.ts";
import { type DimensionProto, largeNumber } from "./schema.ts";
import { Unsupported } from "./unsupported.ts";
import { type Activation, dimsText, product, sameDims, type Value } from "./values.ts";

/** Elementwise operations; several inputs are broadcast. */
const ELEMENTWISE = new Set([
  ...Object.keys(functions),
  ...Object.keys(functionsOfTwo),
  "Celu",
  "Clip",
  "Dropout",
  "Elu",
  "Erf",
  "Gelu",
  "HardSigmoid",
  "HardSwish",
  "LeakyRelu",
  "Mean",
  "Mish",
  "Sigmoid",
  "Softplus",
  "Softsign",
  "Sum",
  "Swish",
  "Tanh",
  "ThresholdedRelu",
  "Where",
]);
/** Operations that keep units separate and may change positions. */
const UNITWISE = new Set([
  "AveragePool",
  "GlobalLpPool",
  "InstanceNormalization",
  "LpPool",
  "MaxPool",
  "Pad",
  "Resize",
  "Slice",
  "Upsample",
]);
/** Others whose output has the shape of their first input. */
const SHAPE_KEEPING = new Set([
  "InstanceNormalization",
  "GroupNormalization",
  "LayerNormalization",
  "RMSNormalization",
  "MeanVarianceNormalization",
  "LpNormalization",
  "LRN",
  "Softmax",
  "LogSoftmax",
  "CumSum",
]);

/** Limit of units of an opaque operation in which every unit may reach every other. */
const MOST_OPAQUE_UNITS = 2 ** 16;

/** @returns true if an opaque operation could replace the node with a known shape */
export function standIn(
  context: Importer,
  node: NodePart,
  operation: string,
  inputs: readonly (Value | undefined)[],
  reason: string,
): boolean {
  const values: Activation[] = [];
  for (const input of inputs) {
    if (input === undefined || input.kind === "constant") continue;
    const value = readValue(context, input);
    if (value === undefined) return false;
    values.push(value);
  }
  const [name, ...others] = (node.output ?? []).filter((output) => context.isRead(output));
  if (values.length === 0 || others.length > 0 || name === undefined) return false;
  const dims = opaqueDims(context, node, inputs, name);
  if (dims === undefined || (dims.length !== 2 && dims.length !== 4) || dims[0] !== values[0]!.dims[0])
    return false;
  const shape = dims.slice(1);
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 1)) return false;
  const carries = carriedBy(operation, values, dims);
  // each unit is a separate path through an opaque operation
  const unitCount = values.reduce((sum, value) => sum + value.shape[0]!, shape[0]!);
  if (carries === undefined && unitCount > MOST_OPAQUE_UNITS) return false;
  const value = context.emit(
    node,
    { kind: "opaque", operation, shape, ...(carries === undefined ? {} : { carries }) },
    values,
    dims,
  );
  context.values.set(name, { ...value, exclusive: context.isReadOnce(name) });
  const weightCount = inputs.filter((input) => input?.kind === "constant").length;
  const assumed =
    carries === undefined
      ? `every unit of its input is assumed to reach every unit of its output, ${dimsText(dims)}`
      : `units pass it unchanged${values.length > 1 ? ", and paths are assumed to pass through each of its inputs" : ""}`;
  context.note(
    `"${node.title}" (${operation}: ${reason}) is opaque: ${assumed}${weightCount > 0 ? ", its own weights are not pruned" : ""}; a network with it can be pruned, not computed`,
  );
  return true;
}

/** undefined if it is not a value of the network, or if its own reading fails. */
function readValue(context: Importer, input: Value): Activation | undefined {
  if (input.kind === "padded") return input.base;
  if (input.kind === "unknown") return undefined;
  try {
    return context.activation(input, "an opaque part");
  } catch (error) {
    if (error instanceof Unsupported) return undefined;
    throw error;
  }
}

/** How units pass; undefined if unknown, or if the file's axes divide them differently. */
function carriedBy(
  operation: string,
  values: readonly Activation[],
  dims: readonly number[],
): "elements" | "units" | undefined {
  const [, units, ...places] = dims;
  const isPlain = values.every(({ dims: own, shape }) => {
    // one number per unit with the dims of an image is a value of one position
    const isOfOnePlace = shape.length === 1 && product(own.slice(2)) === 1;
    return own.length === dims.length && (isOfOnePlace || sameDims(own.slice(1), shape));
  });
  if (!isPlain || values.some(({ dims: own }) => own[1] !== units && own[1] !== 1)) return undefined;
  const meets = ({ dims: own }: Activation) =>
    sameDims(own.slice(2), places) || own.slice(2).every((length) => length === 1);
  if (ELEMENTWISE.has(operation) && values.every(meets)) return "elements";
  return UNITWISE.has(operation) && values[0]!.dims[1] === units ? "units" : undefined;
}

/** @returns ONNX's dims, batch first; undefined if unknown */
function opaqueDims(
  context: Importer,
  node: NodePart,
  inputs: readonly (Value | undefined)[],
  output: string,
): readonly number[] | undefined {
  const known = inputs.map((input) => (input === undefined || !("dims" in input) ? [] : input.dims));
  const [first] = known;
  const opType = node.opType ?? "";
  try {
    if (ELEMENTWISE.has(opType)) return known.reduce(broadcastDims);
    if (SHAPE_KEEPING.has(opType)) return first;
    if (opType === "Slice") return sliced(context, node, first ?? [], inputs.slice(1));
    if (opType === "Pad") return padded(context, node, first ?? [], inputs);
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

function sliced(
  context: Importer,
  node: NodePart,
  dims: readonly number[],
  bounds: readonly (Value | undefined)[],
): readonly number[] {
  const slices = slicesOf(context, node, dims, bounds);
  return dims.map((length, axis) => {
    const part = slices.get(axis);
    return part === undefined || axis === 0 ? length : sliceIndices(part, length).length;
  });
}

/** Inputs: data, pads, value, axes. */
function padded(
  context: Importer,
  node: NodePart,
  dims: readonly number[],
  [, pads, , axes]: readonly (Value | undefined)[],
): readonly number[] {
  const { before, after } = padsOf(context, node, dims.length, pads, axes);
  return dims.map((length, axis) => length + before[axis]! + after[axis]!);
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
