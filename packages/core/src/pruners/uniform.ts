/** Random within each layer, every layer at the same density. */
import { pruneLayerwise } from "./layerwiseRandom.ts";
import type { Pruner } from "./pruner.ts";

export const uniform: Pruner = {
  name: "uniform",
  summary: "random within each layer, the same density in each",
  source: "baseline of Evci et al. 2020, arXiv:1911.11134",
  colour: "#c8ae8a",
  weightsAlone: true,
  options: {},
  wholePaths: false,
  prune: (request) => pruneLayerwise("uniform", request),
};
