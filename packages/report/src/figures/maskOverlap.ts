/** Jaccard overlap of the masks with those that training began with, over the epoch, of runs whose rule changes them. */
import { epochBands } from "./epochBands.ts";

export const maskOverlap = epochBands({
  text: "Overlap with the first masks",
  what: "kept by both over kept by either, after each change",
  yTitle: "overlap (Jaccard)",
  range: [0, 1],
  curveOf: ({ overlapCurve = { x: [], y: [] } }) => overlapCurve,
});
