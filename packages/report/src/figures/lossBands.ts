/** Loss in training over the epoch, between epochs too where it was measured there. */
import { epochBands, perEpoch } from "./epochBands.ts";

export const lossBands = epochBands({
  text: "Training loss",
  what: "mean loss of the steps before",
  yTitle: "training loss",
  range: [0, Infinity],
  curveOf: (row) => row.lossCurve ?? perEpoch(row, row.losses),
});
