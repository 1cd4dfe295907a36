/** Operations with weights: Conv, Gemm, MatMul, BatchNormalization. */
import { counted, type Operation, type WindowAxis } from "@phew/core";
import { unitAxisOfValue, unitsAlong } from "../arranging.ts";
import { tensorFrom } from "../constants.ts";
import { foldBatchNormalization } from "../foldedLayers.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { isFloat, numbersOf } from "../tensors.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, product, sameDims, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";
import { placesOf, withPlaces } from "./places.ts";
import { foldProduct } from "./reductions.ts";
import { flatWindow, paddedImage, windowOf } from "./windows.ts";

export const conv: Operator = (context, node, [x, w, b]) => {
  const weight = context.constant(w, "its weight");
  const padded = paddedImage(context, x, "a convolution", ({ value }) => value === 0);
  const { image } = padded;
  const [outChannels = 0, inPerGroup = 0, ...size] = weight.dims;
  const rank = placesOf(image).length;
  if (size.length !== rank)
    throw new Unsupported(
      `its weight of shape ${dimsText(weight.dims)} does not fit ${dimsText(image.dims)}`,
    );
  const attributes = context.attributes(node);
  const kernel = attributes.ints("kernel_shape") ?? size;
  if (kernel.join() !== size.join())
    throw new Unsupported(`it has kernel_shape ${kernel.join("×")} and a weight of ${size.join("×")}`);
  const groups = attributes.int("group", 1);
  const channels = image.shape[0]!;
  if (
    groups < 1 ||
    inPerGroup * groups !== channels ||
    outChannels % groups !== 0 ||
    product(weight.dims) === 0
  ) {
    throw new Unsupported(
      `a weight of shape ${dimsText(weight.dims)} does not fit ${counted(channels, "channel")} in ${counted(groups, "group")}`,
    );
  }
  const axes = windowOf(context, node, padded, kernel);
  const bias = b === undefined ? undefined : context.constant(b, "its bias");
  const name = context.parameters.add(node, weight, "weight", weight.dims);
  const names = { weight: name, ...biasNamed(context, node, bias, outChannels) };
  const op = convolutionOver(axes, { ...names, outChannels, groups });
  const value = withPlaces(context.emit(node, op, [image]), rank);
  const group = groups === 1 ? image.spec : undefined;
  context.use(node, 1, weight, [value.spec, group, ...size.map(() => undefined)], name);
  if (bias !== undefined) context.use(node, 2, bias, unitAxis(bias.dims, 0, value.spec), names.bias);
  return value;
};

/** The name of a bias as a field; none where the model has no such parameter. */
export function biasNamed(
  context: Importer,
  node: NodePart,
  bias: Constant | undefined,
  units: number,
): { readonly bias?: string } {
  if (bias === undefined || isMadeUpZero(bias)) return {};
  return { bias: context.parameters.add(node, bias, "bias", [units]) };
}

/** A convolution over one, two or three axes. */
export function convolutionOver(
  axes: readonly WindowAxis[],
  names: {
    readonly weight: string;
    readonly bias?: string;
    readonly outChannels: number;
    readonly groups: number;
  },
): Extract<Operation, { kind: "conv2d" | "conv3d" }> {
  if (axes.length < 3)
    return { kind: "conv2d", ...names, ...flatWindow(axes), ...(axes.length === 1 && { isSequence: true }) };
  const [depth, rows, columns] = axes as [WindowAxis, WindowAxis, WindowAxis];
  const each = (of: (axis: WindowAxis) => number) => [of(depth), of(rows), of(columns)] as const;
  return {
    kind: "conv3d",
    ...names,
    kernel: each(({ kernel }) => kernel),
    stride: each(({ stride }) => stride),
    padding: [...each(({ before }) => before), ...each(({ after }) => after)],
    dilation: each(({ dilation }) => dilation),
  };
}

/** The zeros that PyTorch's newer exporter writes for a convolution without bias; the model has no such parameter. */
function isMadeUpZero(bias: Constant): boolean {
  return (
    bias.stored === undefined && isFloat(bias.dtype) && numbersOf(bias.read()).every((value) => value === 0)
  );
}

