/** NumPy archives: a zip of `.npy` files, one an array. */
import { ArgumentError } from "@phew/core";
import { npyChunks, parseNpy } from "./npy.ts";
import { type OpenFile, openBytes, withFile } from "./readFile.ts";
import type { Tensor, Tensors } from "./tensor.ts";
import { readZip, zipChunks } from "./zip.ts";

/**
 * Reads `.npz` as numpy.savez and numpy.savez_compressed write it.
 * @throws ArgumentError if the archive is damaged or holds anything but arrays of numbers
 */
export async function readNpz(path: string): Promise<Tensors> {
  return withFile(path, readOpenNpz);
}

/** @param bytes a whole file */
export async function parseNpz(bytes: Uint8Array, subject = "npz"): Promise<Tensors> {
  return readOpenNpz(openBytes(subject, bytes));
}

/** The bytes of a file for numpy.load, in pieces: the same for the same arrays in the same order. */
export function npzChunks(tensors: Tensors, subject = "npz"): Iterable<Uint8Array> {
  const entries = [...tensors].map(
    ([name, tensor]) => [`${name}.npy`, npyChunks(tensor, `${subject}: array "${name}"`)] as const,
  );
  return zipChunks(entries, subject);
}

/** The same for an open file. */
export async function readOpenNpz(file: OpenFile): Promise<Tensors> {
  const tensors = new Map<string, Tensor>();
  for (const entry of (await readZip(file)).values()) {
    if (!entry.name.endsWith(".npy")) {
      throw new ArgumentError(`${file.path}: ${entry.name}`, {
        given: "an entry that is no .npy file",
        expected: "an archive saved by numpy.savez",
      });
    }
    const name = entry.name.slice(0, -".npy".length);
    tensors.set(name, parseNpy(await entry.read(), `${file.path}: array "${name}"`));
  }
  return tensors;
}
