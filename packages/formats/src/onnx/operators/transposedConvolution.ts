/**
 * ConvTranspose: zeros between the positions of its input, and a convolution of stride 1 with the kernel read backwards
 * (see Transposed in @phew/core). Along each axis
 *   length of the output = (length − 1) · stride + 1 + dilation · (kernel − 1) + output_padding − pads.
 */
import { counted, spreadAxis, type WindowAxis } from "@phew/core";
import type { Attributes } from "../attributes.ts";
import { requireAxis } from "../axisLimit.ts";
import type { Importer } from "../importer.ts";
import type { NodePart } from "../parts.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, product } from "../values.ts";
import { biasNamed, convolutionOver, unitAxis } from "./layers.ts";
import type { Operator } from "./operator.ts";
import { placesOf, resampled, withPlaces } from "./places.ts";

/** One axis of positions; `before` and `after` are taken off the complete output. */
interface Axis extends WindowAxis {
  /** Positions that are added behind it. */
  readonly added: number;
}

export const convTranspose: Operator = (context, node, [x, w, b]) => {
  const weight = context.constant(w, "its weight");
  const image = context.image(context.activation(x, "a transposed convolution"), "a transposed convolution");
  const attributes = context.attributes(node);
  const groups = attributes.int("group", 1);
  const [inChannels = 0, outPerGroup = 0, ...kernel] = weight.dims;
  const axes = axesOf(attributes, placesOf(image), kernel);
  const channels = image.shape[0]!;
  if (groups < 1 || inChannels !== channels || channels % groups !== 0 || product(weight.dims) === 0) {
    throw new Unsupported(
      `a weight of shape ${dimsText(weight.dims)} does not fit ${counted(channels, "channel")} in ${counted(groups, "group")}`,
    );
  }
  const bias = b === undefined ? undefined : context.constant(b, "its bias");
  const spread = spreadImage(context, node, image, axes);
  return convolved(context, node, {
    image,
    spread,
    weight,
    bias,
    groups,
    axes,
    outChannels: outPerGroup * groups,
  });
};

function axesOf(attributes: Attributes, lengths: readonly number[], kernel: readonly number[]): Axis[] {
  const rank = lengths.length;
  const ints = (name: string, otherwise: number): readonly number[] => {
    const given = attributes.ints(name) ?? new Array<number>(rank).fill(otherwise);
    if (given.length === rank && given.every((n) => n >= otherwise)) return given;
    throw new Unsupported(`it has ${name} ${given.join(", ")} for ${counted(rank, "axis", "axes")}`);
  };
  const stated = attributes.ints("kernel_shape") ?? kernel;
  if (kernel.length !== rank || stated.join() !== kernel.join()) {
    throw new Unsupported(`it has kernel_shape ${stated.join("×")} and a weight of ${kernel.join("×")}`);
  }
  const [strides, dilations, added] = [ints("strides", 1), ints("dilations", 1), ints("output_padding", 0)];
  return lengths.map((length, axis) => {
    const own = {
      length,
      kernel: kernel[axis]!,
      stride: strides[axis]!,
      dilation: dilations[axis]!,
      added: added[axis]!,
    };
    const [before, after] = takenOff(attributes, rank, axis, own);
    return { ...own, before, after };
  });
}

