/** Reads ONNX models: from bytes, or from a file in parts. */
import { basename } from "node:path";
import { withFile } from "../readFile.ts";
import { externalFiles } from "./externalData.ts";
import { type ImportedOnnx, importGraph, type OnnxOptions } from "./importGraph.ts";
import { readParts } from "./parts.ts";
import { wholeNumber } from "./schema.ts";
import { fileSource, memorySource } from "./source.ts";

/**
 * Reads a model from its bytes. Weights are views of them if they are aligned.
 * @throws ArgumentError if the bytes are not a valid ONNX model; UnsupportedOperationsError, with all unsupported
 * nodes,
 *   if there are any
 */
export function importOnnx(bytes: Uint8Array, options: OnnxOptions = {}): ImportedOnnx {
  return importGraph(readParts(memorySource(bytes, options.name ?? "model")), options);
}

/**
 * Reads a model from its file and external files. Only nodes before the output are read, tensor by tensor, so that
 * memory holds the weights once.
 * @throws ArgumentError as {@link importOnnx}, or if a file is missing or outside the model's folder
 */
export async function readOnnx(path: string, options: OnnxOptions = {}): Promise<ImportedOnnx> {
  // opens it once for the usual errors of reading files
  await withFile(path, async () => undefined);
  return importGraph(readParts(fileSource(path)), {
    ...options,
    name: options.name ?? basename(path).replace(/\.onnx$/i, ""),
    externalData: options.externalData ?? externalFiles(path),
  });
}

/** Outputs and batch size of a file, without reading its weights. */
export interface OnnxInterface {
  readonly input: string;
  readonly outputs: readonly string[];
  /** Required number of examples; undefined for any number. */
  readonly batch: number | undefined;
}

/** @throws ArgumentError as {@link importOnnx}, if the file is damaged */
export async function readOnnxInterface(path: string): Promise<OnnxInterface> {
  await withFile(path, async () => undefined);
  const { inputs, outputs, initializers } = readParts(fileSource(path));
  const input = inputs.find(({ name }) => !initializers.has(name ?? ""));
  const length = input?.type?.tensorType?.shape?.dim?.[0]?.dimValue;
  const batch = length === undefined ? 0 : wholeNumber(length, `${path}: input`);
  return {
    input: input?.name ?? "",
    outputs: outputs.map(({ name }) => name ?? ""),
    batch: batch > 0 ? batch : undefined,
  };
}
