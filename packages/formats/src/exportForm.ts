/** What a masked model can be written as. */
import { type Network, PARAMETER_ROLES, type Weights } from "@phew/core";
import type { ReadModel } from "./readModel.ts";
import type { WriteOptions } from "./writeFile.ts";

/**
 * - `masks`: `<parameter>_mask` alone, BOOL; of biases and batch normalisation too, where units are dead.
 * - `original+masks`: `<parameter>_orig` and `<parameter>_mask`, as torch.nn.utils.prune names them.
 * - `zeroed`: the weights under their names, zeros where they are pruned.
 * - `compact`: units that make no difference cut out; the same outputs from smaller tensors.
 */
export const EXPORT_FORMS = ["masks", "original+masks", "zeroed", "compact"] as const;
export type ExportForm = (typeof EXPORT_FORMS)[number];

/** Whose order of axes: PyTorch's `[out, in, h, w]` or TensorFlow's `[h, w, in, out]`. */
export const LAYOUTS = ["torch", "tensorflow"] as const;
export type Layout = (typeof LAYOUTS)[number];

/** A model that was read from a file, or a network of the zoo with its weights. */
export type ExportableModel =
  | ReadModel
  | { readonly format: "zoo"; readonly network: Network; readonly weights: Weights };

export interface ExportOptions extends WriteOptions {
  /** For named tensors; the layout of the framework that the model came from unless said otherwise. */
  readonly layout?: Layout | undefined;
  /** Values for the parameters, where they are no longer the model's (trained since). */
  readonly weights?: Weights | undefined;
  /** Goes into safetensors. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * False for what a file leaves out and a reader of it has to make up: a batch-normalisation scale that TensorFlow.js does
 * not store because it is 1, and the scales of 1, shifts and biases of 0 that PyTorch's exporters put where the module has
 * none.
 */
export function isOnFile(model: ExportableModel, parameter: string): boolean {
  if (model.format === "tfjs") return "spec" in model.tfjs.sources.get(parameter)!;
  if (model.format !== "onnx") return true;
  const { parameters, parts } = model.onnx.onnx;
  const { constant, role } = parameters.get(parameter)!;
  const { neutral } = PARAMETER_ROLES[role];
  if (parts.initializers.has(constant.origin) || neutral === undefined) return true;
  return model.weights.get(parameter)!.some((value) => value !== neutral);
}
