/** The figures of a report: how runs learned, and what their masks are, a series for each configuration whatever its density. */
import { normalize } from "node:path";
import { formatMeasure, formatPercent } from "@phew/core/messages";
import { configurationsOf, spreadOf } from "@phew/runs/configurations";
import { type ChartSpec, writeChart } from "./chart.ts";
import { lossCurves } from "./lossCurves.ts";
import { methodColours } from "./palette.ts";
import type { ReportedRun } from "./report.ts";
import { densityText, seriesColour, seriesOf, subtitles } from "./series.ts";

/** One bar: a measure of the masks of a configuration. */
interface Bar {
  readonly series: string;
  readonly density: string;
  readonly value: number;
  readonly label: string;
}

export const LINE_LEGEND = { symbolType: "stroke", symbolSize: 500 } as const;
const DENSE = "dense";
const WIDTH = 640;
const HEIGHT = 360;

/**
 * Draws `learning-curves`, `loss-curves`, `path-kernel-trace` and `mean-width`, each as SVG and PNG.
 * @returns the paths written; a figure without data is left out
 */
export async function writeFigures(folder: string, runs: readonly ReportedRun[]): Promise<string[]> {
  const figures: readonly (readonly [string, ChartSpec | undefined])[] = [
    ["learning-curves", learningCurves(runs)],
    ["loss-curves", lossCurves(runs)],
    ["path-kernel-trace", pathKernelTraces(runs)],
    ["mean-width", meanWidths(runs)],
  ];
  const written: string[] = [];
  // not joined before: the folder may be as its owner writes to it
  for (const [name, spec] of figures)
    if (spec) written.push(...(await writeChart(`${folder}/${name}`, spec)));
  return written.map(normalize);
}

/** Test accuracy over the epoch, a line for each run: colour tells the configuration, dashes the density. */
export function learningCurves(runs: readonly ReportedRun[]): ChartSpec | undefined {
  const series = seriesOf(runs);
  const values = runs.flatMap((run, index) => {
    const density = densityText(run);
    return run.state.epochs
      .filter((point) => Number.isFinite(point.testAccuracy))
      .map((point) => ({
        run: index,
        series: series.nameOf(run),
        density,
        epoch: point.epoch,
        accuracy: 100 * point.testAccuracy,
      }));
  });
  if (values.length === 0) return undefined;
  const densities = densitiesOf(values);
  return {
    title: {
      text: "Learning curves",
      subtitle: subtitles(runs, "test accuracy by epoch, one line for each run"),
    },
    width: WIDTH,
    height: HEIGHT,
    data: { values },
    mark: { type: "line", point: { size: 28, filled: true } },
    encoding: {
      x: {
        field: "epoch",
        type: "quantitative",
        title: "epoch",
        axis: { grid: false, tickMinStep: 1, labelFlush: false },
      },
      y: {
        field: "accuracy",
        type: "quantitative",
        title: "test accuracy (%)",
        scale: { zero: false, nice: true },
      },
      color: { ...seriesColour(series, values), legend: LINE_LEGEND },
      detail: { field: "run" },
      ...(densities.length > 1
        ? {
            strokeDash: {
              field: "density",
              type: "nominal",
              title: "density",
              sort: densities,
              legend: LINE_LEGEND,
            },
          }
        : {}),
    },
  } as ChartSpec;
}

/** Path kernel trace of each mask by density and method, on a logarithmic axis. */
export function pathKernelTraces(runs: readonly ReportedRun[]): ChartSpec | undefined {
  const all = barsOf(runs, ({ state }) => state.mask?.measures?.pathKernelTrace, formatMeasure);
  // an axis reaches as far as float64 does
  const positive = all.filter((bar) => bar.value > 1e-300 && bar.value < 1e300);
  const bars = positive.filter((bar) => !bar.isDense);
  const dense = positive.filter((bar) => bar.isDense);
  if (bars.length === 0) return undefined;
  const exponents = positive.map((bar) => Math.log10(bar.value));
  const least = 10 ** Math.floor(Math.min(...exponents) - 0.3);
  const most = 10 ** Math.ceil(Math.max(...exponents) + 0.1);
  return barChart(runs, bars, {
    title: "Path kernel trace",
    subtitle: "sum of ∂R/∂θ² over the kept weights θ; where it is larger, theory expects faster convergence",
    axisTitle: "path kernel trace (logarithmic)",
    scale: { type: "log", domain: [least, most], nice: false },
    base: least,
    axis: decadeAxis(least, most),
    references: dense.map(({ series, value, label }) => ({ value, label: `${series} ${label}` })),
  });
}

