/** Test accuracy over the epoch. */
import { epochBands, perEpoch } from "./epochBands.ts";

export const learningBands = epochBands({
  text: "Learning curves",
  what: "test accuracy by epoch",
  yTitle: "test accuracy (%)",
  range: [0, 100],
  curveOf: (row) =>
    perEpoch(
      row,
      row.accuracies?.map((accuracy) => 100 * accuracy),
    ),
});
