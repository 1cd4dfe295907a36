/** Files of named tensors in any format, recognised by their first bytes; readers are loaded on demand. */
import { ArgumentError } from "@phew/core";
import { kindOf } from "./fileKind.ts";
import { type OpenFile, withFile } from "./readFile.ts";
import { readOpen, readSafetensors } from "./safetensors.ts";
import type { Tensors } from "./tensor.ts";

export type TensorFormat = "safetensors" | "npz" | "pt";

export interface NamedTensors {
  readonly format: TensorFormat;
  readonly tensors: Tensors;
  /** Empty for formats that have none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Named entries that are not plain tensors: name → what they are instead. Absent for formats without such. */
  readonly others?: ReadonlyMap<string, string>;
  /** What was extracted from what, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads safetensors (or the index of sharded ones), `.npz` or a PyTorch state dict.
 * @throws ArgumentError if the file is none of these, or not valid
 */
export async function readTensors(path: string): Promise<NamedTensors> {
  return withFile(path, async (file): Promise<NamedTensors> => {
    const kind = await kindOf(file);
    if (kind === "zip") return readArchive(file);
    if (kind === "pickle") return readState(file);
    if (kind === "json") return { format: "safetensors", notes: [], ...(await readSafetensors(path)) };
    if (kind === "npy") {
      const { parseNpy } = await import("./npy.ts");
      throw bareArray(path, parseNpy(await file.read(0, file.size), path).shape);
    }
    if (kind === "onnx") {
      throw new ArgumentError(path, {
        given: "an ONNX model",
        expected: "named tensors: safetensors, npz or a PyTorch state dict",
        remedy: "Name it where a model is taken.",
      });
    }
    return { format: "safetensors", notes: [], ...(await readOpen(file)) };
  });
}

async function readArchive(file: OpenFile): Promise<NamedTensors> {
  const { readZip } = await import("./zip.ts");
  const names = [...(await readZip(file)).keys()];
  if (names.some((name) => name === "data.pkl" || name.endsWith("/data.pkl"))) return readState(file);
  if (names.length > 0 && !names.some((name) => name.endsWith(".npy"))) throw otherArchive(file.path, names);
  const { readOpenNpz } = await import("./npz.ts");
  return { format: "npz", metadata: {}, notes: [], tensors: await readOpenNpz(file) };
}

function otherArchive(path: string, names: readonly string[]): ArgumentError {
  const isKeras = names.includes("model.weights.h5");
  const some = names.slice(0, 3).join(", ");
  return new ArgumentError(path, {
    given: isKeras
      ? "a .keras archive"
      : `a zip archive of other files (${some}${names.length > 3 ? ", …" : ""})`,
    expected: "an .npz of arrays or a file that torch.save wrote",
    remedy: isKeras
      ? "Convert it: tensorflowjs_converter --input_format keras, or export ONNX."
      : "Unpack it and name the file inside.",
  });
}

async function readState(file: OpenFile): Promise<NamedTensors> {
  const { readOpenTorch } = await import("./torchFile.ts");
  return { format: "pt", metadata: {}, ...(await readOpenTorch(file)) };
}

function bareArray(path: string, shape: readonly number[]): ArgumentError {
  return new ArgumentError(path, {
    given: `one array of shape (${shape.join(", ")}) without a name`,
    expected: "named arrays",
    remedy: "Save them together: numpy.savez(path, name=array, …).",
  });
}
