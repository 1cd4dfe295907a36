/** Masked models: zeros in place of pruned weights, or weights and masks side by side. */
import { Masks, type Weights } from "@phew/core";
import type { Dtype } from "../tensor.ts";
import { turnedDims, turnedWeight } from "../turnedWeight.ts";
import { storedConstant } from "./constants.ts";
import { GraphEdit } from "./graphEdit.ts";
import type { TensorUse } from "./importer.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import type { ParameterSource } from "./parameterSources.ts";
import type { NodePart } from "./parts.ts";
import { ATTRIBUTE } from "./schema.ts";
import { type Site, sitesOf } from "./sites.ts";
import { dataTypeOf, describe } from "./tensors.ts";
import { product } from "./values.ts";

/**
 * The original with zeros for pruned weights, and for biases, scales and shifts of dead units. Every other byte is
 * the file's own; only if layers with different masks share a tensor, each gets its own tensor.
 */
export function zeroedEdit(model: ImportedOnnx, masks: Masks, weights: Weights | undefined): GraphEdit {
  const edit = new GraphEdit(model.onnx.parts, model.onnx.externalData);
  for (const site of sitesOf(model, masks, weights)) if (site.isChanged) replace(model, edit, site);
  edit.dropOrphans();
  return edit;
}

/** Writes a site's elements in place of the file's. */
function replace(model: ImportedOnnx, edit: GraphEdit, site: Site): void {
  if (site.part !== undefined) edit.patch(site.part, () => site.readStored().data);
  else redefine(model, edit, site, () => site.read().data, site.use.constant.dims);
}

/**
 * Replaces a constant that a node reads: under the same name if no other node reads it, else under a new one.
 * @returns the name
 */
export function redefine(
  model: ImportedOnnx,
  edit: GraphEdit,
  site: Site,
  read: () => Uint8Array,
  dims: readonly number[],
): string {
  const { constant, node, input } = site.use;
  const name = takeOver(model, edit, site);
  edit.addTensor({ name, dims, dtype: constant.dtype, read });
  edit.repoint(node, input, name);
  return name;
}

/** The name of a node's new constant; the old definition is removed if only this node read it. */
function takeOver(model: ImportedOnnx, edit: GraphEdit, { use }: Site): string {
  const { graph, parts } = model.onnx;
  const name = use.node.input![use.input]!;
  const given = edit.inputsOf(use.node)[use.input]!;
  if (given !== name) return given;
  const chain = ownChain(model, use);
  if (chain !== undefined) {
    for (const node of chain) edit.dropNode(node);
    edit.dropTensor(use.constant.origin);
    return use.constant.origin;
  }
  const maker = graph.makers.get(name);
  if (graph.fileReaders.get(name) === 1 && (maker === undefined || maker.output?.length === 1)) {
    if (maker !== undefined) edit.dropNode(maker);
    else edit.dropTensor(name);
    return name;
  }
  const shared = parts.initializers.get(name);
  if (shared === undefined || use.parameter !== name) return edit.unusedName(use.parameter ?? name);
  // the layer that gave the tensor its name keeps it; the others get copies with new names
  const constant = storedConstant(name, shared, model.onnx.externalData);
  const copy = (own: string) =>
    edit.addTensor({ name: own, dims: shared.dims, dtype: constant.dtype, read: () => constant.read().data });
  edit.dropTensor(name);
  for (const node of parts.nodes) {
    for (const [input, read] of edit.inputsOf(node).entries()) {
      if (read !== name || (node === use.node && input === use.input) || edit.isDropped(node)) continue;
      const other = model.onnx.uses.find((found) => found.node === node && found.input === input);
      // layers that share the weight go on doing so
      if (other?.parameter === use.parameter) continue;
      if (node.opType === "Identity" && node.output?.[0]) {
        edit.dropNode(node);
        copy(node.output[0]);
      } else {
        const own = edit.unusedName(other?.parameter ?? `${name}_shared`);
        edit.repoint(node, input, own);
        copy(own);
      }
    }
  }
  return name;
}

const RESHAPES = new Set([
  "Identity",
  "Cast",
  "CastLike",
  "Transpose",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
]);

/**
 * The nodes between the constant that named a parameter and the layer that reads it, including the constant's own
 * node. @returns undefined if another node reads one of them
 */
function ownChain(
  model: ImportedOnnx,
  { constant, node, input, parameter }: TensorUse,
): NodePart[] | undefined {
  const { graph } = model.onnx;
  if (parameter !== constant.origin) return undefined;
  const chain: NodePart[] = [];
  let name = node.input![input]!;
  for (; name !== constant.origin; name = chain.at(-1)!.input![0]!) {
    const maker = graph.makers.get(name);
    const isOwn =
      graph.fileReaders.get(name) === 1 && maker?.output?.length === 1 && RESHAPES.has(maker.opType ?? "");
    if (!isOwn) return undefined;
    chain.push(maker);
  }
  if (graph.fileReaders.get(name) !== 1) return undefined;
  const maker = graph.makers.get(name);
  return maker === undefined ? chain : [...chain, maker];
}

