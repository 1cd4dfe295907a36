/** Forms in which a masked model is written. */
import { type Network, PARAMETER_ROLES, type Weights } from "@phew/core";
import type { ReadModel } from "./readModel.ts";
import type { WriteOptions } from "./writeFile.ts";

/**
 * - `masks`: only `<parameter>_mask`, BOOL; also for biases and batch normalisation of dead units.
 * - `original+masks`: `<parameter>_orig` and `<parameter>_mask`, as torch.nn.utils.prune names them.
 * - `zeroed`: the weights under their names, zeros where they are pruned.
 * - `compact`: units without effect are removed; smaller tensors with the same outputs.
 */
export const EXPORT_FORMS = ["masks", "original+masks", "zeroed", "compact"] as const;
export type ExportForm = (typeof EXPORT_FORMS)[number];

/** Order of axes: PyTorch's `[out, in, h, w]` or TensorFlow's `[h, w, in, out]`. */
export const LAYOUTS = ["torch", "tensorflow"] as const;
export type Layout = (typeof LAYOUTS)[number];

/** A model that was read from a file, or a network of the zoo with its weights. */
export type ExportableModel =
  | ReadModel
  | { readonly format: "zoo"; readonly network: Network; readonly weights: Weights };

export interface ExportOptions extends WriteOptions {
  /** For named tensors; default: the layout of the framework that the model came from. */
  readonly layout?: Layout | undefined;
  /** Values of the parameters if they differ from the model's (trained since). */
  readonly weights?: Weights | undefined;
  /** Goes into safetensors. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * False for parameters that a file omits and its reader adds: a batch-normalisation scale that TensorFlow.js does not
 * store because it is 1, and the scales of 1, shifts and biases of 0 that PyTorch's exporters write for modules
 * without them.
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
