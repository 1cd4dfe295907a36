/** A number of each layer, in a panel for each model and density. */

import { grouped } from "@phew/runs";
import { spreadOf } from "@phew/runs/configurations";
import type { ChartSpec } from "../chart.ts";
import { type FigureRow, isDense, seriesOf } from "./figureRow.ts";
import { densitiesOf, densityText, seriesColour, titled, WIDTH } from "./frame.ts";
import { intervalWords, withinPercent } from "./summary.ts";

interface LayerFigure {
  readonly text: string;
  readonly what: string;
  readonly y: object;
  readonly shared?: string | undefined;
}

const PANEL_HEIGHT = 150;
const MOST_WIDTH = 960;
const PER_LAYER = 26;
/** More layers have names at some of the ticks. */
const MOST_NAMES = 60;

/** @param numbers of a row's layers, fractions; drawn as percentages */
export function layerPanels(
  rows: readonly FigureRow[],
  numbers: (row: FigureRow) => readonly number[] | undefined,
  { text, what, y, shared }: LayerFigure,
): ChartSpec | undefined {
  const masks = rows.filter((row) => !isDense(row) && (numbers(row)?.length ?? 0) > 0);
  if (masks.length === 0) return undefined;
  const panels = grouped(masks, (row) => `${row.model} ${numbers(row)!.length}`).flatMap((ofModel) =>
    densitiesOf(ofModel).map((density) => ofModel.filter((row) => row.density === density)),
  );
  const points = panels.map((own) => layerPoints(own, numbers));
  const models = new Set(masks.map(({ model }) => model));
  const color = seriesColour(rows, points.flat());
  return {
    ...titled(text, `${what}: ${intervalWords(points.flat())}`, shared),
    vconcat: panels.map(([row], k) => ({
      title: {
        text: [models.size > 1 && row!.model, `density ${densityText(row!.density)}`]
          .filter(Boolean)
          .join(" · "),
        fontSize: 12.5,
        offset: 6,
      },
      ...panel(points[k]!, namesOf(row!, numbers), y, color),
    })),
  } as ChartSpec;
}

function panel(values: readonly object[], names: readonly string[], y: object, color: object): object {
  const x = {
    field: "layer",
    type: "nominal",
    sort: names,
    title: null,
    axis: {
      labelAngle: names.length > 6 ? -60 : 0,
      labelFontSize: 10.5,
      labelOverlap: names.length > MOST_NAMES,
      grid: false,
    },
  };
  const common = { type: "quantitative", ...y };
  return {
    width: Math.min(MOST_WIDTH, Math.max(WIDTH, PER_LAYER * names.length)),
    height: PANEL_HEIGHT,
    data: { values },
    encoding: { x, color },
    layer: [
      {
        mark: { type: "rule", opacity: 0.6 },
        encoding: { y: { ...common, field: "low" }, y2: { field: "high" } },
      },
      {
        mark: { type: "line", point: { size: 26, filled: true }, strokeWidth: 1.5 },
        encoding: { y: { ...common, field: "mean" } },
      },
    ],
  };
}

/** Intervals end where the percentages do. */
function layerPoints(rows: readonly FigureRow[], numbers: (row: FigureRow) => readonly number[] | undefined) {
  const names = namesOf(rows[0]!, numbers);
  return grouped(rows, seriesOf).flatMap((own) =>
    names.flatMap((layer, l) => {
      const { mean, interval = 0, count } = spreadOf(own.map((row) => 100 * numbers(row)![l]!));
      if (mean === undefined) return [];
      const ends = withinPercent({ low: mean - interval, high: mean + interval });
      return [{ series: seriesOf(own[0]!), layer, mean, count, ...ends }];
    }),
  );
}

function namesOf(row: FigureRow, numbers: (row: FigureRow) => readonly number[] | undefined): string[] {
  return numbers(row)!.map((_, l) => row.layers?.[l]?.replace(/\.weight$/, "") ?? `${l + 1}`);
}