/**
 * Weights and masks side by side: for each layer the initialisers `<weight>_orig` and `<weight>_mask` (BOOL), and a
 * product of the two with the weight's own name. Dead units are masked as in the zeroed form.
 */
export function originalAndMasksEdit(
  model: ImportedOnnx,
  masks: Masks,
  weights: Weights | undefined,
): GraphEdit {
  const edit = new GraphEdit(model.onnx.parts, model.onnx.externalData);
  const { parameters } = model.onnx;
  const unmasked = new Map(
    sitesOf(model, Masks.dense(masks.network), weights).map((site) => [site.use, site]),
  );
  const multiplied = new Map<string, TensorUse>();
  for (const site of sitesOf(model, masks, weights)) {
    const source = site.use.parameter === undefined ? undefined : parameters.get(site.use.parameter);
    if (site.use.parts?.some(({ role }) => role === "weight")) {
      multiplyParts(model, edit, site, unmasked.get(site.use)!, masks);
      continue;
    }
    if (source?.role !== "weight") {
      if (site.isChanged) replace(model, edit, site);
      continue;
    }
    // a weight that layers share is one product, also where the file has a tensor for each
    const first = multiplied.get(source.name);
    if (first !== undefined) {
      const { node, input } = site.use;
      if (first.constant.stored?.part !== site.use.constant.stored?.part)
        edit.repoint(node, input, edit.inputsOf(first.node)[first.input]!);
      continue;
    }
    multiplied.set(source.name, site.use);
    multiply(model, edit, site, unmasked.get(site.use)!, masks.get(source.name)!, source);
  }
  edit.dropOrphans();
  return edit;
}

/** The weights of all directions of a recurrent layer are one constant, and so are their masks. */
function multiplyParts(model: ImportedOnnx, edit: GraphEdit, site: Site, original: Site, masks: Masks): void {
  const { constant, node, input, parts = [] } = site.use;
  const { dims, dtype } = constant;
  const flags = () => {
    const all = new Uint8Array(product(dims));
    for (const { name, placeOf } of parts)
      masks.get(name)!.forEach((kept, k) => {
        all[placeOf(k)] = kept;
      });
    return all;
  };
  const name = parts[0]!.name;
  const made = takeOver(model, edit, site);
  edit.withdrawTensor(made);
  addProduct(edit, name, made, { dims, dtype, values: () => original.read().data, flags });
  edit.repoint(node, input, made);
}

function multiply(
  model: ImportedOnnx,
  edit: GraphEdit,
  site: Site,
  original: Site,
  mask: Uint8Array,
  { transposed, groups }: ParameterSource,
): void {
  const { constant, node, input, parameter } = site.use;
  // at the initialiser itself if only this layer reads it, so that the weight keeps its name in the file; not for
  // bfloat16, which runtimes store but do not multiply
  const isHere = site.part !== undefined && describe(site.part).dtype !== "BF16";
  const stored = isHere ? constant.stored : undefined;
  const isTurned = transposed !== (stored?.transposed ?? false);
  const dims = stored?.part.dims ?? constant.dims;
  const dtype = stored === undefined ? constant.dtype : describe(stored.part).dtype;
  const shape = isTurned ? turnedDims(dims, groups) : dims;
  const made = stored === undefined ? takeOver(model, edit, site) : stored.part.name;
  if (stored !== undefined) edit.dropTensor(stored.part.name);
  edit.withdrawTensor(made);
  const name = parameter ?? constant.name;
  const values = () => (stored === undefined ? original.read() : original.readStored()).data;
  const flags = () => {
    const tensor = { dtype: "BOOL" as const, shape, data: mask };
    return isTurned ? turnedWeight(tensor, groups).data : mask;
  };
  addProduct(edit, name, made, { dims, dtype, values, flags });
  if (stored === undefined) edit.repoint(node, input, made);
}

/** The initialisers `<name>_orig` and `<name>_mask`, and nodes that multiply them. @param made name of the product */
function addProduct(
  edit: GraphEdit,
  name: string,
  made: string,
  given: {
    readonly dims: readonly number[];
    readonly dtype: Dtype;
    readonly values: () => Uint8Array;
    readonly flags: () => Uint8Array;
  },
): void {
  const { dims, dtype } = given;
  const originalName = edit.unusedName(`${name}_orig`);
  const maskName = edit.unusedName(`${name}_mask`);
  const floatName = edit.unusedName(`${name}_mask_float`);
  edit.addTensor({ name: originalName, dims, dtype, read: given.values });
  edit.addTensor({ name: maskName, dims, dtype: "BOOL", read: given.flags });
  edit.addNode({
    name: `${name}_mask_cast`,
    opType: "Cast",
    input: [maskName],
    output: [floatName],
    attribute: [{ name: "to", type: ATTRIBUTE.int, i: dataTypeOf(dtype) }],
  });
  edit.addNode({ name: `${name}_masked`, opType: "Mul", input: [originalName, floatName], output: [made] });
}
