/** Loads ONNX on demand: without an ONNX file the protobuf library is not loaded. */
import type { Masks } from "@phew/core";
import type { WriteOptions } from "../writeFile.ts";
import type { OnnxExportOptions, OnnxForm, OnnxOutput } from "./exportOnnx.ts";
import type { ImportedOnnx, OnnxOptions } from "./importGraph.ts";
import type { OnnxInterface } from "./importOnnx.ts";

/**
 * Reads a model from its bytes. Weights are views of them if they are aligned.
 * @throws ArgumentError if the bytes are not a valid ONNX model; UnsupportedOperationsError, with all unsupported
 * nodes,
 *   if there are any
 */
export async function importOnnx(bytes: Uint8Array, options: OnnxOptions = {}): Promise<ImportedOnnx> {
  const onnx = await import("./importOnnx.ts");
  return onnx.importOnnx(bytes, options);
}

/**
 * Reads a model from its file and external files. Only nodes before the output are read, tensor by tensor, so that
 * memory holds the weights once.
 * @throws ArgumentError as {@link importOnnx}, or if a file is missing or outside the model's folder
 */
export async function readOnnx(path: string, options: OnnxOptions = {}): Promise<ImportedOnnx> {
  const onnx = await import("./importOnnx.ts");
  return onnx.readOnnx(path, options);
}

/**
 * Input, outputs and external files of a model, without its weights being read.
 * @throws ArgumentError if it is not an ONNX model
 */
export async function readOnnxInterface(path: string): Promise<OnnxInterface> {
  const onnx = await import("./importOnnx.ts");
  return onnx.readOnnxInterface(path);
}

/**
 * The bytes of a model with masks applied.
 * @throws ArgumentError if form or masks do not fit the model, or if it cannot be written in this form
 */
export async function exportOnnx(
  model: ImportedOnnx,
  masks: Masks,
  form: OnnxForm,
  options: OnnxExportOptions = {},
): Promise<OnnxOutput> {
  const onnx = await import("./exportOnnx.ts");
  return onnx.exportOnnx(model, masks, form, options);
}

/**
 * Writes a model with masks applied to a file, and its external data, if the original had any, to `<path>.data`.
 * @throws ArgumentError as {@link exportOnnx}, or if the file cannot be written
 */
export async function writeOnnx(
  path: string,
  model: ImportedOnnx,
  masks: Masks,
  form: OnnxForm,
  options: WriteOptions & Pick<OnnxExportOptions, "weights"> = {},
): Promise<void> {
  const onnx = await import("./exportOnnx.ts");
  return onnx.writeOnnx(path, model, masks, form, options);
}
