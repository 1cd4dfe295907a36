/** Random within each layer, layer densities by Erdős–Rényi-kernel: see masks/allocate.ts for the formula. */
import { pruneLayerwise } from "./layerwiseRandom.ts";
import type { Pruner } from "./pruner.ts";

export const erk: Pruner = {
  name: "erk",
  summary: "random within each layer, small layers denser (Erdős–Rényi-kernel)",
  source: "Evci et al. 2020, arXiv:1911.11134; Mocanu et al. 2018, arXiv:1707.04780",
  colour: "#cc79a7",
  weightsAlone: true,
  options: {},
  wholePaths: false,
  prune: (request) => pruneLayerwise("erk", request),
};
