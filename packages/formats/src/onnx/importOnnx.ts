/** Reads ONNX models: from bytes, or from a file in parts. */
import { basename } from "node:path";
import { withFile } from "../readFile.ts";
import { externalFiles } from "./externalData.ts";
import { type ImportedOnnx, importGraph, type OnnxOptions } from "./importGraph.ts";
import { readParts } from "./parts.ts";
import { wholeNumber } from "./schema.ts";
import { fileSource, memorySource } from "./source.ts";
import { externalPlace } from "./tensors.ts";

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

/** What a file says of itself, without its weights being read. */
export interface OnnxInterface {
  readonly input: string;
  /** Lengths of one input, without the batch; undefined where the file leaves one open, or all. */
  readonly inputDims: readonly (number | undefined)[] | undefined;
  readonly outputs: readonly string[];
  /** Names of the files with tensors of the model, in the order of the tensors. */
  readonly externalNames: readonly string[];
  /** Required number of examples; undefined for any number. */
  readonly batch: number | undefined;
}

/** @throws ArgumentError as {@link importOnnx}, if the file is damaged */
export async function readOnnxInterface(path: string): Promise<OnnxInterface> {
  await withFile(path, async () => undefined);
  const { inputs, outputs, initializers } = readParts(fileSource(path));
  const input = inputs.find(({ name }) => !initializers.has(name ?? ""));
  const lengths = input?.type?.tensorType?.shape?.dim?.map(({ dimValue }) => {
    const length = dimValue === undefined ? 0 : wholeNumber(dimValue, `${path}: input`);
    return length > 0 ? length : undefined;
  });
  const names = [...initializers.values()].flatMap((part) => externalPlace(part)?.location ?? []);
  return {
    input: input?.name ?? "",
    inputDims: lengths?.slice(1),
    outputs: outputs.map(({ name }) => name ?? ""),
    externalNames: [...new Set(names)],
    batch: lengths?.[0],
  };
}
