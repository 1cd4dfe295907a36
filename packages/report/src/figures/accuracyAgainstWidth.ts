/** Test accuracy against mean width: a point for each run. */
import { againstWidth } from "./againstWidth.ts";
import type { Figure } from "./frame.ts";

export const accuracyAgainstWidth: Figure = againstWidth({
  text: "Accuracy against width",
  what: "one point for each run, of each seed",
  value: ({ accuracy = NaN }) => 100 * accuracy,
  y: () => ({ title: "test accuracy (%)", scale: { zero: false, nice: true } }),
});