export const gemm: Operator = (context, node, [a, b, c]) => {
  const attributes = context.attributes(node);
  const weight = context.constant(b, "its second factor");
  if (attributes.int("transA", 0) !== 0)
    throw new Unsupported("it transposes its input, which exchanges batch and features");
  const alpha = attributes.float("alpha", 1);
  const beta = attributes.float("beta", 1);
  const isOutFirst = attributes.int("transB", 0) !== 0;
  const dense = denseLayer(context, node, context.view(a, "a dense layer"), weight, !isOutFirst, alpha);
  const bias = c === undefined || beta === 0 ? undefined : context.constant(c, "its bias");
  if (bias !== undefined) addBias(context, node, 2, bias, dense, beta);
  return dense;
};

export const matMul: Operator = (context, node, [a, b]) => {
  if (a?.kind === "constant" && b?.kind === "constant") return foldProduct(node, a, b);
  if (a?.kind === "constant" || b?.kind !== "constant") {
    throw new Unsupported("the product of two values has no weights of its own to walk");
  }
  return denseLayer(context, node, context.view(a, "a dense layer"), b, true, 1);
};

function denseLayer(
  context: Importer,
  node: NodePart,
  x: Activation,
  weight: Constant,
  transposed: boolean,
  alpha: number,
): Activation {
  if (weight.dims.length !== 2) throw new Unsupported(`its weight has shape ${dimsText(weight.dims)}`);
  const [outFeatures, inFeatures] = transposed
    ? [weight.dims[1]!, weight.dims[0]!]
    : [weight.dims[0]!, weight.dims[1]!];
  const axis = x.dims.length - 1;
  // a list of features is read flat; elsewhere the last axis tells units, and others are positions
  const isList = x.order === undefined && axis === 1;
  const given = isList ? context.flat(x) : unitsAlong(context, x, [axis]);
  if (given.shape[0] !== inFeatures || outFeatures === 0) {
    throw new Unsupported(
      `a weight of shape ${dimsText(weight.dims)} does not fit ${counted(given.shape[0]!, "feature")}`,
    );
  }
  if (!Number.isFinite(alpha)) throw new Unsupported(`it has alpha ${alpha}`);
  const name = context.parameters.add(node, weight, "weight", [outFeatures, inFeatures], {
    transposed,
    scale: alpha,
  });
  const op = { kind: "dense", weight: name, outFeatures } as const;
  const value = isList ? context.emit(node, op, [given]) : context.emitLike(node, op, [given], axis);
  context.use(node, 1, weight, transposed ? [given.spec, value.spec] : [value.spec, given.spec], name);
  return value;
}

/** True for a convolution or dense layer that has no bias yet. */
export function lacksBias(op: Operation): op is Extract<Operation, { weight: string; bias?: string }> {
  return "weight" in op && op.bias === undefined;
}

/** Makes a constant the bias of the convolution or dense layer that puts out `value`. */
export function addBias(
  context: Importer,
  node: NodePart,
  input: number,
  given: Constant,
  value: Activation,
  beta = 1,
): void {
  const op = context.operationOf(value);
  const units = value.shape[0]!;
  if (!lacksBias(op)) {
    throw new Unsupported("a constant is added where no layer's bias can take it up");
  }
  const isOneForAll = product(given.dims) === 1 && units > 1 && given.dims.length <= value.dims.length;
  const bias = isOneForAll ? forEachUnit(given, units, value) : given;
  const axis = unitAxisOf(bias.dims, value) ?? (units === 1 ? 0 : undefined);
  if (product(bias.dims) !== units || axis === undefined) {
    throw new Unsupported(
      `a bias of shape ${dimsText(bias.dims)} does not hold one number for each of ${counted(units, "unit")}`,
    );
  }
  const name = context.parameters.add(node, bias, "bias", [units], { scale: beta });
  context.replace(value, { ...op, bias: name });
  context.use(node, input, bias, unitAxis(bias.dims, axis, value.spec), name);
}

/** One number for all units as one per unit, so that each can be masked, removed and trained. */
function forEachUnit(constant: Constant, units: number, value: Activation): Constant {
  const { kind, name, origin, dtype } = constant;
  const behind = value.dims.length - 1 - ((value.order && unitAxisOfValue(value)) ?? 1);
  const dims = [units, ...new Array<number>(behind).fill(1)];
  const read = () => tensorFrom(dtype, dims, new Float64Array(units).fill(numbersOf(constant.read())[0]!));
  return { kind, name, origin, dtype, dims, read };
}