/** What an axis of the complete output loses before and after: `pads`, or what the shape of the output asks for. */
function takenOff(
  attributes: Attributes,
  rank: number,
  axis: number,
  { length, kernel, stride, dilation, added }: Omit<Axis, "before" | "after">,
): readonly [number, number] {
  const automatic = attributes.text("auto_pad", "NOTSET");
  const whole = (length - 1) * stride + 1 + dilation * (kernel - 1) + added;
  const wanted = attributes.ints("output_shape")?.slice(-rank);
  const isSame = automatic === "SAME_UPPER" || automatic === "SAME_LOWER";
  if (wanted === undefined && !isSame) {
    const pads = automatic === "VALID" ? undefined : attributes.ints("pads");
    if (pads !== undefined && (pads.length !== 2 * rank || pads.some((n) => n < 0)))
      throw new Unsupported(`it has pads ${pads.join(", ")} for ${counted(rank, "axis", "axes")}`);
    return pads === undefined ? [0, 0] : [pads[axis]!, pads[axis + rank]!];
  }
  if (wanted !== undefined && wanted.length !== rank)
    throw new Unsupported(`it has an output_shape of ${counted(wanted.length, "axis", "axes")}`);
  const lost = wanted === undefined ? Math.max(0, whole - length * stride) : whole - wanted[axis]!;
  if (lost < 0)
    throw new Unsupported(`its output_shape ${wanted!.join("×")} is larger than all that it computes`);
  const less = Math.floor(lost / 2);
  return automatic === "SAME_UPPER" ? [less, lost - less] : [lost - less, less];
}

/** The input with zeros between its positions, and without those that only reach what is taken off. */
function spreadImage(
  context: Importer,
  node: NodePart,
  image: Activation,
  axes: readonly Axis[],
): { readonly value: Activation; readonly padding: readonly (readonly [number, number])[] } {
  const around = axes.map(({ kernel, dilation, before, after, added }) => {
    const reach = dilation * (kernel - 1);
    return [reach - before, reach + added - after] as const;
  });
  for (const { length, stride } of axes) requireAxis(length * stride);
  const crops = around.map(([before, after]) => [Math.max(0, -before), Math.max(0, -after)] as const);
  const isPlain = axes.every(({ stride }, k) => stride === 1 && crops[k]!.every((n) => n === 0));
  const lefts = axes.map(({ length, stride }, k) => (length - 1) * stride + 1 - crops[k]![0] - crops[k]![1]);
  if (lefts.some((left) => left < 1)) throw new Unsupported("its pads leave nothing of its output");
  const terms = axes.map(({ length, stride }, k) => spreadAxis(length, stride, crops[k]!));
  return {
    value: isPlain
      ? image
      : resampled(context, node, image, "spread", terms, { title: `${node.title}/spread` }),
    padding: around.map(([before, after]) => [Math.max(0, before), Math.max(0, after)] as const),
  };
}

interface Call {
  readonly image: Activation;
  readonly spread: ReturnType<typeof spreadImage>;
  readonly weight: Constant;
  readonly bias: Constant | undefined;
  readonly groups: number;
  readonly axes: readonly Axis[];
  readonly outChannels: number;
}

function convolved(context: Importer, node: NodePart, call: Call): Activation {
  const { image, spread, weight, bias, groups, axes, outChannels } = call;
  const name = context.parameters.add(
    node,
    weight,
    "weight",
    [outChannels, image.shape[0]! / groups, ...weight.dims.slice(2)],
    { transposed: true, groups },
  );
  const names = { weight: name, ...biasNamed(context, node, bias, outChannels) };
  const windows = axes.map(({ length, kernel, dilation }, k) => {
    const [before, after] = spread.padding[k]!;
    return { length, kernel, stride: 1, dilation, before, after };
  });
  const op = convolutionOver(windows, { ...names, outChannels, groups });
  const emitted = context.emit(node, { ...op, transposed: ownNumbers(axes) }, [spread.value]);
  const value = withPlaces(emitted, axes.length);
  const spec = groups === 1 ? value.spec : undefined;
  context.use(node, 1, weight, [image.spec, spec, ...axes.map(() => undefined)], name);
  if (bias !== undefined) context.use(node, 2, bias, unitAxis(bias.dims, 0, value.spec), names.bias);
  return value;
}

/** The transposed convolution's own strides, pads and input, as core has them: a sequence is an image of one row. */
function ownNumbers(axes: readonly Axis[]) {
  const own = (row: number, of: (axis: Axis) => number) => [
    ...(axes.length === 1 ? [row] : []),
    ...axes.map(of),
  ];
  return {
    stride: own(1, ({ stride }) => stride),
    padding: own(0, ({ before }) => before),
    size: own(1, ({ length }) => length),
  };
}
