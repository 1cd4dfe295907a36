/** A network's parameters as the PyTorch module has them that it was exported from. */
import type { Network } from "@phew/core";
import { type ExportableModel, isOnFile } from "./exportForm.ts";
import { permuted } from "./onnx/constants.ts";
import { isInvented } from "./onnx/moduleNames.ts";
import { normalisationsOf } from "./parameterMasks.ts";
import type { Tensor, Tensors } from "./tensor.ts";

/**
 * True for a dense layer's weight that the module has as `[in, out]`, where it computes `x @ w` itself: named tensors in
 * PyTorch's layout are the module's.
 */
function isTransposed(model: ExportableModel, parameter: string): boolean {
  if (model.format !== "onnx" || model.onnx.onnx.parts.producer !== "pytorch") return false;
  const { constant, role, shape, transposed } = model.onnx.onnx.parameters.get(parameter)!;
  // a tensor that the exporter turned itself has a name of its own
  if (role !== "weight" || shape.length !== 2 || isInvented(constant.origin)) return false;
  return transposed !== (constant.turned ?? false);
}

/**
 * Parameters of a network that a module has one of, since the part of it that they belong to is called more than once:
 * name → name of the parameter that is the module's. Those that are not on file are left out.
 */
export function copiesIn(model: ExportableModel): ReadonlyMap<string, string> {
  const copies = new Map<string, string>();
  if (model.format !== "onnx") return copies;
  for (const { name, copyOf } of model.onnx.onnx.parameters.values())
    if (copyOf !== undefined && isOnFile(model, name)) copies.set(name, copyOf);
  return copies;
}

/** What a loader of masks is told of a model, as metadata; see {@link normalisationsOf} and {@link copiesIn}. */
export function loaderMetadata(network: Network, model?: ExportableModel): Record<string, string> {
  const copies = model === undefined ? [] : [...copiesIn(model)];
  return {
    ...normalisationsOf(network),
    ...(copies.length > 0 && { copies: JSON.stringify(Object.fromEntries(copies)) }),
  };
}

/**
 * Tensors in the network's layout as the module has them, or the other way round.
 * @param tensors by a parameter's name; what is none of these is left as it is
 * @param named the name that a parameter's tensor has among them
 */
export function inModuleLayout(
  model: ExportableModel,
  tensors: Tensors,
  named: (parameter: string) => string = (parameter) => parameter,
): Tensors {
  const turned = new Map<string, Tensor>();
  for (const { name } of model.network.parameters) {
    const tensor = tensors.get(named(name));
    if (tensor?.shape.length === 2 && isTransposed(model, name))
      turned.set(named(name), permuted(tensor, [1, 0]));
  }
  return turned.size === 0
    ? tensors
    : new Map([...tensors].map(([name, own]) => [name, turned.get(name) ?? own]));
}
