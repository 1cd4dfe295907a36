/** A number of each mask or run against its mean layer width: a point for each. */
import type { ChartSpec } from "../chart.ts";
import { type FigureRow, isDense, seriesOf } from "./figureRow.ts";
import { densitiesOf, densityShape, type Figure, HEIGHT, seriesColour, titled, WIDTH } from "./frame.ts";
import { leftOutWords } from "./summary.ts";

interface WidthFigure {
  readonly text: string;
  readonly what: string;
  /** −Infinity of a mask without a path, which is left out; NaN where it was not measured. */
  readonly value: (row: FigureRow) => number;
  /** Title, scale and axis for these values. */
  readonly y: (values: readonly number[]) => object;
}

export function againstWidth({ text, what, value, y }: WidthFigure): Figure {
  return (rows, shared) => {
    const masks = rows.filter((row) => !isDense(row) && Number.isFinite(row.meanWidth));
    const points = masks.flatMap((row) => {
      const { density, meanWidth = NaN } = row;
      if (!Number.isFinite(value(row))) return [];
      return [{ series: seriesOf(row), density, width: 100 * meanWidth, value: value(row) }];
    });
    if (points.length < 2) return undefined;
    const cut = masks.filter((row) => value(row) === Number.NEGATIVE_INFINITY);
    return {
      ...titled(text, `${what}${leftOutWords(cut.length)}`, shared),
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
          axis: { grid: false, tickCount: 8, format: ".3~g" },
        },
        y: { field: "value", type: "quantitative", ...y(points.map((point) => point.value)) },
        color: seriesColour(rows, points, "point"),
        ...densityShape(densitiesOf(points)),
      },
    } as ChartSpec;
  };
}
