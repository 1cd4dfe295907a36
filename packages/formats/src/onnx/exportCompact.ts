/** A masked model without units that have no effect: fewer channels, the same outputs. */
import { ArgumentError, compactNetwork, counted, type Masks, type Weights } from "@phew/core";
import { bytesOf, type Tensor } from "../tensor.ts";
import { bitsOf, stridesOf, tensorFrom } from "./constants.ts";
import { redefine } from "./exportMasked.ts";
import { GraphEdit, intAttribute, intsAttribute } from "./graphEdit.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import type { NodePart } from "./parts.ts";
import type { AttributeProto } from "./schema.ts";
import { sitesOf } from "./sites.ts";
import { type Activation, ANY_BATCH, product } from "./values.ts";

/** Thrown where the nodes of a file cannot say that there are fewer units. */
class NotInPlace extends ArgumentError {}

export function compactEdit(model: ImportedOnnx, masks: Masks, weights: Weights = model.weights): GraphEdit {
  const { onnx, network } = model;
  const edit = new GraphEdit(onnx.parts, onnx.externalData);
  const { keptUnits } = compactNetwork(network, weights, masks);
  const kept = new Map(network.nodes.map(({ name }, index) => [name, keptUnits[index]!]));
  const unitCount = new Map(network.nodes.map(({ name, shape }) => [name, shape[0]!]));
  const isCut = (spec: string) => (kept.get(spec)?.length ?? 0) < (unitCount.get(spec) ?? 0);

  const divided = [...onnx.divided].find(isCut);
  if (divided !== undefined) {
    throw new NotInPlace(onnx.parts.source.name, {
      given: `a reshape or a part of "${divided}" that counts its units together with others`,
      expected: "units that stay whole",
      remedy: "Export it with --form zeroed.",
    });
  }
  for (const site of sitesOf(model, masks, weights)) {
    const { axes, constant } = site.use;
    const cuts = axes.map((axis, k) =>
      axis !== undefined && isCut(axis)
        ? inBlocks(kept.get(axis)!, unitCount.get(axis)!, site.use.blocks?.[k] ?? 1)
        : undefined,
    );
    if (!site.isChanged && cuts.every((cut) => cut === undefined)) continue;
    const dims = constant.dims.map((length, axis) => cuts[axis]?.length ?? length);
    redefine(model, edit, site, () => cutOut(site.read(), cuts).data, dims);
  }
  const view = new CompactView(model, kept, unitCount);
  for (const node of onnx.graph.order) changeNode(model, edit, node, view);
  // shapes in the file are those before the removal
  edit.dropValueInfo();
  edit.keepOutputs(onnx.outputs.map(({ name }) => name!));
  return edit;
}

/** Kept units of an axis that counts all of them several times, one run after the other. */
function inBlocks(kept: Uint32Array, unitCount: number, blocks: number): Uint32Array {
  return Uint32Array.from({ length: blocks * kept.length }, (_, k) => {
    return Math.floor(k / kept.length) * unitCount + kept[k % kept.length]!;
  });
}

/** The elements at kept indices along each axis. */
function cutOut(tensor: Tensor, cuts: readonly (Uint32Array | undefined)[]): Tensor {
  const elements = bitsOf(tensor);
  const last = cuts.findLastIndex((cut) => cut !== undefined);
  if (last < 0) return tensor;
  const shape = tensor.shape.map((length, axis) => cuts[axis]?.length ?? length);
  const strides = stridesOf(tensor.shape);
  // after the last cut axis elements are contiguous
  const run = strides[last]!;
  const outer = shape.slice(0, last);
  const place = new Array<number>(last).fill(0);
  const taken = elements.slice(0, product(shape));
  for (let to = 0; to < taken.length; ) {
    let base = 0;
    for (let axis = 0; axis < last; axis++) {
      base += (cuts[axis]?.[place[axis]!] ?? place[axis]!) * strides[axis]!;
    }
    for (const index of cuts[last]!) {
      const from = base + index * run;
      for (let k = 0; k < run; k++) taken[to++] = elements[from + k]!;
    }
    for (let axis = last - 1; axis >= 0 && ++place[axis]! === outer[axis]!; axis--) place[axis] = 0;
  }
  return { dtype: tensor.dtype, shape, data: bytesOf(taken) };
}

/** Operations that may read a value whose units are not only on axis 1: see {@link CompactView.dims}. */
const READS_ANY_DIMS = new Set(["Reshape", "Transpose", "Slice", "Gather"]);

/** Which positions along ONNX's unit axis stay. */
class CompactView {
  readonly #model: ImportedOnnx;
  readonly #kept: ReadonlyMap<string, Uint32Array>;
  readonly #unitCount: ReadonlyMap<string, number>;

