/** A network's parameters in the form of the PyTorch module from which it was exported. */
import type { Network } from "@phew/core";
import { type ExportableModel, isOnFile } from "./exportForm.ts";
import { isInvented, isNumbered } from "./onnx/moduleNames.ts";
import { product } from "./onnx/values.ts";
import { normalisationsOf } from "./parameterMasks.ts";
import type { Tensor, Tensors } from "./tensor.ts";
import { turnedWeight } from "./turnedWeight.ts";

/**
 * True for a weight that the module stores with inputs first: a dense layer's `[in, out]`, since it computes `x @ w`
 * itself, and that of any transposed convolution. Named tensors in PyTorch's layout are the module's.
 */
function isTransposed(model: ExportableModel, parameter: string): boolean {
  if (model.format !== "onnx") return false;
  const { constant, role, shape, transposed } = model.onnx.onnx.parameters.get(parameter)!;
  if (shape.length > 2) return transposed;
  if (model.onnx.onnx.parts.producer !== "pytorch") return false;
  // a tensor that the exporter transposed has a new name
  if (role !== "weight" || shape.length !== 2) return false;
  if (isInvented(constant.origin) || isNumbered(constant.origin)) return false;
  return transposed !== (constant.turned ?? false);
}

/**
 * Parameters of a network that are one in the module, since their part of it is called more than once: name → name of
 * the module's parameter. Parameters that are not in the file are left out.
 */
export function copiesIn(model: ExportableModel): ReadonlyMap<string, string> {
  const copies = new Map<string, string>();
  if (model.format !== "onnx") return copies;
  for (const { name, copyOf } of model.onnx.onnx.parameters.values())
    if (copyOf !== undefined && isOnFile(model, name)) copies.set(name, copyOf);
  return copies;
}

/** Weights for which the state dict may have another name than the network, as exporters do not keep it → why. */
export function doubtfulNames(model: ExportableModel): ReadonlyMap<string, string> {
  const weights =
    model.format === "onnx"
      ? [...model.onnx.onnx.parameters.values()]
      : model.format === "looseOnnx"
        ? model.loose.stored
        : [];
  return new Map(weights.flatMap(({ name, doubt }) => (doubt === undefined ? [] : [[name, doubt]])));
}

/** Metadata on a model for loaders of masks; see {@link normalisationsOf}, {@link copiesIn} and {@link doubtfulNames}. */
export function loaderMetadata(network: Network, model?: ExportableModel): Record<string, string> {
  const copies = model === undefined ? [] : [...copiesIn(model)];
  const doubtful = model === undefined ? [] : [...doubtfulNames(model)];
  return {
    ...normalisationsOf(network),
    ...(copies.length > 0 && { copies: JSON.stringify(Object.fromEntries(copies)) }),
    ...(doubtful.length > 0 && { doubtfulNames: JSON.stringify(Object.fromEntries(doubtful)) }),
  };
}

/** Groups of a weight, of which a compact one may have lost some. */
function groupsIn(model: ExportableModel, parameter: string, tensor: Tensor): number {
  if (model.format !== "onnx") return 1;
  const { groups, shape } = model.onnx.onnx.parameters.get(parameter)!;
  if (groups === 1 || product(tensor.shape) === product(shape)) return groups;
  return tensor.shape[0]! / (shape[0]! / groups);
}

/**
 * Converts tensors between the network's layout and the module's, in either direction.
 * @param tensors by a parameter's name; others are unchanged
 * @param named the name of a parameter's tensor among them
 */
export function inModuleLayout(
  model: ExportableModel,
  tensors: Tensors,
  named: (parameter: string) => string = (parameter) => parameter,
): Tensors {
  const turned = new Map<string, Tensor>();
  for (const { name } of model.network.parameters) {
    const tensor = tensors.get(named(name));
    if (tensor !== undefined && tensor.shape.length > 1 && isTransposed(model, name))
      turned.set(named(name), turnedWeight(tensor, groupsIn(model, name, tensor)));
  }
  return turned.size === 0
    ? tensors
    : new Map([...tensors].map(([name, own]) => [name, turned.get(name) ?? own]));
}
