/** Masked models: zeros in place of pruned weights, or weights and masks side by side. */
import { Masks, type Weights } from "@phew/core";
import { permuted, storedConstant } from "./constants.ts";
import { GraphEdit } from "./graphEdit.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import { ATTRIBUTE } from "./schema.ts";
import { type Site, sitesOf } from "./sites.ts";
import { dataTypeOf } from "./tensors.ts";

/**
 * The original with zeros where weights are pruned, and where biases, scales and shifts would give a dead unit an
 * output. Every other byte is the file's own, unless a tensor is shared by layers that are masked differently: then
 * each gets a tensor of its own.
 */
export function zeroedEdit(model: ImportedOnnx, masks: Masks, weights: Weights | undefined): GraphEdit {
  const edit = new GraphEdit(model.onnx.parts, model.onnx.externalData);
  for (const site of sitesOf(model, masks, weights)) if (site.isChanged) replace(model, edit, site);
  return edit;
}

/** Puts a site's elements in the place of the file's. */
function replace(model: ImportedOnnx, edit: GraphEdit, site: Site): void {
  if (site.part !== undefined) edit.patch(site.part, () => site.readStored().data);
  else redefine(model, edit, site, () => site.read().data, site.use.constant.dims);
}

/**
 * Defines what a node reads anew: under the same name where nobody else reads it, else under a new one.
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

/** The name under which a node shall read its new constant; the old definition goes where it was the node's alone. */
function takeOver(model: ImportedOnnx, edit: GraphEdit, { use }: Site): string {
  const { graph, parts } = model.onnx;
  const name = use.node.input![use.input]!;
  const maker = graph.makers.get(name);
  const isAlone = graph.readers.get(name) === 1 && (maker === undefined || maker.output?.length === 1);
  if (isAlone) {
    if (maker !== undefined) edit.dropNode(maker);
    else edit.dropTensor(name);
    return name;
  }
  const shared = parts.initializers.get(name);
  if (shared === undefined || use.parameter !== name) return edit.unusedName(use.parameter ?? name);
  // the layer that the tensor is named after keeps the name; the others read a copy of it
  const copy = edit.unusedName(`${name}_shared`);
  const constant = storedConstant(name, shared, model.onnx.externalData);
  edit.dropTensor(name);
  edit.addTensor({ name: copy, dims: shared.dims, dtype: constant.dtype, read: () => constant.read().data });
  for (const node of parts.nodes) {
    for (const [input, read] of edit.inputsOf(node).entries()) {
      if (read === name && !(node === use.node && input === use.input)) edit.repoint(node, input, copy);
    }
  }
  return name;
}

/**
 * Weights and masks side by side: for each layer the initialisers `<weight>_orig` and `<weight>_mask` (BOOL) and a
 * product of the two that bears the weight's own name. Dead units are silenced as in the zeroed form.
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
  for (const site of sitesOf(model, masks, weights)) {
    const source = site.use.parameter === undefined ? undefined : parameters.get(site.use.parameter);
    if (source?.role !== "weight") {
      if (site.isChanged) replace(model, edit, site);
      continue;
    }
    multiply(model, edit, site, unmasked.get(site.use)!, masks.get(source.name)!, source.transposed);
  }
  return edit;
}

function multiply(
  model: ImportedOnnx,
  edit: GraphEdit,
  site: Site,
  original: Site,
  mask: Uint8Array,
  transposed: boolean,
): void {
  const { constant, node, input, parameter } = site.use;
  // at the initialiser itself where it is this layer's alone, so that the weight keeps its name in the file
  const stored = site.part !== undefined ? constant.stored : undefined;
  const isTurned = transposed !== (stored?.transposed ?? false);
  const dims = stored?.part.dims ?? constant.dims;
  const shape = isTurned ? [...dims].reverse() : dims;
  const product = stored === undefined ? takeOver(model, edit, site) : stored.part.name;
  if (stored !== undefined) edit.dropTensor(stored.part.name);
  const name = parameter ?? constant.name;
  const originalName = edit.unusedName(`${name}_orig`);
  const maskName = edit.unusedName(`${name}_mask`);
  const floatName = edit.unusedName(`${name}_mask_float`);
  const values = () => (stored === undefined ? original.read() : original.readStored()).data;
  const flags = () => {
    const tensor = { dtype: "BOOL" as const, shape, data: mask };
    return isTurned ? permuted(tensor, [1, 0]).data : mask;
  };
  edit.addTensor({ name: originalName, dims, dtype: constant.dtype, read: values });
  edit.addTensor({ name: maskName, dims, dtype: "BOOL", read: flags });
  edit.addNode({
    name: `${name}_mask_cast`,
    opType: "Cast",
    input: [maskName],
    output: [floatName],
    attribute: [{ name: "to", type: ATTRIBUTE.int, i: dataTypeOf(constant.dtype) }],
  });
  edit.addNode({
    name: `${name}_masked`,
    opType: "Mul",
    input: [originalName, floatName],
    output: [product],
  });
  if (stored === undefined) edit.repoint(node, input, product);
}
