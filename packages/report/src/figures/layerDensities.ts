/** The density of each layer, on a root scale, which keeps sparse layers apart and has a place for 0. */
import type { Figure } from "./frame.ts";
import { layerPanels } from "./layerPanels.ts";

export const layerDensities: Figure = (rows, shared) =>
  layerPanels(rows, ({ densities }) => densities, {
    text: "Density of each layer",
    what: "kept weights of each layer, root scale",
    y: {
      title: "kept (%)",
      scale: { type: "sqrt", domain: [0, 100], nice: false },
      axis: { values: [0, 1, 5, 20, 50, 100] },
    },
    shared,
  });
