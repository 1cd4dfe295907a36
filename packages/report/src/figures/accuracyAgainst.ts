/** Test accuracy against what it costs, on a logarithmic axis: error bars both ways, joined from density to density. */
import type { ChartSpec } from "../chart.ts";
import { accuracyName, type FigureRow } from "./figureRow.ts";
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
import { intervalWords, percentages, summaries } from "./summary.ts";

interface CostFigure {
  readonly text: string;
  readonly what: string;
  readonly xTitle: string;
  /** Above 0. */
  readonly cost: (row: FigureRow) => number | undefined;
}

export function accuracyAgainst({ text, what, xTitle, cost }: CostFigure): Figure {
  return (rows, shared) => {
    const whole = rows.filter((row) => (cost(row) ?? 0) > 0 && Number.isFinite(row.accuracy));
    const costs = summaries(whole, (row) => Math.log10(cost(row)!));
    const points = percentages(whole, ({ accuracy }) => accuracy).map((point, k) => {
      const { mean, low, high } = costs[k]!;
      return { ...point, cost: mean, least: low, most: high };
    });
    if (points.length < 2) return undefined;
    const x = {
      type: "quantitative",
      title: `${xTitle} (logarithmic)`,
      ...decades(points.flatMap(({ least, most }) => [least, most])),
    };
    const y = { type: "quantitative", title: "test accuracy (%)", scale: { zero: false, nice: true } };
    const at = { x: { ...x, field: "cost" }, y: { ...y, field: "mean" } };
    const rule = { type: "rule", strokeWidth: 1.25, opacity: 0.7 };
    return {
      ...titled(text, `${what}, geometric mean; ${accuracyName(whole)}, ${intervalWords(points)}`, shared),
      width: WIDTH,
      height: HEIGHT,
      data: { values: points },
      encoding: { color: seriesColour(rows, points) },
      layer: [
        { mark: rule, encoding: { x: at.x, y: { ...y, field: "low" }, y2: { field: "high" } } },
        { mark: rule, encoding: { y: at.y, x: { ...x, field: "least" }, x2: { field: "most" } } },
        { mark: { type: "line", strokeWidth: 1.25 }, encoding: { ...at, order: { field: "density" } } },
        {
          mark: { type: "point", filled: true, size: 60 },
          encoding: { ...at, ...densityShape(densitiesOf(points)) },
        },
      ],
    } as ChartSpec;
  };
}
