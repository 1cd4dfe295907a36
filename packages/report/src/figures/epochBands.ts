/** Curves over the epoch: the mean over seeds and its 95 % interval as a band, a panel for each density. */

import { grouped } from "@phew/runs";
import { spreadOf } from "@phew/runs/configurations";
import type { ChartSpec } from "../chart.ts";
import { type FigureRow, isDense, seriesOf } from "./figureRow.ts";
import { densitiesOf, densityText, type Figure, HEIGHT, seriesColour, titled, WIDTH } from "./frame.ts";
import { intervalWords } from "./summary.ts";

/** Points of one run, x in epochs. */
export interface EpochCurve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

type RowCurve = EpochCurve & { readonly row: FigureRow };

interface BandFigure {
  readonly text: string;
  readonly what: string;
  readonly yTitle: string;
  /** Beyond which there are no values, nor ends of intervals. */
  readonly range: readonly [number, number];
  readonly curveOf: (row: FigureRow) => EpochCurve;
}

interface BandPoint {
  readonly series: string;
  readonly panel: string;
  readonly epoch: number;
  readonly count: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly isDense: boolean;
  /** True where its series has no other point: a band has no width there, its interval is a bar. */
  readonly isAlone: boolean;
}

const COLUMNS = 2;
const PANEL_WIDTH = 380;
const PANEL_HEIGHT = 240;
/** Longer curves have no points. */
const MOST_POINTS = 40;
/** Epochs between the bars of series with one point each. */
const BAR_STEP = 0.02;

export function epochBands({ text, what, yTitle, range: [least, most], curveOf }: BandFigure): Figure {
  return (rows, shared) => {
    const curves = rows.map((row) => ({ row, ...curveOf(row) })).filter(({ x }) => x.length > 0);
    const panels = grouped(curves, ({ row }) => row.problem ?? "").flatMap(panelsOf);
    const values = panels.flatMap((panel) =>
      bandPoints(panel.curves, panel.name).map((point) => ({
        ...point,
        low: Math.max(least, point.low),
        high: Math.min(most, point.high),
      })),
    );
    if (values.length === 0) return undefined;
    const isSplit = panels.length > 1;
    const facet = {
      field: "panel",
      type: "nominal",
      sort: panels.map(({ name }) => name),
      title: null,
      header: { labelFontSize: 12.5, labelFontWeight: 600, labelAnchor: "start" },
    };
    const spec = {
      width: isSplit ? PANEL_WIDTH : WIDTH,
      height: isSplit ? PANEL_HEIGHT : HEIGHT,
      ...bands(values, yTitle, seriesColour(rows, values)),
    };
    return {
      ...titled(text, `${what}: ${intervalWords(values)}`, shared),
      data: { values },
      ...(isSplit ? { facet, columns: COLUMNS, spec } : spec),
    } as ChartSpec;
  };
}

/** Of one problem, a panel for each density: its dense network stands in every one, beside all others. */
function panelsOf(curves: readonly RowCurve[]): { readonly name: string; readonly curves: RowCurve[] }[] {
  const sparse = densitiesOf(curves.flatMap(({ row }) => (isDense(row) ? [] : [row])));
  const { problem } = curves[0]!.row;
  return (sparse.length > 0 ? sparse : [1]).map((density) => ({
    name: [...(problem === undefined ? [] : [problem]), `density ${densityText(density)}`].join(" · "),
    curves: curves.filter(({ row }) => isDense(row) || row.density === density),
  }));
}

function bands(values: readonly BandPoint[], yTitle: string, color: object): object {
  const x = {
    field: "epoch",
    type: "quantitative",
    title: "epoch",
    axis: { grid: false, tickMinStep: 1, labelFlush: false, format: "d" },
    scale: { nice: false, zero: false, ...(values.every(({ isAlone }) => isAlone) && aloneDomain(values)) },
  };
  const y = { type: "quantitative", title: yTitle, scale: { zero: false, nice: true } };
  const perSeries = Math.max(
    ...grouped(values, ({ series, panel }) => `${panel} ${series}`).map((own) => own.length),
  );
  return {
    encoding: { x, color },
    layer: [
      {
        mark: { type: "area", opacity: 0.16 },
        encoding: { y: { ...y, field: "low" }, y2: { field: "high" } },
      },
      {
        transform: [{ filter: "datum.isAlone" }],
        mark: { type: "rule", strokeWidth: 1.5, opacity: 0.75 },
        encoding: { y: { ...y, field: "low" }, y2: { field: "high" } },
      },
      {
        mark: { type: "line", ...(perSeries <= MOST_POINTS && { point: { size: 24, filled: true } }) },
        encoding: {
          y: { ...y, field: "mean" },
          strokeDash: { condition: { test: "datum.isDense", value: [6, 4] }, value: [1, 0] },
        },
      },
    ],
  };
}

/** With room beside the bars. */
function aloneDomain(values: readonly BandPoint[]) {
  const epochs = values.map(({ epoch }) => epoch);
  return { domain: [Math.min(...epochs) - BAR_STEP, Math.max(...epochs) + BAR_STEP] };
}

/** Of each series at each x that any of its runs has. */
function bandPoints(curves: readonly RowCurve[], panel: string): BandPoint[] {
  const bySeries = grouped(curves, ({ row }) => seriesOf(row));
  const middle = (bySeries.length - 1) / 2;
  return bySeries.flatMap((own, k) => {
    const [{ row }] = own as [(typeof own)[0]];
    const places = [...new Set(own.flatMap(({ x }) => x))].sort((a, b) => a - b);
    return places.flatMap((epoch) => {
      const sample = own.flatMap(({ x, y }) => y[x.indexOf(epoch)] ?? []).filter(Number.isFinite);
      const { mean, interval = 0, count } = spreadOf(sample);
      if (mean === undefined) return [];
      const ends = { low: mean - interval, high: mean + interval };
      const isAlone = places.length === 1;
      // beside each other, so that no bar covers another
      const at = isAlone ? epoch + (k - middle) * BAR_STEP : epoch;
      return [
        { series: seriesOf(row), panel, epoch: at, count, mean, ...ends, isDense: isDense(row), isAlone },
      ];
    });
  });
}

/** Numbers after each epoch as a curve. */
export function perEpoch(
  { firstEpoch, epochs = Infinity }: FigureRow,
  numbers: readonly number[] = [],
): EpochCurve {
  const first = firstEpoch ?? (numbers.length > epochs ? 0 : 1);
  return { x: numbers.map((_, k) => first + k), y: numbers };
}
