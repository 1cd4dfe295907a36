/** A masked model without the units that make no difference: fewer channels, the same outputs. */
import { ArgumentError, compactNetwork, type Masks, type Weights } from "@phew/core";
import { bytesOf, type Tensor } from "../tensor.ts";
import { bitsOf, stridesOf, tensorFrom } from "./constants.ts";
import { redefine } from "./exportMasked.ts";
import { GraphEdit, intAttribute, intsAttribute } from "./graphEdit.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import type { NodePart } from "./parts.ts";
import { sitesOf } from "./sites.ts";
import { type Activation, product } from "./values.ts";

export function compactEdit(model: ImportedOnnx, masks: Masks, weights: Weights = model.weights): GraphEdit {
  const { onnx, network } = model;
  const edit = new GraphEdit(onnx.parts, onnx.externalData);
  const { keptUnits } = compactNetwork(network, weights, masks);
  const kept = new Map(network.nodes.map(({ name }, index) => [name, keptUnits[index]!]));
  const unitCount = new Map(network.nodes.map(({ name, shape }) => [name, shape[0]!]));
  const isCut = (spec: string) => (kept.get(spec)?.length ?? 0) < (unitCount.get(spec) ?? 0);

  for (const site of sitesOf(model, masks, weights)) {
    const { axes, constant } = site.use;
    const cuts = axes.map((axis) => (axis !== undefined && isCut(axis) ? kept.get(axis) : undefined));
    if (!site.isChanged && cuts.every((cut) => cut === undefined)) continue;
    const dims = constant.dims.map((length, axis) => cuts[axis]?.length ?? length);
    redefine(model, edit, site, () => cutOut(site.read(), cuts).data, dims);
  }
  const view = new CompactView(model, kept, unitCount);
  for (const node of onnx.graph.order) changeNode(model, edit, node, view);
  // shapes noted in the file are those of the values before the cut
  edit.dropValueInfo();
  edit.dropUnread(onnx.output);
  return edit;
}

/** The elements at kept indices along each axis. */
export function cutOut(tensor: Tensor, cuts: readonly (Uint32Array | undefined)[]): Tensor {
  const elements = bitsOf(tensor);
  const last = cuts.findLastIndex((cut) => cut !== undefined);
  if (last < 0) return tensor;
  const shape = tensor.shape.map((length, axis) => cuts[axis]?.length ?? length);
  const strides = stridesOf(tensor.shape);
  // behind the last axis that is cut the elements lie side by side
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

/** Which places along ONNX's unit axis stay. */
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

  /** A value of the network that lost units; undefined for constants and for values that are whole. */
  cut(name: string | undefined): Activation | undefined {
    const value = name === undefined ? undefined : this.#model.onnx.activations.get(name);
    if (value === undefined || !this.#kept.has(value.spec)) return undefined;
    return this.#kept.get(value.spec)!.length < this.#unitCount.get(value.spec)! ? value : undefined;
  }

  units(spec: string): Uint32Array {
    return this.#kept.get(spec)!;
  }

  /** Number of places kept before `end` along axis 1 of a value. */
  keptBefore({ spec, dims }: Activation, end: number): number {
    const factor = this.#factor(spec, dims);
    let count = 0;
    for (const unit of this.#kept.get(spec)!) count += Math.min(factor, Math.max(0, end - unit * factor));
    return count;
  }

  /** ONNX's dims of a value after the cut, −1 for the batch. */
  dims({ spec, dims }: Activation): number[] {
    const axis = unitAxisIn(dims);
    const cut = [-1, ...dims.slice(1)];
    cut[axis] = this.#factor(spec, dims) * this.#kept.get(spec)!.length;
    return cut;
  }

  /** Places along the unit axis that one unit takes. */
  #factor(spec: string, dims: readonly number[]): number {
    const length = dims[unitAxisIn(dims)]!;
    const factor = length / this.#unitCount.get(spec)!;
    if (Number.isInteger(factor)) return factor;
    throw new ArgumentError(this.#model.onnx.parts.source.name, {
      given: `a reshape of the ${this.#unitCount.get(spec)} units of "${spec}" to ${length}`,
      expected: "units that stay whole",
      remedy: "Export it with --form zeroed.",
    });
  }
}

