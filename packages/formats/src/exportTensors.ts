/** The named tensors of an export form, to safetensors and npz. */
import { createHash } from "node:crypto";
import { ArgumentError, compactNetwork, type Masks, type Network, type Weights } from "@phew/core";
import {
  type ExportableModel,
  type ExportForm,
  type ExportOptions,
  isOnFile,
  type Layout,
} from "./exportForm.ts";
import { maskName } from "./maskName.ts";
import { copiesIn, inModuleLayout, loaderMetadata } from "./moduleLayout.ts";
import { missingNormalisationNote } from "./onnx/foldedNormalisation.ts";
import { parameterValues } from "./onnx/importGraph.ts";
import { isInvented, isNumbered } from "./onnx/moduleNames.ts";
import { isFloat, tensorOf } from "./onnx/tensors.ts";
import { normalisationsIn, parameterMasks, zeroedTensor } from "./parameterMasks.ts";
import { writeSafetensors } from "./safetensors.ts";
import {
  boolTensor,
  bytesOf,
  float32Tensor,
  fromFloat32,
  type Tensor,
  type Tensors,
  toFloat32,
} from "./tensor.ts";
import { ofRank, TensorflowLayout } from "./tensorflowLayout.ts";
import { writeNpz } from "./writeNpz.ts";

/** @returns notes for the user, one sentence each */
export async function writeTensors(
  path: string,
  model: ExportableModel,
  masks: Masks,
  form: ExportForm,
  options: ExportOptions,
): Promise<readonly string[]> {
  const notes: string[] = [];
  const layout = options.layout ?? (model.format === "tfjs" ? "tensorflow" : "torch");
  const tensors = formTensors(model, masks, form, layout, options.weights, notes);
  const folded = model.format === "onnx" ? model.onnx.onnx.folded : [];
  // loaders of masks handle this themselves
  if (folded.length > 0 && form !== "masks" && layout === "torch")
    notes.push(missingNormalisationNote(model.network, folded));
  if (path.endsWith(".npz")) {
    await writeNpz(path, tensors, options);
    return notes;
  }
  const known = form === "masks" ? loaderMetadata(model.network, model) : {};
  const own = { ...options.metadata, ...known, format: layout === "torch" ? "pt" : "tf", form, layout };
  await writeSafetensors(path, tensors, own, options);
  return notes;
}

/** The named tensors of a form. @param notes receives a note on what was left out */
function formTensors(
  model: ExportableModel,
  masks: Masks,
  form: ExportForm,
  layout: Layout,
  given: Weights | undefined,
  notes: string[],
): Tensors {
  const isHere = (name: string) => isOnFile(model, name);
  if (form === "compact") {
    const { network, weights } = compactNetwork(model.network, given ?? model.weights, masks);
    const parameters = parameterTensors(network, silencedMeans(network, weights, isHere), model);
    return turned(withExtras(parameters, model, network, notes), network, layout, model);
  }
  const all = parameterMasks(masks, isHere);
  const maskTensor = (name: string, shape: readonly number[]) => boolTensor(shape, all.get(name)!);
  const shapes = new Map(model.network.parameters.map(({ name, shape }) => [name, shape]));
  if (form === "masks") {
    const tensors = [...all.keys()].map((name) => [name, maskTensor(name, shapes.get(name)!)] as const);
    return renamed(turned(new Map(tensors), model.network, layout, model), maskName);
  }
  const originals = originalTensors(model, given);
  const prunable = new Set(model.network.prunable.map(({ name }) => name));
  const zeroed = new Map<string, Tensor>();
  const maskTensors = new Map<string, Tensor>();
  for (const [name, tensor] of originals) {
    const mask = all.get(name);
    const keepsValues = form === "original+masks" && prunable.has(name);
    if (keepsValues) maskTensors.set(name, maskTensor(name, shapes.get(name)!));
    zeroed.set(name, mask === undefined || keepsValues ? tensor : zeroedTensor(tensor, mask));
  }
  if (layout === "torch") unfold(zeroed, model, notes);
  if (layout === "torch") {
    requireEqualCopies(inModuleLayout(model, zeroed), inModuleLayout(model, maskTensors), model, notes);
    // the module has only one of them
    for (const copy of copiesIn(model).keys()) for (const all of [zeroed, maskTensors]) all.delete(copy);
  }
  const values = withExtras(zeroed, model, model.network, notes);
  if (form === "zeroed") return turned(values, model.network, layout, model);
  const named = renamed(turned(values, model.network, layout, model), (name) =>
    prunable.has(name) ? `${name}_orig` : name,
  );
  return new Map([...named, ...renamed(turned(maskTensors, model.network, layout, model), maskName)]);
}