/**
 * The axis of a constant that is broadcast along a value's unit axis.
 * @returns undefined if another axis is longer than 1
 */
export function unitAxisOf(constant: readonly number[], value: Activation): number | undefined {
  // of single positions the axis of units may be any, in the natural order
  const isFirst =
    value.order === undefined && (value.dims[1] === value.shape[0] || product(value.shape.slice(1)) > 1);
  const units = isFirst ? 1 : unitAxisOfValue(value);
  if (units === undefined) return undefined;
  const axis = units - value.dims.length + constant.length;
  const isAlone = constant.every((length, k) => k === axis || length === 1);
  if (!isAlone || constant.length > value.dims.length) return undefined;
  return axis >= 0 ? axis : undefined;
}

export function unitAxis(dims: readonly number[], axis: number, spec: string): (string | undefined)[] {
  return dims.map((_, k) => (k === axis ? spec : undefined));
}

/** Of a weight that is normalised in the graph. */
function normalisedConstant(
  context: Importer,
  node: NodePart,
  data: Constant,
  parameters: readonly (Value | undefined)[],
): Constant {
  const [scale, shift, mean, variance] = parameters.map((p, k) =>
    context.constant(p, `its ${["scale", "shift", "mean", "variance"][k]}`),
  ) as [Constant, Constant, Constant, Constant];
  const attributes = context.attributes(node);
  return foldBatchNormalization(node.output![0]!, data, {
    ...{ scale, shift, mean, variance },
    epsilon: attributes.float("epsilon", 1e-5),
    isTraining: attributes.int("training_mode", 0) !== 0,
  });
}

export const batchNormalization: Operator = (context, node, [x, ...parameters]) => {
  if (x?.kind === "constant") return normalisedConstant(context, node, x, parameters);
  const given = context.laid(x, "a batch normalisation");
  // of tokens that lie beside the examples of the batch, features on the second axis
  const isOfTokens = given.order !== undefined && given.dims.length === 2;
  const value = isOfTokens
    ? unitsAlong(context, given, [1])
    : context.activation(given, "a batch normalisation");
  const [scale, shift, mean, variance] = parameters.map((p, k) =>
    context.constant(p, `its ${["scale", "shift", "mean", "variance"][k]}`),
  );
  if (scale === undefined || shift === undefined || mean === undefined || variance === undefined) {
    throw new Unsupported("it lacks one of scale, shift, mean and variance");
  }
  const base = isOfTokens
    ? value
    : value.dims.length === 2
      ? context.flat(value)
      : context.image(value, "a batch normalisation");
  const attributes = context.attributes(node);
  if ((node.output ?? []).slice(1).some((output) => context.isRead(output))) {
    throw new Unsupported("its statistics of the batch are read by other nodes");
  }
  if (attributes.int("training_mode", 0) !== 0) {
    context.note(`"${node.title}" was exported in training mode; here it uses its running statistics`);
  }
  const epsilon = attributes.float("epsilon", 1e-5);
  // ONNX counts what stays of the old statistics
  const momentum = Number((1 - attributes.float("momentum", 0.9)).toPrecision(6));
  const shape = [base.shape[0]!];
  const roles = ["scale", "shift", "mean", "variance"] as const;
  const constants = [scale, shift, mean, variance];
  const names = constants.map((constant, k) => context.parameters.add(node, constant, roles[k]!, shape));
  const [scaleName, shiftName, meanName, varianceName] = names as [string, string, string, string];
  const op = {
    kind: "batchNorm",
    scale: scaleName,
    shift: shiftName,
    mean: meanName,
    variance: varianceName,
    epsilon,
    momentum,
  } as const;
  const normalised = isOfTokens
    ? context.emitLike(node, op, [base])
    : context.emit(node, op, [base], value.dims);
  for (const [k, constant] of constants.entries()) {
    if (!sameDims(constant.dims, shape))
      throw new Unsupported(`its ${roles[k]} has shape ${dimsText(constant.dims)}`);
    context.use(node, k + 1, constant, [normalised.spec], names[k]!);
  }
  return normalised;
};
