/** Normalisations of a value by its own statistics: LayerNormalization, GroupNormalization and their kin. */
import { unitsAlong } from "../arranging.ts";
import { normalAxis, smallNumbers, tensorFrom } from "../constants.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { numbersOf } from "../tensors.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, product, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";

type Norm = { readonly eachPlace: boolean; readonly centred: boolean; readonly epsilon: number };

export const layerNormalization: Operator = (context, node, [x, scale, shift]) => {
  requireOneOutput(context, node);
  const epsilon = context.attributes(node).float("epsilon", 1e-5);
  return overLastAxes(context, node, x, { centred: true, epsilon }, [scale, shift]);
};

export const rmsNormalization: Operator = (context, node, [x, scale]) => {
  requireOneOutput(context, node);
  const epsilon = context.attributes(node).float("epsilon", 1e-5);
  return overLastAxes(context, node, x, { centred: false, epsilon }, [scale]);
};

/** x / √Σx² is x / √mean(x²), divided by the root of the number of elements. */
export const lpNormalization: Operator = (context, node, [x]) => {
  const attributes = context.attributes(node);
  if (attributes.int("p", 2) !== 2) throw new Unsupported("it divides by the sum of magnitudes");
  const value = context.view(x, "a normalisation");
  const axis = normalAxis(attributes.int("axis", -1), value.dims.length);
  const norm = { eachPlace: true, centred: false, epsilon: 0 };
  const normal = normalised(context, node, unitsAlong(context, value, [axis]), norm);
  const alpha = 1 / Math.sqrt(value.dims[axis]!);
  return context.emitLike(node, { kind: "activation", name: "linear", alpha, beta: 0 }, [normal]);
};

function requireOneOutput(context: Importer, node: NodePart): void {
  if ((node.output ?? []).slice(1).some((output) => context.isRead(output)))
    throw new Unsupported("its mean or deviation is read by other nodes");
}

/** Over all axes from the given one on: units at each place, or all units and places together. */
function overLastAxes(
  context: Importer,
  node: NodePart,
  x: Value | undefined,
  norm: Omit<Norm, "eachPlace">,
  constants: readonly (Value | undefined)[],
): Activation {
  const value = context.view(x, "a normalisation");
  const rank = value.dims.length;
  const axis = normalAxis(context.attributes(node).int("axis", -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, k) => axis + k);
  return overAxes(context, node, value, axes, norm, constants);
}

/**
 * @param constants scale and shift, with the lengths of these axes; undefined for none
 * @throws Unsupported over other axes than all units, alone or with all places
 */
export function overAxes(
  context: Importer,
  node: NodePart,
  value: Activation,
  axes: readonly number[],
  norm: Omit<Norm, "eachPlace">,
  constants: readonly (Value | undefined)[] = [],
): Activation {
  const long = axes.filter((axis) => value.dims[axis]! > 1);
  const isOfAll =
    long.length > 1 && value.dims.every((n, axis) => axis === 0 || n === 1 || long.includes(axis));
  if (isOfAll) {
    const whole = context.activation(value, "a normalisation");
    const plain = normalised(context, node, whole, { ...norm, eachPlace: false });
    return ofElements(context, node, plain, constants);
  }
  const isOfImage = axes.length > 1 && axes[0] === 2 && axes.length === value.dims.length - 2;
  if (isOfImage && norm.centred) {
    const whole = context.activation(value, "a normalisation");
    return overGroups(context, node, whole, whole.shape[0]!, norm.epsilon, constants);
  }
  const [axis = axes.at(-1)!] = long;
  if (long.length > 1 || axis === 0)
    throw new Unsupported(
      `it normalises ${dimsText(value.dims)} over axes ${axes.join(", ")}, not over units`,
    );
  const units = unitsAlong(context, value, [axis]);
  return ofUnits(context, node, units, { ...norm, eachPlace: true }, 1, constants);
}

function normalised(
  context: Importer,
  node: NodePart,
  value: Activation,
  norm: Norm,
  groups: number | "units" = 1,
): Activation {
  return context.emitLike(node, { kind: "layerNorm", groups, ...norm }, [value]);
}

