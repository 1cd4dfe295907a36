/**
 * Weights at the size that a sparse layer would have been drawn with, had its fan-in been counted by kept weights alone.
 * A draw of variance c / fanIn becomes one of variance c / fanIn_kept by the factor √(fanIn / fanIn_kept), where
 *   layer   fanIn_kept = kept weights of the layer / its output units        Liu et al., in PHEW's code
 *   unit    fanIn_kept = kept weights that enter the unit                    Evci et al. 2022, arXiv:2010.03533
 * A unit without kept weights keeps the factor 1.
 */
import { countKept, type Masks } from "../masks/masks.ts";
import type { OptionSpec } from "../pruners/pruner.ts";
import type { Weights } from "../weights/weights.ts";

export type KeptFanIn = "layer" | "unit";

export const keptFanInOption = {
  kind: "choice",
  choices: ["unit", "layer"],
  initial: "unit",
  help: "whose kept fan-in counts: each output unit's own, or the mean of its layer",
} as const satisfies OptionSpec;

/** Copies of the weights with each prunable layer scaled by √(fanIn / fanIn_kept); others as they are. */
export function scaledToKeptFanIn(weights: Weights, masks: Masks, over: KeptFanIn): Weights {
  const scaled = new Map(weights);
  for (const parameter of masks.network.prunable) {
    const [unitCount] = parameter.shape as [number, ...number[]];
    const values = Float32Array.from(weights.get(parameter.name)!);
    const mask = masks.of(parameter);
    const fanIn = values.length / unitCount;
    const layerFanIn = countKept(mask) / unitCount;
    for (let unit = 0; unit < unitCount; unit++) {
      const [from, to] = [unit * fanIn, (unit + 1) * fanIn];
      const kept = over === "layer" ? layerFanIn : countKept(mask.subarray(from, to));
      const factor = kept === 0 ? 1 : Math.sqrt(fanIn / kept);
      for (let k = from; k < to; k++) values[k]! *= factor;
    }
    scaled.set(parameter.name, values);
  }
  return scaled;
}
