/**
 * Pad: a constant around an image waits for the convolution or pooling that follows (and is an operation where others
 * read it); mirrored borders, crops, and units of zeros are operations at once.
 */
import { counted, paddedAxis } from "@phew/core";
import { requireAxis } from "../axisLimit.ts";
import { normalAxis, smallNumbers } from "../constants.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, dimsText, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";
import { placesOf, resampled } from "./places.ts";

/** What a Pad adds before and after each axis. */
export interface Pads {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export function padsOf(
  context: Importer,
  node: NodePart,
  rank: number,
  pads: Value | undefined,
  axes: Value | undefined,
): Pads {
  const given =
    pads === undefined
      ? context.attributes(node).ints("pads")
      : [...smallNumbers(context.constant(pads, "its list of pads"))];
  if (given === undefined) throw new Unsupported("it lacks its pads");
  const along =
    axes === undefined
      ? Array.from({ length: rank }, (_, axis) => axis)
      : [...smallNumbers(context.constant(axes, "its list of axes"))].map((axis) => normalAxis(axis, rank));
  if (given.length !== 2 * along.length)
    throw new Unsupported(
      `it has ${counted(given.length, "pad")} for ${counted(along.length, "axis", "axes")}`,
    );
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [k, axis] of along.entries()) {
    before[axis] = given[k]!;
    after[axis] = given[k + along.length]!;
  }
  return { before, after };
}

export const pad: Operator = (context, node, [x, pads, fill, axes]) => {
  const attributes = context.attributes(node);
  const mode = attributes.text("mode", "constant");
  const value = context.laid(x, "a padding");
  const rank = value.dims.length;
  const around = padsOf(context, node, rank, pads, axes);
  const { before, after } = around;
  if ([...before, ...after].every((n) => n === 0)) return value;
  if (mode !== "constant" && mode !== "reflect" && mode !== "edge")
    throw new Unsupported(`it pads by "${mode}"; constants, reflect and edge have their place here`);
  const number = fill === undefined ? attributes.float("value", 0) : context.scalar(fill);
  if (number === undefined) throw new Unsupported("it pads with a value that is no constant number");
  if (before[0] !== 0 || after[0] !== 0 || rank < 3)
    throw new Unsupported(
      `it pads ${dimsText(value.dims)} along other axes than those of units and positions`,
    );
  const image = context.image(value, "a padding");
  const units = before[1] !== 0 || after[1] !== 0;
  if (mode === "constant" && !units && rank === 4 && [...before, ...after].every((n) => n >= 0)) {
    return {
      kind: "padded",
      base: image,
      padding: [before[2]!, before[3]!, after[2]!, after[3]!],
      value: number < -3.4e38 ? Number.NEGATIVE_INFINITY : number,
      dims: value.dims.map((length, axis) => length + before[axis]! + after[axis]!),
      node,
    };
  }
  if (units && (mode !== "constant" || number !== 0))
    throw new Unsupported(`it adds units by "${mode}" that are not 0; units of zeros have their place here`);
  const own = paddedPlaces(context, node, image, around, mode, number);
  return units ? paddedUnits(context, node, own, around) : own;
};

function paddedPlaces(
  context: Importer,
  node: NodePart,
  value: Activation,
  { before, after }: Pads,
  mode: "constant" | "reflect" | "edge",
  fill: number,
): Activation {
  if ([...before.slice(2), ...after.slice(2)].every((n) => n === 0)) return value;
  const axes = placesOf(value).map((length, k) => {
    const [first, last] = [before[k + 2]!, after[k + 2]!];
    const total = length + first + last;
    requireAxis(total);
    if (total < 1 || -first >= length || -last >= length)
      throw new Unsupported(`its pads leave nothing of an axis of ${length}`);
    if (mode === "reflect" && Math.max(first, last) >= length)
      throw new Unsupported(`it mirrors ${Math.max(first, last)} of ${length} positions`);
    return paddedAxis(length, first, last, mode);
  });
  return resampled(context, node, value, "pad", axes, { fill: mode === "constant" ? fill : 0 });
}

/** Units of zeros before and after, or fewer units. */
function paddedUnits(
  context: Importer,
  node: NodePart,
  value: Activation,
  { before, after }: Pads,
): Activation {
  const count = value.shape[0]!;
  const total = count + before[1]! + after[1]!;
  if (!(total >= 1 && total <= 2 ** 24))
    throw new Unsupported(`its pads leave ${total} of ${counted(count, "unit")}`);
  const index = Array.from({ length: total }, (_, u) => {
    const unit = u - before[1]!;
    return unit >= 0 && unit < count ? unit : -1;
  });
  const dims = value.dims.map((length, axis) => (axis === 1 ? total : length));
  return context.select(node, value, index, dims);
}
