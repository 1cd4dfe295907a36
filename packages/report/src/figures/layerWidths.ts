/** The width of each layer: the fraction of its output units that a kept weight enters. */
import type { Figure } from "./frame.ts";
import { layerPanels } from "./layerPanels.ts";

export const layerWidths: Figure = (rows, shared) =>
  layerPanels(rows, ({ widths }) => widths, {
    text: "Width of each layer",
    what: "output units that a kept weight enters",
    y: {
      title: "width (%)",
      scale: { domain: [0, 105], nice: false },
      axis: { values: [0, 25, 50, 75, 100] },
    },
    shared,
  });