/**
 * A scale that is not in the file cannot set a unit to 0 that stays (others of its class are alive): its mean does,
 * as in {@link parameterMasks}.
 */
function silencedMeans(network: Network, weights: Weights, isHere: (parameter: string) => boolean): Weights {
  const silenced = new Map(weights);
  for (const { scale, mean } of normalisationsIn(network)) {
    if (isHere(scale)) continue;
    const scales = weights.get(scale)!;
    silenced.set(
      mean,
      weights.get(mean)!.map((value, u) => (scales[u] === 0 ? 0 : value)),
    );
  }
  return silenced;
}

/** The parameters as in the file, in its own types, or with their present values. */
function originalTensors(model: ExportableModel, given: Weights | undefined): Map<string, Tensor> {
  if (given !== undefined || !("tensors" in model))
    return parameterTensors(model.network, given ?? model.weights, model);
  return new Map(model.network.parameters.map(({ name }) => [name, model.tensors.get(name)!]));
}

/** Values as tensors, in the file's floating type for them. */
function parameterTensors(network: Network, weights: Weights, model: ExportableModel): Map<string, Tensor> {
  const own = "tensors" in model ? model.tensors : undefined;
  const tensors = new Map<string, Tensor>();
  for (const { name, shape } of network.parameters) {
    if (!isOnFile(model, name)) continue;
    const dtype = own?.get(name)?.dtype;
    const isFloat = dtype === "F64" || dtype === "F16" || dtype === "BF16";
    const values = weights.get(name)!;
    tensors.set(name, isFloat ? fromFloat32(dtype, shape, values) : float32Tensor(shape, values));
  }
  return tensors;
}

/**
 * Adds the other entries of a state dict: a file's own other tensors, and PyTorch's counters of batches, which a
 * strict load requires.
 */
function withExtras(
  tensors: Map<string, Tensor>,
  model: ExportableModel,
  network: Network,
  notes: string[],
): Tensors {
  const all = new Map(tensors);
  const isSmaller = network !== model.network;
  const parameters = new Set(model.network.parameters.map(({ name }) => name));
  if ("tensors" in model) {
    for (const [name, tensor] of model.tensors) {
      if (parameters.has(name)) continue;
      if (isSmaller && tensor.shape.length > 0)
        notes.push(`Left out "${name}": it is no parameter that could be made smaller.`);
      else all.set(name, tensor);
    }
    return all;
  }
  if (model.format === "onnx" && !isSmaller) {
    const { parts, externalData, parameters: sources } = model.onnx.onnx;
    const origins = new Set([...sources.values()].map(({ constant }) => constant.origin));
    for (const [name, part] of parts.initializers) {
      // tensors from which a module computes a parameter are not pruned, and are nothing else
      const own = name.replace(/_(orig|mask|[guv])$/, "").replace(/\bparametrizations\.([^.]+)\..+$/, "$1");
      if (
        all.has(name) ||
        all.has(own) ||
        origins.has(name) ||
        isInvented(name) ||
        isNumbered(name) ||
        /[/:]/.test(name)
      )
        continue;
      const tensor = tensorOf(part, externalData);
      if (isFloat(tensor.dtype)) all.set(name, tensor);
    }
  }
  for (const { mean } of normalisationsIn(network)) {
    if (model.format !== "zoo" || !mean.endsWith(".running_mean")) continue;
    const counter = mean.replace(/running_mean$/, "num_batches_tracked");
    all.set(counter, { dtype: "I64", shape: [], data: new Uint8Array(8) });
  }
  return all;
}

/**
 * Removes the factors and offsets that the file applies to parameters, since the module applies them too: a state
 * dict holds the values before them.
 */
