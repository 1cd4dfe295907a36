/** Scores on disk: safetensors, one F32 tensor under the name of each prunable parameter. */
import { ArgumentError, type Network } from "@phew/core";
import { writeSafetensors } from "./safetensors.ts";
import { float32Tensor } from "./tensor.ts";
import type { WriteOptions } from "./writeFile.ts";

/**
 * @param scores one number a prunable weight, in the order of `network.prunable`; rounded to float32
 * @throws ArgumentError where a score does not fit into float32, or as {@link writeWhole}
 */
export async function writeScores(
  path: string,
  network: Network,
  scores: Float64Array,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteOptions = {},
): Promise<void> {
  const rounded = Float32Array.from(scores);
  const fault = rounded.findIndex((score) => !Number.isFinite(score));
  if (fault >= 0) {
    throw new ArgumentError(`${path}: score ${fault}`, {
      given: `${scores[fault]}`,
      expected: "a finite number of at most 3.4e38, the greatest of float32",
      remedy: "Scores mean the same up to one common factor: divide them all by their largest.",
    });
  }
  const tensors = network.prunable.map(
    ({ name, shape, start, length }) =>
      [name, float32Tensor(shape, rounded.subarray(start, start + length))] as const,
  );
  await writeSafetensors(path, new Map(tensors), { format: "pt", ...metadata }, options);
}