/** Adds the scale and the shift of a normalisation as parameters of units, if they are no ones and zeros made up. */
function ofUnits(
  context: Importer,
  node: NodePart,
  value: Activation,
  norm: Norm,
  groups: number | "units",
  given: readonly (Value | undefined)[],
): Activation {
  const units = value.shape[0]!;
  const [scale, shift] = given.map((own, k) =>
    own === undefined
      ? undefined
      : factorOf(context.constant(own, "its scale or shift"), units, k === 0 ? 1 : 0),
  );
  const names: { scale?: string; shift?: string } = {};
  if (scale !== undefined || shift !== undefined)
    names.scale = context.parameters.add(node, scale ?? forUnits(given[0] as Constant, units), "scale", [
      units,
    ]);
  if (shift !== undefined) names.shift = context.parameters.add(node, shift, "shift", [units]);
  const result = context.emitLike(node, { kind: "layerNorm", groups, ...norm, ...names }, [value]);
  for (const [k, name] of [names.scale, names.shift].entries()) {
    const constant = given[k];
    if (name === undefined || constant?.kind !== "constant") continue;
    const axes = constant.dims.map((n) => (n === units ? result.spec : undefined));
    context.use(node, k + 1, constant, axes, name);
  }
  return result;
}

/** A number for each unit; undefined for as many ones (zeros) as an exporter makes up. */
function factorOf(constant: Constant, units: number, neutral: number): Constant | undefined {
  const isMadeUp = isInventedFactor(constant) && smallNumbers(constant).every((n) => n === neutral);
  return isMadeUp ? undefined : forUnits(constant, units);
}

/** A parameter of a module has the module's name; an exporter's own ones and zeros are folded constants. */
const isInventedFactor = ({ origin }: Constant): boolean => !/\.(weight|bias|gamma|beta)$/.test(origin);

/** Of a number for each group, or for all, one for each unit. */
function forUnits(constant: Constant, units: number): Constant {
  const count = product(constant.dims);
  if (count === units) return constant;
  if (units % count !== 0)
    throw new Unsupported(`its scale or shift of shape ${dimsText(constant.dims)} is not for ${units} units`);
  const { kind, name, origin, dtype } = constant;
  const read = () => {
    const numbers = numbersOf(constant.read());
    const spread = Float64Array.from({ length: units }, (_, u) => numbers[Math.floor(u / (units / count))]!);
    return tensorFrom(dtype, [units], spread);
  };
  return { kind, name, origin, dtype, dims: [units], read };
}

/** Scale and shift with a number for each element. */
function ofElements(
  context: Importer,
  node: NodePart,
  value: Activation,
  given: readonly (Value | undefined)[],
): Activation {
  const [scale, shift] = given.map((own, k) => {
    const constant = own === undefined ? undefined : context.constant(own, "its scale or shift");
    const isMadeUp =
      constant !== undefined &&
      isInventedFactor(constant) &&
      smallNumbers(constant).every((n) => n === (k === 0 ? 1 : 0));
    return isMadeUp ? undefined : constant;
  });
  if (scale === undefined && shift === undefined) return value;
  const names: { scale?: string; shift?: string } = {};
  if (scale !== undefined) names.scale = context.parameters.add(node, scale, "scale", value.shape);
  if (shift !== undefined) names.shift = context.parameters.add(node, shift, "shift", value.shape);
  const result = context.emitLike(node, { kind: "affine", of: "elements", ...names }, [value]);
  for (const [k, constant] of [scale, shift].entries()) {
    if (constant === undefined) continue;
    const axes = constant.dims.map((_, axis) => (axis === 0 ? result.spec : undefined));
    context.use(node, k + 1, constant, axes, k === 0 ? names.scale : names.shift);
  }
  return result;
}

/**
 * Over all places of each unit, or of each group of units, which the file has on axis 1: PyTorch's exporter writes a
 * group normalisation as one of instances between two reshapes.
 */
export const instanceNormalization: Operator = (context, node, [x, scale, shift]) => {
  const value = context.activation(x, "a normalisation");
  const epsilon = context.attributes(node).float("epsilon", 1e-5);
  return overGroups(context, node, value, value.dims[1]!, epsilon, [scale, shift]);
};

export const groupNormalization: Operator = (context, node, [x, scale, shift]) => {
  const value = context.activation(x, "a normalisation");
  const attributes = context.attributes(node);
  const groups = attributes.int("num_groups", 1);
  return overGroups(context, node, value, groups, attributes.float("epsilon", 1e-5), [scale, shift]);
};

function overGroups(
  context: Importer,
  node: NodePart,
  value: Activation,
  count: number,
  epsilon: number,
  constants: readonly (Value | undefined)[],
): Activation {
  const [units, ...places] = value.shape;
  if (!(count >= 1) || units! % count !== 0)
    throw new Unsupported(`it divides ${units} units into ${count} groups`);
  if (count === units && product(places) === 1)
    throw new Unsupported("it normalises each unit over a single place");
  const norm = { eachPlace: false, centred: true, epsilon };
  const groups = count === units && count > 1 ? "units" : count;
  return ofUnits(context, node, value, norm, groups, constants);
}
