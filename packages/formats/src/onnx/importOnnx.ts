/** ONNX models in: from bytes, or from a file that is read by parts. */
import { basename } from "node:path";
import { withFile } from "../readFile.ts";
import { externalFiles } from "./externalData.ts";
import { type ImportedOnnx, importGraph, type OnnxOptions } from "./importGraph.ts";
import { readParts } from "./parts.ts";
import { fileSource, memorySource } from "./source.ts";

/**
 * Reads a model out of its bytes. Weights are views of them where they are aligned.
 * @throws ArgumentError where the bytes are no ONNX model or do not fit together; UnsupportedOperationsError, with
 *   every node that has no place in a network, where there are any
 */
export function importOnnx(bytes: Uint8Array, options: OnnxOptions = {}): ImportedOnnx {
  return importGraph(readParts(memorySource(bytes, options.name ?? "model")), options);
}

/**
 * Reads a model from its file and the files beside it. Only what lies before the output is read, tensor by tensor, so
 * that memory holds the weights once.
 * @throws ArgumentError as {@link importOnnx}, or where a file is missing or lies outside the model's folder
 */
export async function readOnnx(path: string, options: OnnxOptions = {}): Promise<ImportedOnnx> {
  // opens it once for the errors that every reader of files gives
  await withFile(path, async () => undefined);
  return importGraph(readParts(fileSource(path)), {
    name: basename(path).replace(/\.onnx$/i, ""),
    externalData: externalFiles(path),
    ...options,
  });
}
