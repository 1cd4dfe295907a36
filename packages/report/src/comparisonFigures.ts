/** The figures of a comparison of masks: trace and width against density, and the densities of layers. */
import { join } from "node:path";
import { counted, formatPercent } from "@phew/core/messages";
import { type ChartSpec, writeChart } from "./chart.ts";
import type { ComparedGroup } from "./comparison.ts";
import { LINE_LEGEND } from "./figures.ts";
import { byMethodOrder, methodColours } from "./palette.ts";

const WIDTH = 560;
const HEIGHT = 340;
/** Of one panel of layer densities. */
const PANEL_HEIGHT = 150;

/**
 * Draws `path-kernel-trace`, `mean-width` and `layer-densities`, each as SVG and PNG.
 * @returns the paths written
 */
export async function writeComparisonFigures(
  folder: string,
  model: string,
  groups: readonly ComparedGroup[],
): Promise<string[]> {
  const figures: readonly (readonly [string, ChartSpec])[] = [
    ["path-kernel-trace", traceFigure(model, groups)],
    ["mean-width", widthFigure(model, groups)],
    ["layer-densities", layerFigure(model, groups)],
  ];
  const written: string[] = [];
  for (const [name, spec] of figures) written.push(...(await writeChart(join(folder, name), spec)));
  return written;
}

export function comparisonFigurePaths(folder: string): string[] {
  return ["path-kernel-trace", "mean-width", "layer-densities"].flatMap((name) =>
    ["svg", "png"].map((form) => join(folder, `${name}.${form}`)),
  );
}

