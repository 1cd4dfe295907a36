/** ONNX models in: from bytes, or from a file that is read by parts. */
import { basename } from "node:path";
import { withFile } from "../readFile.ts";
import { externalFiles } from "./externalData.ts";
import { type ImportedOnnx, importGraph, type OnnxOptions } from "./importGraph.ts";
import { readParts } from "./parts.ts";
import { wholeNumber } from "./schema.ts";
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
    ...options,
    name: options.name ?? basename(path).replace(/\.onnx$/i, ""),
    externalData: options.externalData ?? externalFiles(path),
  });
}

/** What a file says of its outputs and its batch, without reading its weights. */
export interface OnnxInterface {
  readonly input: string;
  readonly outputs: readonly string[];
  /** Examples that the file wants at a time; undefined where any number will do. */
  readonly batch: number | undefined;
}

/** @throws ArgumentError as {@link importOnnx}, where the file is damaged */
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