function unfold(tensors: Map<string, Tensor>, model: ExportableModel, notes: string[]): void {
  if (model.format !== "onnx") return;
  for (const [name, source] of model.onnx.onnx.parameters) {
    const { scale, offset } = source;
    const tensor = tensors.get(name);
    if (tensor === undefined || (scale === 1 && offset === 0)) continue;
    const values = toFloat32(tensor);
    const run = values.length / tensor.shape[0]!;
    const [known, stored] = [model.weights.get(name)!, parameterValues({ ...source, scale: 1, offset: 0 })];
    let isLost = false;
    const before = values.map((value, k) => {
      if (value === known[k]) return stored[k]!;
      const unit = Math.floor(k / run);
      const factor = typeof scale === "number" ? scale : scale[unit]!;
      const rest = value - (typeof offset === "number" ? offset : offset[unit]!);
      if (factor === 0 && rest !== 0) isLost = true;
      return factor === 0 || rest === 0 ? 0 : rest / factor;
    });
    tensors.set(name, float32Tensor(tensor.shape, before));
    if (isLost) notes.push(`"${name}" cannot be what is computed here: the file multiplies it by 0.`);
  }
}

/**
 * A state dict has one tensor where the module has one: parameters of several names or calls must have equal zeros
 * and masks.
 */
function requireEqualCopies(values: Tensors, masks: Tensors, model: ExportableModel, notes: string[]): void {
  if (model.format !== "onnx" || model.onnx.onnx.parts.producer !== "pytorch") return;
  const isSame = (name: string, other: string) =>
    [values, masks].every((tensors) => {
      const [a, b] = [tensors.get(name)?.data, tensors.get(other)?.data];
      return a === undefined || b === undefined || Buffer.compare(a, b) === 0;
    });
  const read = new Map<string, string>();
  const held = new Map<string, string>();
  for (const { name, constant, role, copyOf, placeOf } of model.onnx.onnx.parameters.values()) {
    if (!isOnFile(model, name)) continue;
    const own = model.weights.get(name)!;
    // the exporter stores tensors of one value once, as scales and shifts begin
    if (copyOf === undefined && own.every((value) => value === own[0])) continue;
    // a part of a tensor is one of the module
    const tensor = placeOf === undefined ? constant.origin : name;
    const other = read.get(tensor) ?? name;
    read.set(tensor, other);
    if (!isSame(name, other)) throw tiedApart(name, other);
    if (role !== "weight") continue;
    // modules may share a tensor that the exporter transposed and stored for one of them; or one may be a copy of the
    // other
    const digest = createHash("sha256").update(bytesOf(own)).digest("hex");
    const alike = held.get(digest) ?? name;
    held.set(digest, alike);
    if (isSame(name, alike)) continue;
    notes.push(
      `"${name}" and "${alike}" are alike in the model and pruned in different ways: where the module has one tensor for ` +
        "both, load_state_dict leaves the last of them for both.",
    );
  }
}

function tiedApart(name: string, other: string): ArgumentError {
  return new ArgumentError(`"${name}"`, {
    given: `the same tensor as "${other}", pruned in another way: the module has one for both`,
    expected: "tensors that a module can hold",
    remedy:
      "Take an .onnx file, or --form masks or compact; or give each layer a module of its own (copy.deepcopy), export that, and prune it.",
  });
}

/** Parameters in a layout; other tensors unchanged, which TensorFlow does not use. */
function turned(tensors: Tensors, network: Network, layout: Layout, model: ExportableModel): Tensors {
  if (layout === "torch") return inModuleLayout(model, tensors);
  const order = new TensorflowLayout(network);
  const parameters = new Set(network.parameters.map(({ name }) => name));
  const ours = [...tensors].filter(([name]) => parameters.has(name));
  return new Map(
    ours.map(([name, tensor]) => {
      const theirs = order.toTensorflow(name, tensor);
      const source = model.format === "tfjs" ? model.tfjs.sources.get(name) : undefined;
      if (source === undefined || !("spec" in source)) return [name, theirs];
      // a dense layer over images is a convolution here; the file has two axes
      return [name, { ...theirs, shape: ofRank(theirs.shape, source.spec.shape.length) }];
    }),
  );
}

const renamed = (tensors: Tensors, rename: (name: string) => string): Tensors =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));
