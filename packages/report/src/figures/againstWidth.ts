/** A number of each mask or run against its mean layer width: a point for each. */
import type { ChartSpec } from "../chart.ts";
import { type FigureRow, isDense, seriesOf } from "./figureRow.ts";
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

interface WidthFigure {
  readonly text: string;
  readonly what: string;
  /** −Infinity of a mask without a path, which is left out; NaN where it was not measured. */
  readonly value: (row: FigureRow) => number;
  /** Title, scale and axis for these values. */
  readonly y: (values: readonly number[]) => object;
}

/** From this quotient of the greatest and the least on the axis is logarithmic. */
const LOGARITHMIC_FROM = 4;
/** Of a linear axis beyond its ends, in percent of units. */
const LEAST_ROOM = 1;

/** Of percentages, with room on both sides. */
function widthAxis(widths: readonly number[]) {
  const [least, most] = [Math.min(...widths), Math.max(...widths)];
  const title = "mean layer width (% of units)";
  if (least > 0 && most / least >= LOGARITHMIC_FROM) {
    const { scale, axis } = decades(widths.map(Math.log10));
    return { field: "logWidth", title: `${title}, logarithmic`, scale, axis: { ...axis, grid: false } };
  }
  const room = Math.max(LEAST_ROOM, (most - least) / 20);
  // no mask is wider than all units
  const domain = [Math.max(0, least - room), Math.min(100, most + room)];
  return {
    field: "width",
    title,
    scale: { domain, zero: false, nice: false },
    axis: { grid: false, tickCount: 8, format: ".3~g" },
  };
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
      transform: [{ calculate: "log(datum.width) / LN10", as: "logWidth" }],
      mark: { type: "point", filled: true, size: 55, opacity: 0.75 },
      encoding: {
        x: {
          type: "quantitative",
          ...widthAxis(points.map(({ width }) => width)),
        },
        y: { field: "value", type: "quantitative", ...y(points.map((point) => point.value)) },
        color: seriesColour(rows, points, "point"),
        ...densityShape(densitiesOf(points)),
      },
    } as ChartSpec;
  };
}
