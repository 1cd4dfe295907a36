/** Mean width of the layers over the density. */
import { isDense } from "./figureRow.ts";
import { type Figure, overDensity } from "./frame.ts";
import { intervalWords, percentages } from "./summary.ts";

export const widthOverDensity: Figure = (rows, shared) => {
  const masks = rows.filter((row) => !isDense(row));
  const points = percentages(masks, ({ meanWidth }) => meanWidth);
  return overDensity(rows, points, {
    text: "Mean layer width over density",
    what: `output units that a kept weight enters, mean over layers: ${intervalWords(points)}`,
    y: {
      title: "mean layer width (% of units)",
      scale: { domain: [0, 105], nice: false },
      axis: { format: "d", tickCount: 6 },
    },
    shared,
  });
};
