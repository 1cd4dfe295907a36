/**
 * Keeps the mask and the weights' signs and ratios, and scales them to their kept fan-in: whether a sparse network learns
 * badly for its connections, or because its signal shrinks from layer to layer.
 */
import type { Check } from "./check.ts";
import { type KeptFanIn, keptFanInOption, scaledToKeptFanIn } from "./keptFanIn.ts";

export const rescale: Check = {
  name: "rescale",
  summary: "keep the mask, scale the weights under it to the kept fan-in",
  source: "Evci et al. 2022, arXiv:2010.03533, applied to the weights as they were drawn",
  options: { over: keptFanInOption },
  async apply({ masks, weights, options }) {
    const scaled = scaledToKeptFanIn(weights, masks, options.over as KeptFanIn);
    return { masks, weights: scaled, unscaled: weights };
  },
};
