/** Every figure by the name of its files. Adding one: a file here and a line below. */
import { accuracyAgainstMultiplyAdds } from "./accuracyAgainstMultiplyAdds.ts";
import { accuracyAgainstTime } from "./accuracyAgainstTime.ts";
import { accuracyOverDensity } from "./accuracyOverDensity.ts";
import { everKept } from "./everKept.ts";
import type { Figure } from "./frame.ts";
import { layerDensities } from "./layerDensities.ts";
import { layerWidths } from "./layerWidths.ts";
import { learningBands } from "./learningBands.ts";
import { lossBands } from "./lossBands.ts";
import { maskCore } from "./maskCore.ts";
import { maskOverlap } from "./maskOverlap.ts";
import { maskTrace } from "./maskTrace.ts";
import { traceAgainstWidth } from "./traceAgainstWidth.ts";
import { traceOverDensity } from "./traceOverDensity.ts";
import { widthOverDensity } from "./widthOverDensity.ts";

/** In the order of a report. */
export const FIGURES: Readonly<Record<string, Figure>> = {
  "accuracy-over-density": accuracyOverDensity,
  "learning-curves": learningBands,
  "loss-curves": lossBands,
  "path-kernel-trace": traceOverDensity,
  "mean-width": widthOverDensity,
  "trace-against-width": traceAgainstWidth,
  "layer-widths": layerWidths,
  "layer-densities": layerDensities,
  "mask-overlap": maskOverlap,
  "kept-at-any-time": everKept,
  "trace-over-epochs": maskTrace,
  "core-over-epochs": maskCore,
  "accuracy-against-time": accuracyAgainstTime,
  "accuracy-against-multiply-adds": accuracyAgainstMultiplyAdds,
};