/** Mean fraction of a layer's output units that still have an input, by density and method. */
export function meanWidths(runs: readonly ReportedRun[]): ChartSpec | undefined {
  const bars = barsOf(
    runs,
    ({ state }) => percentOf(state.mask?.measures?.meanWidth),
    (percent) => percent.toFixed(0),
  ).filter((bar) => !bar.isDense);
  if (bars.length === 0) return undefined;
  return barChart(runs, bars, {
    title: "Mean layer width",
    subtitle: "output units that a kept weight enters, mean over layers",
    axisTitle: "mean layer width (% of units)",
    scale: { domain: [0, 105], nice: false },
    base: 0,
    axis: { format: "d", tickCount: 6 },
    references: [],
  });
}

interface BarFigure {
  readonly title: string;
  readonly subtitle: string;
  readonly axisTitle: string;
  readonly scale: object;
  readonly axis: object;
  /** Value of the bars' base line. */
  readonly base: number;
  /** Lines over all bars to compare them with. */
  readonly references: readonly { readonly value: number; readonly label: string }[];
}

function barChart(runs: readonly ReportedRun[], bars: readonly Bar[], figure: BarFigure): ChartSpec {
  const series = seriesOf(runs);
  const color = seriesColour(series, bars);
  const shared = {
    x: {
      field: "density",
      type: "nominal",
      sort: densitiesOf(bars),
      title: "density asked for",
      axis: { labelAngle: 0, ticks: false },
      scale: { paddingInner: 0.18, paddingOuter: 0.1 },
    },
    xOffset: { field: "series", type: "nominal", sort: color.scale.domain, scale: { paddingInner: 0.12 } },
  };
  const { scale, axis } = figure;
  const y = { field: "value", type: "quantitative", title: figure.axisTitle, scale, axis };
  return {
    title: { text: figure.title, subtitle: subtitles(runs, figure.subtitle) },
    width: WIDTH,
    height: HEIGHT,
    data: { values: bars },
    layer: [
      {
        mark: { type: "bar", cornerRadiusEnd: 2 },
        encoding: { ...shared, y, y2: { datum: figure.base }, color },
      },
      {
        mark: { type: "text", baseline: "bottom", dy: -4, fontSize: 10.5, color: "#1f2430" },
        encoding: { ...shared, y, text: { field: "label" } },
      },
      ...figure.references.flatMap(referenceLine),
    ],
  } as ChartSpec;
}

function referenceLine({ value, label }: BarFigure["references"][number]): object[] {
  const data = { values: [{ value, label }] };
  const y = { field: "value", type: "quantitative" };
  const [colour] = methodColours([DENSE]);
  return [
    { data, mark: { type: "rule", strokeDash: [6, 4], strokeWidth: 1.5, color: colour }, encoding: { y } },
    {
      data,
      mark: {
        type: "text",
        align: "right",
        baseline: "bottom",
        dx: -4,
        dy: -4,
        fontSize: 11.5,
        color: colour,
      },
      encoding: { y, x: { value: WIDTH }, text: { field: "label" } },
    },
  ];
}

/** One bar for each configuration: the mean over its seeds. */
function barsOf(
  runs: readonly ReportedRun[],
  measure: (run: ReportedRun) => number | undefined,
  format: (value: number) => string,
): (Bar & { readonly isDense: boolean })[] {
  const series = seriesOf(runs);
  return configurationsOf(runs).all.flatMap(({ runs: own }) => {
    const { mean } = spreadOf(own.flatMap((run) => measure(run) ?? []).filter(Number.isFinite));
    if (mean === undefined) return [];
    const [run] = own as [ReportedRun];
    const isDense = run.config.method === DENSE;
    return [
      { series: series.nameOf(run), density: densityText(run), value: mean, label: format(mean), isDense },
    ];
  });
}

/** Ticks only at powers of ten, at most about eight. */
function decadeAxis(least: number, most: number): object {
  const first = Math.round(Math.log10(least));
  const last = Math.round(Math.log10(most));
  const stride = Math.ceil((last - first) / 8);
  const exponents = Array.from(
    { length: Math.floor((last - first) / stride) + 1 },
    (_, k) => first + k * stride,
  );
  const labels = Object.fromEntries(
    exponents.map((e) => [String(10 ** e), Math.abs(e) <= 3 ? String(10 ** e) : `1e${e}`]),
  );
  return {
    values: exponents.map((e) => 10 ** e),
    labelExpr: `(${JSON.stringify(labels)})[datum.value]`,
  };
}

/** The densities there are, densest first. */
function densitiesOf(points: readonly { readonly density: string }[]): string[] {
  return [...new Set(points.map((point) => point.density))].sort((a, b) => parseFloat(b) - parseFloat(a));
}

function percentOf(fraction: number | undefined): number | undefined {
  return fraction === undefined ? undefined : 100 * fraction;
}