/** Where units are told in ONNX's dims: the first axis that is longer than 1, behind the batch. */
function unitAxisIn(dims: readonly number[]): number {
  const axis = dims.findIndex((length, k) => k > 0 && length > 1);
  return axis < 0 ? 1 : axis;
}

/** What a node says about the number of units it works on. */
function changeNode(model: ImportedOnnx, edit: GraphEdit, node: NodePart, view: CompactView): void {
  const { opset } = model.onnx;
  const [x] = node.input ?? [];
  const output = view.cut(node.output?.[0]);
  const attributes = new Map((node.attribute ?? []).map((attribute) => [attribute.name ?? "", attribute]));
  switch (node.opType) {
    case "Conv": {
      const spec = output?.spec;
      const op = spec === undefined ? undefined : model.network.nodes.find(({ name }) => name === spec)?.op;
      if (op?.kind !== "conv2d" || op.groups === 1) return;
      const perGroup = op.outChannels / op.groups;
      const groups = view.units(spec!).length / perGroup;
      edit.changeNode(node, { attributes: new Map([["group", intAttribute("group", groups)]]) });
      return;
    }
    case "Gemm":
      // with beta 0 the third input is not read, and it still has a number for each unit that was cut
      if (output !== undefined && attributes.get("beta")?.f === 0)
        edit.changeNode(node, { input: edit.inputsOf(node).slice(0, 2) });
      return;
    case "Reshape":
      if (output !== undefined)
        reshapeTo(
          edit,
          node,
          view.dims(output),
          new Map([
            ["allowzero", null],
            ["shape", null],
          ]),
        );
      return;
    case "Squeeze": {
      const isOpen = !attributes.has("axes") && !edit.inputsOf(node)[1];
      if (output !== undefined && isOpen) reshapeTo(edit, node, view.dims(output), new Map());
      return;
    }
    case "Expand":
      // it repeated nothing
      if (output !== undefined) edit.changeNode(node, { opType: "Identity", input: [x!] });
      return;
    case "Split":
    case "SplitToSequence": {
      const value = view.cut(x);
      if (value === undefined) return;
      const ranges = model.onnx.parted.get(node) ?? [];
      const sizes = ranges.map(
        ({ start, end }) => view.keptBefore(value, end) - view.keptBefore(value, start),
      );
      if (opset >= 13 || node.opType === "SplitToSequence") {
        const name = int64Tensor(edit, `${node.title}_split`, sizes);
        edit.changeNode(node, { input: [x!, name], attributes: new Map([["num_outputs", null]]) });
      } else {
        edit.changeNode(node, { attributes: new Map([["split", intsAttribute("split", sizes)]]) });
      }
      return;
    }
    case "Slice": {
      const value = view.cut(x);
      const [range] = model.onnx.parted.get(node) ?? [];
      if (value === undefined || range === undefined) return;
      const [start, end] = [view.keptBefore(value, range.start), view.keptBefore(value, range.end)];
      if (opset >= 10) {
        const [starts, ends, axes] = [[start], [end], [1]].map((list, k) =>
          int64Tensor(edit, `${node.title}_${["starts", "ends", "axes"][k]}`, list),
        ) as [string, string, string];
        edit.changeNode(node, { input: [x!, starts, ends, axes] });
      } else {
        const lists = { starts: [start], ends: [end], axes: [1] };
        edit.changeNode(node, {
          attributes: new Map(Object.entries(lists).map(([name, list]) => [name, intsAttribute(name, list)])),
        });
      }
    }
  }
}

function reshapeTo(
  edit: GraphEdit,
  node: NodePart,
  dims: readonly number[],
  attributes: Map<string, null>,
): void {
  const name = int64Tensor(edit, `${node.title}_shape`, dims);
  edit.changeNode(node, { opType: "Reshape", input: [node.input![0]!, name], attributes });
}

function int64Tensor(edit: GraphEdit, wanted: string, values: readonly number[]): string {
  const name = edit.unusedName(wanted);
  const { data } = tensorFrom("I64", [values.length], values);
  edit.addTensor({ name, dims: [values.length], dtype: "I64", read: () => data });
  return name;
}
