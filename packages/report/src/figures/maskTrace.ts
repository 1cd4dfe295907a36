/** Path kernel trace of the weights that are kept, over the epoch, of runs whose rule changes their masks. */
import { epochBands } from "./epochBands.ts";

export const maskTrace = epochBands({
  text: "Path kernel trace while masks change",
  what: "log10 of the trace of the kept weights, after each epoch",
  yTitle: "log10 of the path kernel trace",
  range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  curveOf: ({ traceCurve = { x: [], y: [] } }) => traceCurve,
});
