/** Fraction of the prunable weights that were kept at any time so far (ITOP's R_s), over the epoch. */
import { epochBands } from "./epochBands.ts";

export const everKept = epochBands({
  text: "Weights kept at any time",
  what: "fraction of the prunable weights, after each change",
  yTitle: "kept at any time",
  range: [0, 1],
  curveOf: ({ everKeptCurve = { x: [], y: [] } }) => everKeptCurve,
});
