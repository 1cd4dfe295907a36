/** Units of the 0.9-core over the epoch, of runs whose rule changes their masks: how narrow the way through the network is. */
import { epochBands } from "./epochBands.ts";

export const maskCore = epochBands({
  text: "0.9-core",
  what: "hidden units that 90 % of all paths pass, after each epoch",
  yTitle: "units of the core",
  range: [0, Number.POSITIVE_INFINITY],
  curveOf: ({ coreCurve = { x: [], y: [] } }) => coreCurve,
});
