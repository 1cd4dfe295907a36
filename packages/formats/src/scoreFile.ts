/**
 * Scores on disk: safetensors, one F32 tensor under the name of each prunable parameter. Scores matter up to a common
 * factor: if the largest is beyond 2^±100, all are divided by a power of two, which the metadata contain as `scale`:
 * score = scale · tensor.
 */
import { ArgumentError, type Network } from "@phew/core";
import type { ExportableModel } from "./exportForm.ts";
import { inModuleLayout } from "./moduleLayout.ts";
import { writeSafetensors } from "./safetensors.ts";
import { float32Tensor } from "./tensor.ts";
import type { WriteOptions } from "./writeFile.ts";

export interface ScoreOptions extends WriteOptions {
  /** The scores are multiples of 2^exponent; 0 unless given. */
  readonly exponent?: number;
  /** The model of the scores, if it was read from a file: they have the layout of its module. */
  readonly model?: ExportableModel | undefined;
}

/**
 * @param scores one number per prunable weight, in the order of `network.prunable`; rounded to float32
 * @throws ArgumentError if a score is not finite, or as {@link writeWhole}
 */
export async function writeScores(
  path: string,
  network: Network,
  scores: Float32Array | Float64Array,
  metadata: Readonly<Record<string, string>> = {},
  options: ScoreOptions = {},
): Promise<void> {
  const shift = exponentOf(scores, path);
  const exponent = shift + (options.exponent ?? 0);
  // 2^-shift may exceed float64 even if the scores do not
  const half = shift >> 1;
  const rounded = Float32Array.from(scores, (score) => score / 2 ** half / 2 ** (shift - half));
  const own = new Map(
    network.prunable.map(
      ({ name, shape, start, length }) =>
        [name, float32Tensor(shape, rounded.subarray(start, start + length))] as const,
    ),
  );
  const tensors = options.model === undefined ? own : inModuleLayout(options.model, own);
  const scale = exponent === 0 ? undefined : { scale: `2^${exponent}` };
  await writeSafetensors(path, tensors, { format: "pt", ...scale, ...metadata }, options);
}

// at this distance from 1, values down to 2^-49 of the largest keep full float32 precision
const FAR = 100;

/** Factor that makes the largest score 1 to 2; 0 if it is in range. */
function exponentOf(scores: Float32Array | Float64Array, path: string): number {
  let largest = 0;
  for (const [k, score] of scores.entries()) {
    if (!Number.isFinite(score)) {
      throw new ArgumentError(`${path}: score ${k}`, {
        given: `${score}`,
        expected: "a finite number",
        remedy: "Check that the weights, and the batch if one was used, are finite.",
      });
    }
    largest = Math.max(largest, Math.abs(score));
  }
  const exponent = largest === 0 ? 0 : Math.floor(Math.log2(largest));
  return Math.abs(exponent) > FAR ? exponent : 0;
}
