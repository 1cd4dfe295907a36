/** Path kernel trace against mean width: a point for each mask. */
import { againstWidth } from "./againstWidth.ts";
import { decades, type Figure } from "./frame.ts";

export const traceAgainstWidth: Figure = againstWidth({
  text: "Path kernel trace against width",
  what: "one point for each mask, of each seed",
  value: ({ logRelativeTrace = NaN }) => logRelativeTrace,
  y: (traces) => ({ title: "trace / dense (logarithmic)", ...decades(traces) }),
});