interface Point {
  readonly method: string;
  readonly density: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Path kernel trace over the dense network's: geometric means, bars one standard deviation each way. */
export function traceFigure(model: string, groups: readonly ComparedGroup[]): ChartSpec {
  const points = groups.flatMap(({ method, requestedDensity, logRelativeTrace: trace }): Point[] =>
    trace === undefined
      ? []
      : [
          {
            method,
            density: requestedDensity,
            value: 10 ** trace.mean,
            low: 10 ** (trace.mean - trace.deviation),
            high: 10 ** (trace.mean + trace.deviation),
          },
        ],
  );
  const exponents = points.flatMap(({ low, high }) => [Math.log10(low), Math.log10(high)]);
  const [least, most] = [Math.floor(Math.min(...exponents, -1)), Math.ceil(Math.max(...exponents, 0))];
  const stride = Math.max(1, Math.ceil((most - least) / 8));
  const values = Array.from({ length: Math.floor((most - least) / stride) + 1 }, (_, k) => most - k * stride);
  return againstDensity(points, densitiesOf(groups), {
    title: `Path kernel trace, ${model}`,
    subtitle: `over the dense network's; geometric mean ${seedsOf(groups)}`,
    axisTitle: "trace / dense (logarithmic)",
    scale: { type: "log", domain: [10 ** least, 10 ** most], nice: false },
    axis: {
      values: values.map((exponent) => 10 ** exponent),
      labelExpr: `(${JSON.stringify(Object.fromEntries(values.map((e) => [String(10 ** e), e === 0 ? "1" : `1e${e}`])))})[datum.value]`,
    },
  });
}

/** Mean width over layers, with one standard deviation each way. */
export function widthFigure(model: string, groups: readonly ComparedGroup[]): ChartSpec {
  const points = groups.map(({ method, requestedDensity, meanWidth }) => ({
    method,
    density: requestedDensity,
    value: 100 * meanWidth.mean,
    low: 100 * (meanWidth.mean - meanWidth.deviation),
    high: 100 * (meanWidth.mean + meanWidth.deviation),
  }));
  return againstDensity(points, densitiesOf(groups), {
    title: `Mean layer width, ${model}`,
    subtitle: `output units that a kept weight enters, mean over layers and ${seedsOf(groups)}`,
    axisTitle: "mean layer width (% of units)",
    scale: { domain: [0, 105], nice: false },
    axis: { format: "d", tickCount: 6 },
  });
}

/** Density of every layer, a panel for each density asked for. */
export function layerFigure(model: string, groups: readonly ComparedGroup[]): ChartSpec {
  const methods = methodOrder(groups);
  const densities = densitiesOf(groups).reverse();
  const names = groups[0]?.layers.map(({ name }) => name.replace(/\.weight$/, "")) ?? [];
  const values = groups.flatMap(({ method, requestedDensity, layers }) =>
    layers.map(({ density }, l) => ({
      method,
      panel: panelName(requestedDensity),
      layer: names[l]!,
      kept: 100 * density,
    })),
  );
  return {
    title: {
      text: `Layer densities, ${model}`,
      subtitle: `kept weights of each layer in %, ${seedsOf(groups)}; root scale`,
    },
    data: { values },
    facet: {
      row: {
        field: "panel",
        type: "nominal",
        sort: densities.map(panelName),
        title: null,
        header: {
          orient: "top",
          labelAngle: 0,
          labelAnchor: "start",
          labelFontSize: 12.5,
          labelFontWeight: 600,
        },
      },
    },
    spec: {
      width: Math.min(900, Math.max(WIDTH, 26 * names.length)),
      height: PANEL_HEIGHT,
      mark: { type: "line", point: { size: 22, filled: true }, strokeWidth: 1.5 },
      encoding: {
        x: {
          field: "layer",
          type: "nominal",
          sort: names,
          title: null,
          axis: { labelAngle: -60, labelFontSize: 10, labelOverlap: names.length > 60, grid: false },
        },
        y: {
          field: "kept",
          type: "quantitative",
          title: "kept (%)",
          scale: { type: "sqrt", domain: [0, 100] },
          axis: { values: [0, 1, 5, 20, 50, 100] },
        },
        color: { ...methodColour(methods), legend: LINE_LEGEND },
      },
    },
  } as ChartSpec;
}

interface LineFigure {
  readonly title: string;
  readonly subtitle: string;
  readonly axisTitle: string;
  readonly scale: object;
  readonly axis: object;
}

/** @param densities ascending */
function againstDensity(
  points: readonly Point[],
  densities: readonly number[],
  figure: LineFigure,
): ChartSpec {
  const methods = methodOrder(points);
  const labels = Object.fromEntries(densities.map((density) => [String(density), formatPercent(density)]));
  const x = {
    field: "density",
    type: "quantitative",
    title: "density asked for (logarithmic)",
    scale: { type: "log", domain: [densities[0]! / 1.15, densities.at(-1)! * 1.15], nice: false },
    axis: { values: densities, labelExpr: `(${JSON.stringify(labels)})[datum.value]`, grid: false },
  };
  const y = { type: "quantitative", title: figure.axisTitle, scale: figure.scale, axis: figure.axis };
  return {
    title: { text: figure.title, subtitle: figure.subtitle },
    width: WIDTH,
    height: HEIGHT,
    data: { values: points },
    encoding: { x, color: { ...methodColour(methods), legend: LINE_LEGEND } },
    layer: [
      {
        mark: { type: "line", point: { size: 40, filled: true } },
        encoding: { y: { ...y, field: "value" } },
      },
      {
        mark: { type: "rule", strokeWidth: 1.5 },
        encoding: { y: { ...y, field: "low" }, y2: { field: "high" } },
      },
    ],
  } as ChartSpec;
}

const densitiesOf = (groups: readonly ComparedGroup[]) =>
  [...new Set(groups.map(({ requestedDensity }) => requestedDensity))].sort((a, b) => a - b);

const panelName = (density: number) => `density ${formatPercent(density)}`;

const methodOrder = (points: readonly { readonly method: string }[]) =>
  [...new Set(points.map(({ method }) => method))].sort(byMethodOrder);

function seedsOf(groups: readonly ComparedGroup[]): string {
  const count = Math.max(...groups.map((group) => group.seedCount));
  return count === 1 ? "of one seed" : `over ${counted(count, "seed")}`;
}

/** Each method in its colour, the same in every figure. */
function methodColour(methods: readonly string[]): object {
  return {
    field: "method",
    type: "nominal",
    title: "method",
    scale: { domain: methods, range: methodColours(methods) },
  };
}
