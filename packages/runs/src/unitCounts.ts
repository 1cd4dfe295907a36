/**
 * Counts the kept weights that enter each unit, from the masks of a run: the picture of the sparse network shows
 * them.
 */
import { join } from "node:path";
import type { LayerMeasure } from "@phew/core/messages";
import { modifiedT } from "./regularFile.ts";

export interface LayerUnits {
  /** Of the layer's weight. */
  readonly name: string;
  /** Kept weights that enter each output unit; length: output units of the layer. */
  readonly keptIn: Uint32Array;
  /** Weights that enter a unit of the dense layer. */
  readonly fanIn: number;
}

/**
 * The units of `layers` from the run's `masks.safetensors`, in the same order; a layer without a mask is left out.
 * @returns undefined if there is no such file yet, or if it cannot be read
 */
export async function readUnitCounts(
  folder: string,
  layers: readonly Pick<LayerMeasure, "name">[],
): Promise<LayerUnits[] | undefined> {
  const path = join(folder, "masks.safetensors");
  if (modifiedT(path) === undefined) return undefined;
  // watching a run that has no masks needs no file formats
  const { maskName, readSafetensors } = await import("@phew/formats/tensors");
  try {
    const { tensors } = await readSafetensors(path);
    return layers.flatMap(({ name }) => {
      const mask = tensors.get(maskName(name));
      const unitCount = mask?.shape[0] ?? 0;
      if (mask?.dtype !== "BOOL" || unitCount === 0) return [];
      const fanIn = mask.data.length / unitCount;
      const keptIn = new Uint32Array(unitCount);
      for (let u = 0; u < unitCount; u++) {
        for (let w = u * fanIn; w < (u + 1) * fanIn; w++) keptIn[u]! += mask.data[w]!;
      }
      return [{ name, keptIn, fanIn }];
    });
  } catch {
    return undefined;
  }
}
