/** Writes NumPy archives. What packs them is loaded at the first one: it takes longer to load than most commands run. */
import type { Tensors } from "./tensor.ts";
import { type WriteOptions, writeWhole } from "./writeFile.ts";

/**
 * Writes a file for numpy.load: the same bytes for the same arrays in the same order. @throws ArgumentError as {@link
 * writeWhole}
 */
export async function writeNpz(path: string, tensors: Tensors, options: WriteOptions = {}): Promise<void> {
  const { npzChunks } = await import("./npz.ts");
  await writeWhole(path, npzChunks(tensors, path), options);
}
