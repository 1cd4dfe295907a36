/** Test accuracy over the number of training examples of each class: a line for each series, with error bars. */
import type { ChartSpec } from "../chart.ts";
import { accuracyName } from "./figureRow.ts";
import { type Figure, HEIGHT, seriesColour, titled, WIDTH } from "./frame.ts";
import { intervalWords, percentages } from "./summary.ts";

/** Between series at one number: a factor of e to this, so that error bars do not cover each other. */
const STEP = 0.02;

export const accuracyOverExamples: Figure = (rows, shared) => {
  const counts = [...new Set(rows.flatMap(({ examples }) => examples ?? []))].sort((a, b) => a - b);
  const points = counts.flatMap((count) => {
    const here = percentages(
      rows.filter(({ examples }) => examples === count),
      ({ accuracy }) => accuracy,
    );
    return here.map((point, k) => ({
      ...point,
      at: count * Math.exp((k - (here.length - 1) / 2) * STEP),
    }));
  });
  if (counts.length < 2) return undefined;
  const x = {
    field: "at",
    type: "quantitative",
    title: "training examples of each class (logarithmic)",
    scale: { type: "log", domain: [counts[0]! / 1.25, counts.at(-1)! * 1.25], nice: false },
    axis: { values: counts, format: "d", grid: false, labelOverlap: true },
  };
  const y = { type: "quantitative", title: "test accuracy (%)", scale: { zero: false, nice: true } };
  return {
    ...titled("Accuracy over examples", `${accuracyName(rows)}: ${intervalWords(points)}`, shared),
    width: WIDTH,
    height: HEIGHT,
    data: { values: points },
    encoding: { color: seriesColour(rows, points) },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 1.5, opacity: 0.75 },
        encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
      },
      {
        mark: { type: "line", point: { size: 40, filled: true } },
        encoding: { x, y: { ...y, field: "mean" } },
      },
    ],
  } as ChartSpec;
};
