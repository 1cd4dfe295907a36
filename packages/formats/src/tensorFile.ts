/** Files of named tensors, whichever their format: told apart by their first bytes. */
import { ArgumentError } from "@phew/core";
import { type OpenFile, withFile } from "./readFile.ts";
import { readOpen, readSafetensors } from "./safetensors.ts";
import type { Tensors } from "./tensor.ts";

export type TensorFormat = "safetensors" | "npz" | "pt";

export interface NamedTensors {
  readonly format: TensorFormat;
  readonly tensors: Tensors;
  /** Empty for formats that have none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What was taken out of what, one sentence each. */
  readonly notes: readonly string[];
}

/** How files begin; what reads them is loaded once one turns up. */
const ZIP = Buffer.from("PK\x03\x04", "latin1");
const NPY = Buffer.from("\x93NUMPY", "latin1");
/** The magic number, a pickle, of PyTorch's format before 1.6. */
const OLD_TORCH = Buffer.from("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46", "latin1");

/**
 * Reads safetensors (or the index of sharded ones), `.npz` or a PyTorch state dict.
 * @throws ArgumentError where the file is none of these, or not right
 */
export async function readTensors(path: string): Promise<NamedTensors> {
  if (path.endsWith(".json")) return { format: "safetensors", notes: [], ...(await readSafetensors(path)) };
  return withFile(path, async (file): Promise<NamedTensors> => {
    const first = await file.read(0, Math.min(8, file.size));
    const begins = (magic: Buffer) => magic.equals(first.subarray(0, magic.length));
    if (begins(ZIP)) return readArchive(file);
    if (begins(OLD_TORCH)) return readState(file);
    if (begins(NPY)) {
      const { parseNpy } = await import("./npy.ts");
      throw bareArray(path, parseNpy(await file.read(0, file.size), path).shape);
    }
    return { format: "safetensors", notes: [], ...(await readOpen(file)) };
  });
}

async function readArchive(file: OpenFile): Promise<NamedTensors> {
  const { readZip } = await import("./zip.ts");
  const names = [...(await readZip(file)).keys()];
  if (names.some((name) => name === "data.pkl" || name.endsWith("/data.pkl"))) return readState(file);
  const { readOpenNpz } = await import("./npz.ts");
  return { format: "npz", metadata: {}, notes: [], tensors: await readOpenNpz(file) };
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
