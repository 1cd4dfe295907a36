/** Test accuracy over the number of training examples of each class, or of classes: a line for each series, with error bars. */
import type { ChartSpec } from "../chart.ts";
import { accuracyName, type FigureRow } from "./figureRow.ts";
import { type Figure, HEIGHT, seriesColour, titled, WIDTH } from "./frame.ts";
import { intervalWords, percentages } from "./summary.ts";

/** Between series at one number: a factor of e to this, so that error bars do not cover each other. */
const STEP = 0.02;

export const accuracyOverExamples: Figure = (rows, shared) =>
  accuracyOver("examples", "training examples of each class", rows, shared);

export const accuracyOverClasses: Figure = (rows, shared) => accuracyOver("classes", "classes", rows, shared);

function accuracyOver(
  field: "examples" | "classes",
  axis: string,
  rows: readonly FigureRow[],
  shared: string | undefined,
): ChartSpec | undefined {
  const counts = [...new Set(rows.flatMap((row) => row[field] ?? []))].sort((a, b) => a - b);
  const points = counts.flatMap((count) => {
    const here = percentages(
      rows.filter((row) => row[field] === count),
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
    title: `${axis} (logarithmic)`,
    scale: { type: "log", domain: [counts[0]! / 1.25, counts.at(-1)! * 1.25], nice: false },
    axis: { values: counts, format: "d", grid: false, labelOverlap: true },
  };
  const y = { type: "quantitative", title: "test accuracy (%)", scale: { zero: false, nice: true } };
  return {
    ...titled(`Accuracy over ${field}`, `${accuracyName(rows)}: ${intervalWords(points)}`, shared),
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
}
