/** Path kernel trace against mean width: a point for each mask. */
import type { ChartSpec } from "../chart.ts";
import { isDense, seriesOf } from "./figureRow.ts";
import {
  decades,
  densitiesOf,
  densityShape,
  type Figure,
  HEIGHT,
  seriesColour,
  titled,
  WIDTH,
} from "./frame.ts";
import { leftOutWords } from "./summary.ts";

export const traceAgainstWidth: Figure = (rows, shared) => {
  const masks = rows.filter((row) => !isDense(row) && Number.isFinite(row.meanWidth));
  const points = masks.flatMap((row) => {
    const { density, meanWidth = NaN, logRelativeTrace = NaN } = row;
    if (!Number.isFinite(logRelativeTrace)) return [];
    return [{ series: seriesOf(row), density, width: 100 * meanWidth, trace: logRelativeTrace }];
  });
  if (points.length < 2) return undefined;
  const cut = masks.filter(({ logRelativeTrace }) => logRelativeTrace === Number.NEGATIVE_INFINITY);
  return {
    ...titled(
      "Path kernel trace against width",
      `one point for each mask, of each seed${leftOutWords(cut.length)}`,
      shared,
    ),
    width: WIDTH,
    height: HEIGHT,
    data: { values: points },
    mark: { type: "point", filled: true, size: 55, opacity: 0.75 },
    encoding: {
      x: {
        field: "width",
        type: "quantitative",
        title: "mean layer width (% of units)",
        scale: { zero: false, nice: true },
        axis: { grid: false, tickCount: 8 },
      },
      y: {
        field: "trace",
        type: "quantitative",
        title: "trace / dense (logarithmic)",
        ...decades(points.map(({ trace }) => trace)),
      },
      color: seriesColour(rows, points, "point"),
      ...densityShape(densitiesOf(points)),
    },
  } as ChartSpec;
};