  constructor(
    model: ImportedOnnx,
    kept: ReadonlyMap<string, Uint32Array>,
    unitCount: ReadonlyMap<string, number>,
  ) {
    this.#model = model;
    this.#kept = kept;
    this.#unitCount = unitCount;
  }

  /** A value of the network that lost units; undefined for constants and for complete values. */
  cut(name: string | undefined): Activation | undefined {
    const value = name === undefined ? undefined : this.#model.onnx.activations.get(name);
    if (value === undefined || !this.#kept.has(value.spec)) return undefined;
    return this.#kept.get(value.spec)!.length < this.#unitCount.get(value.spec)! ? value : undefined;
  }

  isCut(spec: string): boolean {
    return this.#kept.get(spec)!.length < this.#unitCount.get(spec)!;
  }

  units(spec: string): Uint32Array {
    return this.#kept.get(spec)!;
  }

  /** Number of positions kept before `end` along axis 1 of a value. */
  keptBefore({ spec, dims }: Activation, end: number): number {
    const factor = this.#factor(spec, dims);
    let count = 0;
    for (const unit of this.#kept.get(spec)!) count += Math.min(factor, Math.max(0, end - unit * factor));
    return count;
  }

  /** ONNX's dims of a value after the removal, −1 for the batch; units that were on several axes are on one. */
  dims(name: string, { spec, dims, shape }: Activation): number[] {
    const kept = this.#kept.get(spec)!.length;
    if (this.#isSplit(spec, dims)) {
      const readers = this.#model.onnx.graph.order.filter((node) => node.input?.includes(name));
      if (readers.every(({ opType }) => READS_ANY_DIMS.has(opType ?? "")))
        return [-1, kept, ...shape.slice(1)];
    }
    const cut = [-1, ...dims.slice(1)];
    cut[unitAxisIn(dims)] = this.#factor(spec, dims) * kept;
    return cut;
  }

  /**
   * Positions that a selection takes, along axis 1 of its input after the removal.
   * @param name of its input @param isCut whether its output loses units
   * @returns the positions, and the shape of their list: none if the axis is removed
   */
  selection(name: string, output: Activation, isCut: boolean): { places: number[]; dims: number[] } {
    const { network } = this.#model;
    const node = network.nodes.find((candidate) => candidate.name === output.spec)!;
    if (node.op.kind !== "select") throw this.#splitUnits(output.spec, output.dims);
    const { index } = node.op;
    const source = this.#model.onnx.activations.get(name);
    if (source === undefined) throw this.#splitUnits(output.spec, output.dims);
    const given = network.nodes[node.inputs[0]!]!;
    // a selection of features reads a flat value in the file too
    const isFlattened = given.name !== source.spec;
    const maker = this.#model.onnx.graph.makers.get(name)?.opType;
    const isOnAxis = isFlattened
      ? source.dims.length === 2
      : source.dims[1] === this.#unitCount.get(source.spec);
    const isJoined = !isFlattened && this.#isSplit(source.spec, source.dims) && maker === "Reshape";
    if (!isOnAxis && !isJoined) throw this.#splitUnits(source.spec, source.dims);
    // the output has units on one axis too; only a reshape that is rewritten anyway allows that
    if (isJoined && !isCut) throw this.#splitUnits(source.spec, source.dims);
    const place = new Map(Array.from(this.#kept.get(given.name)!, (unit, k) => [unit, k]));
    const places = Array.from(this.#kept.get(node.name)!, (unit) => place.get(index[unit]!)!);
    const isAxisGone = !isJoined && output.dims.length === source.dims.length - 1;
    return { places, dims: isAxisGone ? [] : [places.length] };
  }

  /** The same for a node along an axis of units only; undefined if neither side loses any. */
  turnedSelection(spec: string): number[] | undefined {
    const { network } = this.#model;
    const { op, inputs } = network.nodes.find(({ name }) => name === spec)!;
    const from = op.kind === "select" ? network.nodes[inputs[0]!]!.name : spec;
    const isCut = [spec, from].some((name) => this.#kept.get(name)!.length < this.#unitCount.get(name)!);
    if (!isCut) return undefined;
    const place = new Map(Array.from(this.#kept.get(from)!, (unit, k) => [unit, k]));
    return Array.from(this.#kept.get(spec)!, (u) => place.get(op.kind === "select" ? op.index[u]! : u)!);
  }

  #isSplit(spec: string, dims: readonly number[]): boolean {
    return !Number.isInteger(dims[unitAxisIn(dims)]! / this.#unitCount.get(spec)!);
  }

  /** Positions along the unit axis per unit. */
  #factor(spec: string, dims: readonly number[]): number {
    const length = dims[unitAxisIn(dims)]!;
    const factor = length / this.#unitCount.get(spec)!;
    if (Number.isInteger(factor)) return factor;
    throw this.#splitUnits(spec, dims);
  }

  #splitUnits(spec: string, dims: readonly number[]): NotInPlace {
    return new NotInPlace(this.#model.onnx.parts.source.name, {
      given: `a reshape of the ${counted(this.#unitCount.get(spec) ?? 0, "unit")} of "${spec}" to ${dims[unitAxisIn(dims)]}`,
      expected: "units that stay whole",
      remedy: "Export it with --form zeroed.",
    });
  }
}

/** The unit axis in ONNX's dims: the first axis after the batch that is longer than 1. */
function unitAxisIn(dims: readonly number[]): number {
  const axis = dims.findIndex((length, k) => k > 0 && length > 1);
  return axis < 0 ? 1 : axis;
}

interface Change {
  readonly model: ImportedOnnx;
  readonly edit: GraphEdit;
  readonly node: NodePart;
  readonly view: CompactView;
  /** Undefined if the node's value loses no unit. */
  readonly output: Activation | undefined;
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

/** Changes a node that depends on the number of its units. */
function changeNode(model: ImportedOnnx, edit: GraphEdit, node: NodePart, view: CompactView): void {
  const turned = model.onnx.turnedSelections.get(node);
  const reshaped = model.onnx.reshaped.get(node);
  if (turned !== undefined) {
    const places = view.turnedSelection(turned);
    if (places === undefined) return;
    const dims = node.opType === "GatherND" ? [places.length, 1] : [places.length];
    edit.changeNode(node, {
      input: [node.input![0]!, int64Tensor(edit, `${node.title}_index`, places, dims)],
    });
  } else if (reshaped !== undefined) {
    const { spec, axis, dims } = reshaped;
    if (view.isCut(spec)) reshapeTo(edit, node, dims.with(axis, view.units(spec).length), OTHER_SHAPE);
  } else {
    const output = view.cut(node.output?.[0]);
    const attributes = new Map((node.attribute ?? []).map((attribute) => [attribute.name ?? "", attribute]));
    CHANGES[node.opType ?? ""]?.({ model, edit, node, view, output, attributes });
  }
}

/** By operator: what counts units beside its tensors. */
const CHANGES: Readonly<Record<string, (change: Change) => void>> = {
  Conv: changeGroups,
  ConvTranspose: changeGroups,
  LSTM: changeHiddenSize,
  GRU: changeHiddenSize,
  RNN: changeHiddenSize,
  Gemm({ model, edit, node, output, attributes }) {
    const use = model.onnx.uses.find((other) => other.node === node && other.input === 1);
    if (output === undefined || use === undefined || attributes.get("beta")?.f !== 0) return;
    // with beta 0 the third input is not read, but must fit the units left; before opset 11 it must be present
    const name = edit.unusedName(`${node.title}_unread`);
    const { dtype } = use.constant;
    edit.addTensor({ name, dims: [1], dtype, read: () => tensorFrom(dtype, [1], [0]).data });
    if (edit.inputsOf(node)[2]) edit.repoint(node, 2, name);
  },
  Reshape({ edit, node, view, output }) {
    if (output !== undefined) reshapeTo(edit, node, view.dims(node.output![0]!, output), OTHER_SHAPE);
  },
  Squeeze({ edit, node, view, output, attributes }) {
    const isOpen = !attributes.has("axes") && !edit.inputsOf(node)[1];
    if (output !== undefined && isOpen) reshapeTo(edit, node, view.dims(node.output![0]!, output), new Map());
  },
  Resize({ model, edit, node, view, output, attributes }) {
    if (output !== undefined && isLiteral(model, node.input?.[3]) && !attributes.has("axes"))
      resizeTo(model, edit, node, output, view.units(output.spec).length);
  },
  Expand({ edit, node, output }) {
    // it repeated nothing
    if (output !== undefined) edit.changeNode(node, { opType: "Identity", input: [node.input![0]!] });
  },
  Split: splitKept,
  SplitToSequence: splitKept,
  Slice: selectKept,
  Gather: selectKept,
  Transpose: selectKept,
};

function changeGroups({ model, edit, node, view, output }: Change): void {
  const spec = output?.spec;
  const op = spec === undefined ? undefined : model.network.nodes.find(({ name }) => name === spec)?.op;
  if ((op?.kind !== "conv2d" && op?.kind !== "conv3d") || op.groups === 1) return;
  const groups = view.units(spec!).length / (op.outChannels / op.groups);
  edit.changeNode(node, { attributes: new Map([["group", intAttribute("group", groups)]]) });
}

function changeHiddenSize({ model, edit, node, view }: Change): void {
  const spec = model.onnx.uses.find((use) => use.node === node && use.input === 2)?.axes[1];
  if (spec === undefined || !view.isCut(spec)) return;
  // its states begin as zeros, which need not be given
  edit.changeNode(node, {
    input: edit.inputsOf(node).slice(0, 4),
    attributes: new Map([["hidden_size", intAttribute("hidden_size", view.units(spec).length)]]),
  });
}

/** The lengths of the parts that are left. */
function splitKept({ model, edit, node, view, attributes }: Change): void {
  const [x] = node.input ?? [];
  const value = view.cut(x);
  if (value === undefined) return;
  const ranges = model.onnx.parted.get(node) ?? [];
  const sizes = ranges.map(({ start, end }) => view.keptBefore(value, end) - view.keptBefore(value, start));
  const isRequired = model.onnx.opset >= 13 && !attributes.has("split");
  if (node.input?.[1] || isRequired || node.opType === "SplitToSequence") {
    const name = int64Tensor(edit, `${node.title}_split`, sizes);
    edit.changeNode(node, { input: [x!, name], attributes: new Map([["num_outputs", null]]) });
  } else {
    edit.changeNode(node, { attributes: new Map([["split", intsAttribute("split", sizes)]]) });
  }
}

/** A selection of units takes those that stay. */
function selectKept({ model, edit, node, view, output }: Change): void {
  const [x] = node.input ?? [];
  const value = view.cut(x);
  if (value === undefined && output === undefined) return;
  if (!model.onnx.selections.has(node)) {
    // it takes all units there are, and lists them
    const isWhole = value?.spec === output?.spec && value?.dims.join() === output?.dims.join();
    if (node.opType === "Gather" && isWhole)
      edit.changeNode(node, { opType: "Identity", input: [x!], attributes: new Map([["axis", null]]) });
    return;
  }
  const selected = model.onnx.activations.get(node.output![0]!)!;
  const { places, dims } = view.selection(x!, selected, output !== undefined);
  const name = int64Tensor(edit, `${node.title}_index`, places, dims);
  const attributes = new Map<string, AttributeProto | null>(
    ["perm", "starts", "ends", "axes", "steps"].map((attribute) => [attribute, null]),
  );
  attributes.set("axis", intAttribute("axis", 1));
  edit.changeNode(node, { opType: "Gather", input: [x!, name], attributes });
}

/** True for numbers that stand in the file, and are not computed from the shapes of values. */
function isLiteral({ onnx }: ImportedOnnx, name: string | undefined): boolean {
  if (!name) return false;
  const maker = onnx.graph.makers.get(name)?.opType;
  return maker === undefined || maker === "Constant";
}

/** A Resize to sizes, which count units too. */
function resizeTo(
  model: ImportedOnnx,
  edit: GraphEdit,
  node: NodePart,
  { dims }: Activation,
  units: number,
): void {
  const [x = "", roi = "", scales = ""] = node.input ?? [];
  const places = dims.slice(2);
  const resized = (sizes: readonly number[], axes: readonly number[] | undefined) =>
    edit.changeNode(node, {
      input: [x, roi, scales, int64Tensor(edit, `${node.title}_sizes`, sizes)],
      attributes: new Map(axes === undefined ? [] : [["axes", intsAttribute("axes", axes)]]),
    });
  const axes = places.map((_, k) => k + 2);
  if (model.onnx.opset >= 18) resized(places, axes);
  else if (dims[0] !== ANY_BATCH) resized([dims[0]!, units, ...places], undefined);
  else throw sizesCountUnits(model, node);
}

const sizesCountUnits = ({ onnx }: ImportedOnnx, { title }: NodePart): ArgumentError =>
  new ArgumentError(onnx.parts.source.name, {
    given: `"${title}", which resizes to sizes that count channels, of which some go`,
    expected: "scales, or a file of opset 18 or later",
    remedy: "Export it with --form zeroed.",
  });

/** Attributes of a Reshape that another shape replaces. */
const OTHER_SHAPE: ReadonlyMap<string, null> = new Map([
  ["allowzero", null],
  ["shape", null],
]);

function reshapeTo(
  edit: GraphEdit,
  node: NodePart,
  dims: readonly number[],
  attributes: ReadonlyMap<string, null>,
): void {
  const name = int64Tensor(edit, `${node.title}_shape`, dims);
  edit.changeNode(node, { opType: "Reshape", input: [node.input![0]!, name], attributes });
}

function int64Tensor(
  edit: GraphEdit,
  wanted: string,
  values: readonly number[],
  dims: readonly number[] = [values.length],
): string {
  const name = edit.unusedName(wanted);
  const { data } = tensorFrom("I64", dims, values);
  edit.addTensor({ name, dims, dtype: "I64", read: () => data });
  return name;
}
