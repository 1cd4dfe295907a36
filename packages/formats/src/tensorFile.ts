/** Files of named tensors, whichever their format: told apart by their first bytes. */
import { ArgumentError } from "@phew/core";
import { looksLikeNpy, parseNpy } from "./npy.ts";
import { readOpenNpz } from "./npz.ts";
import { type OpenFile, withFile } from "./readFile.ts";
import { readOpen, readSafetensors } from "./safetensors.ts";
import type { Tensors } from "./tensor.ts";
import { looksLikeOldTorch, readOpenTorch } from "./torchFile.ts";
import { looksLikeZip, readZip } from "./zip.ts";

export type TensorFormat = "safetensors" | "npz" | "pt";

export interface NamedTensors {
  readonly format: TensorFormat;
  readonly tensors: Tensors;
  /** Empty for formats that have none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What was taken out of what, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads safetensors (or the index of sharded ones), `.npz` or a PyTorch state dict.
 * @throws ArgumentError where the file is none of these, or not right
 */
export async function readTensors(path: string): Promise<NamedTensors> {
  if (path.endsWith(".json")) return { format: "safetensors", notes: [], ...(await readSafetensors(path)) };
  return withFile(path, async (file): Promise<NamedTensors> => {
    const first = await file.read(0, Math.min(8, file.size));
    if (looksLikeZip(first)) return readArchive(file);
    if (looksLikeOldTorch(first)) return { format: "pt", metadata: {}, ...(await readOpenTorch(file)) };
    if (looksLikeNpy(first)) throw bareArray(path, parseNpy(await file.read(0, file.size), path).shape);
    return { format: "safetensors", notes: [], ...(await readOpen(file)) };
  });
}

async function readArchive(file: OpenFile): Promise<NamedTensors> {
  const names = [...(await readZip(file)).keys()];
  if (names.some((name) => name === "data.pkl" || name.endsWith("/data.pkl")))
    return { format: "pt", metadata: {}, ...(await readOpenTorch(file)) };
  return { format: "npz", metadata: {}, notes: [], tensors: await readOpenNpz(file) };
}

function bareArray(path: string, shape: readonly number[]): ArgumentError {
  return new ArgumentError(path, {
    given: `one array of shape (${shape.join(", ")}) without a name`,
    expected: "named arrays",
    remedy: "Save them together: numpy.savez(path, name=array, …).",
  });
}
