/** ONNX, loaded when it is asked for: the protobuf library costs nothing where no ONNX file is read. */
import type { Masks } from "@phew/core";
import type { WriteOptions } from "../writeFile.ts";
import type { OnnxExportOptions, OnnxForm, OnnxOutput } from "./exportOnnx.ts";
import type { ImportedOnnx, OnnxOptions } from "./importGraph.ts";
import type { OnnxInterface } from "./importOnnx.ts";

/**
 * Reads a model out of its bytes. Weights are views of them where they are aligned.
 * @throws ArgumentError where the bytes are no ONNX model or do not fit together; UnsupportedOperationsError, with
 *   every node that has no place in a network, where there are any
 */
export async function importOnnx(bytes: Uint8Array, options: OnnxOptions = {}): Promise<ImportedOnnx> {
  const onnx = await import("./importOnnx.ts");
  return onnx.importOnnx(bytes, options);
}

/**
 * Reads a model from its file and the files beside it. Only what lies before the output is read, tensor by tensor, so
 * that memory holds the weights once.
 * @throws ArgumentError as {@link importOnnx}, or where a file is missing or lies outside the model's folder
 */
export async function readOnnx(path: string, options: OnnxOptions = {}): Promise<ImportedOnnx> {
  const onnx = await import("./importOnnx.ts");
  return onnx.readOnnx(path, options);
}

/**
 * What a file says of its outputs and its batch, without reading its weights.
 * @throws ArgumentError where it is no ONNX model
 */
export async function readOnnxInterface(path: string): Promise<OnnxInterface> {
  const onnx = await import("./importOnnx.ts");
  return onnx.readOnnxInterface(path);
}

/**
 * The bytes of a model with masks in it.
 * @throws ArgumentError where form or masks do not fit the model, or it cannot be written in this form
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
 * Writes a model with masks in it to a file, and its external data, if the original had any, to `<path>.data`.
 * @throws ArgumentError as {@link exportOnnx}, or where the file cannot be written
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
