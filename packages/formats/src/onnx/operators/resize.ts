/**
 * Resize and the older Upsample: along each axis position p of the output looks at one place of the input,
 *   half_pixel (p + ½) / scale − ½,   asymmetric p / scale,   align_corners p · (length − 1) / (new length − 1),
 * and takes the nearest position there, or the two around it by their distance. Runtimes compute places in float32, as
 * is done here: it decides which of two positions is nearer.
 */
import type { AxisTerms, Term } from "@phew/core";
import { requireAxis } from "../axisLimit.ts";
import { normalAxis, smallNumbers } from "../constants.ts";
import { foldResampled } from "../foldedLayers.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";
import { resampled } from "./places.ts";

/** One axis that is resized. */
interface Scaled {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

const f = Math.fround;

/** Where position p of the output lies in the input. */
const COORDINATES: Readonly<Record<string, (p: number, axis: Scaled) => number>> = {
  half_pixel: (p, { scale }) => f(f(f(p + 0.5) / scale) - 0.5),
  half_pixel_symmetric: (p, { from, to, scale }) => {
    const offset = f((from / 2) * f(1 - f(to / f(scale * from))));
    return f(f(offset + f(f(p + 0.5) / scale)) - 0.5);
  },
  pytorch_half_pixel: (p, { to, scale }) => (to > 1 ? f(f(f(p + 0.5) / scale) - 0.5) : 0),
  align_corners: (p, { from, to }) => (to > 1 ? f(f(p * (from - 1)) / (to - 1)) : 0),
  asymmetric: (p, { scale }) => f(p / scale),
  tf_half_pixel_for_nn: (p, { scale }) => f(f(p + 0.5) / scale),
};

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

export const resize: Operator = (context, node, inputs) => {
  const attributes = context.attributes(node);
  const isOld = node.opType === "Upsample" || inputs.length < 3;
  const [x, second, third, sizes] = inputs;
  const value = x?.kind === "constant" ? x : context.activation(x, "a resize");
  const axes = scaledAxes(context, node, value, isOld ? second : third, sizes);
  const mode = attributes.text("mode", "nearest");
  const coordinates = attributes.text("coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel");
  const isReduced = axes.some(({ from, to }) => to < from);
  if (attributes.int("antialias", 0) !== 0 && isReduced) throw new Unsupported("it resizes with antialias");
  const place = COORDINATES[coordinates];
  if (place === undefined) throw new Unsupported(`its coordinate_transformation_mode is "${coordinates}"`);
  if (mode === "nearest") {
    const isExact = axes.every(({ from, to, scale }) => to === from * scale);
    if (coordinates === "half_pixel_symmetric" && !isExact)
      throw new Unsupported(
        "its places by half_pixel_symmetric lie between two positions, of which runtimes take either as the nearest",
      );
    const rounding = attributes.text("nearest_mode", isOld ? "floor" : "round_prefer_floor");
    const round = ROUNDINGS[rounding];
    if (round === undefined) throw new Unsupported(`its nearest_mode is "${rounding}"`);
    const terms = (p: number, axis: Scaled): Term[] => [[clamped(round(place(p, axis)), axis), 1]];
    return resizedBy(context, node, value, axes, terms);
  }
  if (mode === "cubic" && value.kind === "constant" && attributes.int("exclude_outside", 0) === 0) {
    const a = attributes.float("cubic_coeff_a", -0.75);
    return resizedBy(context, node, value, axes, (p, axis) => around(place(p, axis), axis, a));
  }
  if (mode !== "linear" && mode !== "bilinear" && mode !== "trilinear")
    throw new Unsupported(`it resizes by "${mode}"; nearest and linear have their place here`);
  if (attributes.int("exclude_outside", 0) !== 0) throw new Unsupported("it has exclude_outside");
  return resizedBy(context, node, value, axes, (p, axis) => between(place(p, axis), axis));
};

const clamped = (at: number, { from }: Scaled): number => Math.min(from - 1, Math.max(0, at));

/** The two positions around a place, by their distance. */
function between(place: number, axis: Scaled): Term[] {
  const at = clamped(place, axis);
  const low = Math.floor(at);
  const share = f(at - low);
  if (share === 0) return [[low, 1]];
  return [
    [low, f(1 - share)],
    [low + 1, share],
  ];
}

/**
 * The four positions around a place, by Keys' cubic function. Its factors may be negative, and positions of a path sum's
 * values are not: constants alone are resized by it.
 */
function around(place: number, axis: Scaled, a: number): Term[] {
  const low = Math.floor(place);
  const factor = (distance: number): number => {
    const x = Math.abs(distance);
    if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
    return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
  };
  return [-1, 0, 1, 2].map((step): Term => [clamped(low + step, axis), factor(place - low - step)]);
}

function resizedBy(
  context: Importer,
  node: NodePart,
  value: Activation | Constant,
  axes: readonly Scaled[],
  terms: (p: number, axis: Scaled) => Term[],
): Value {
  const tables = axes.map((axis): AxisTerms => {
    requireAxis(axis.to);
    return { from: axis.from, places: Array.from({ length: axis.to }, (_, p) => terms(p, axis)) };
  });
  if (value.kind === "constant") return foldResampled(node.output![0]!, value, tables);
  return resampled(context, node, value, "resize", tables);
}

/** The axes of positions, with their new lengths. */
function scaledAxes(
  context: Importer,
  node: NodePart,
  value: Activation | Constant,
  scales: Value | undefined,
  sizes: Value | undefined,
): Scaled[] {
  const attributes = context.attributes(node);
  const { dims } = value;
  const rank = dims.length;
  const named = attributes.ints("axes")?.map((axis) => normalAxis(axis, rank)) ?? dims.map((_, axis) => axis);
  const numbersIn = (given: Value | undefined, what: string) =>
    given === undefined ? undefined : [...smallNumbers(context.constant(given, what))];
  const length = numbersIn(sizes, "its list of sizes");
  const factor = length === undefined ? scalesOf(context, node, scales) : undefined;
  const given = length ?? factor ?? [];
  if (given.length !== named.length || rank < 3)
    throw new Unsupported(`it resizes ${dimsText(dims)} by ${given.length} numbers`);
  const policy = attributes.text("keep_aspect_ratio_policy", "stretch");
  if (length !== undefined && policy !== "stretch")
    throw new Unsupported(`its keep_aspect_ratio_policy is "${policy}"`);
  const axes = dims.map((from): Scaled => ({ from, to: from, scale: 1 }));
  for (const [k, axis] of named.entries()) {
    const from = dims[axis]!;
    const to = length === undefined ? Math.floor(f(from * f(factor![k]!))) : length[k]!;
    if (!(to >= 1 && from >= 1)) throw new Unsupported(`it leaves nothing of an axis of ${from}`);
    if (axis < 2 && to !== from && !(axis === 0 && length !== undefined))
      throw new Unsupported(`it resizes ${dimsText(dims)} along other axes than those of positions`);
    axes[axis] = { from, to, scale: length === undefined ? f(factor![k]!) : f(to / from) };
  }
  return axes.slice(2);
}

function scalesOf(
  context: Importer,
  node: NodePart,
  scales: Value | undefined,
): readonly number[] | undefined {
  if (scales === undefined) return context.attributes(node).floats("scales");
  return [...smallNumbers(context.constant(scales, "its list of scales"))];
}
