/** What figures have in common: titles, axes, colours of series, points with error bars. */
import { formatPercent } from "@phew/core/messages";
import { grouped } from "@phew/runs";
import type { ChartSpec } from "../chart.ts";
import { byMethodOrder, seriesColours } from "../palette.ts";
import { type FigureRow, methodOf, seriesOf } from "./figureRow.ts";
import type { Summary } from "./summary.ts";

/**
 * A figure of masks or runs; undefined where there is nothing to see. Rows are drawn in the same colours in all figures
 * that are made of the same rows.
 * @param shared what all rows have in common, for the subtitle: "lenet5 · glyphs · epochs 4"
 */
export type Figure = (rows: readonly FigureRow[], shared?: string) => ChartSpec | undefined;

export const WIDTH = 640;
export const HEIGHT = 360;
/** Of one of several panels. */
const PANEL_HEIGHT = 220;
/** Longer names of series stand below the figure. */
const LONG_NAME = 32;
const LINE_LENGTH = 100;
const BETWEEN = " · ";
/** Between series at one density: a factor of e to this. */
const MOST_STEP = 0.025;
/** Of a logarithmic axis beyond its ends, in powers of ten. */
const LEAST_ROOM = 0.15;
/** Ticks of an axis. */
const MOST_TICKS = 8;

/** @param what what a figure shows, and its error bars */
export function titled(text: string, what: string, shared = ""): { readonly title: object } {
  const lines = [what];
  for (const [k, part] of shared.split(BETWEEN).filter(Boolean).entries()) {
    const line = `${lines.at(-1)}${BETWEEN}${part}`;
    if (k === 0 || line.length > LINE_LENGTH) lines.push(part);
    else lines[lines.length - 1] = line;
  }
  return { title: { text, subtitle: lines } };
}

/**
 * The colour of each series, a method's own where it stands for one series alone.
 * @param rows all that the figures of a report are made of: they determine the colours
 * @param drawn the series in this figure
 */
export function seriesColour(
  rows: readonly FigureRow[],
  drawn: readonly { readonly series: string }[],
  mark: "line" | "point" = "line",
) {
  const methods = new Map(rows.map((row) => [seriesOf(row), methodOf(row)]));
  const colours = seriesColours([...methods.values()]);
  const names = new Set(drawn.map(({ series }) => series));
  const shown = [...methods]
    .map(([name, method], k) => ({ name, method, colour: colours[k]! }))
    .filter(({ name }) => names.has(name))
    .sort((a, b) => byMethodOrder(a.method, b.method));
  const below = shown.some(({ name }) => name.length > LONG_NAME);
  return {
    field: "series",
    type: "nominal",
    title: rows.some(({ series, method }) => (series ?? method) !== method) ? "configuration" : "method",
    scale: { domain: shown.map(({ name }) => name), range: shown.map(({ colour }) => colour) },
    legend: {
      ...(mark === "line" && { symbolType: "stroke", symbolSize: 500 }),
      symbolOpacity: 1,
      labelLimit: 0,
      ...(below && { orient: "bottom", direction: "vertical", title: null }),
    },
  };
}

/** Densities that are drawn, densest first. */
export function densitiesOf(of: readonly { readonly density: number }[]): number[] {
  return [...new Set(of.map(({ density }) => density))].sort((a, b) => b - a);
}

export function densityText(density: number): string {
  return formatPercent(density, 4);
}

/** Logarithmic, with a tick at each density; points stand at {@link sideBySide}'s `at`. */
function densityAxis(densities: readonly number[]) {
  const labels = Object.fromEntries(densities.map((density) => [String(density), densityText(density)]));
  const [least, most] = [Math.min(...densities), Math.max(...densities)];
  return {
    field: "at",
    type: "quantitative",
    title: "density asked for or found (logarithmic)",
    scale: { type: "log", domain: [least / 1.25, most * 1.25], nice: false },
    axis: { values: densities, labelExpr: labelsExpression(labels), grid: false, labelOverlap: true },
  };
}

/** With places of their own on a logarithmic axis of densities, so that error bars do not cover each other. */
function sideBySide<T extends { readonly series: string; readonly density: number }>(
  points: readonly T[],
): (T & { readonly at: number })[] {
  const names = [...new Set(points.map(({ series }) => series))];
  const densities = densitiesOf(points);
  const gaps = densities.slice(1).map((density, k) => Math.log(densities[k]! / density));
  const step = Math.min(MOST_STEP, (0.3 * Math.min(Infinity, ...gaps)) / names.length);
  return points.map((point) => {
    const here = names.filter((name) =>
      points.some(({ series, density }) => series === name && density === point.density),
    );
    const place = here.indexOf(point.series) - (here.length - 1) / 2;
    return { ...point, at: point.density * Math.exp(place * step) };
  });
}

/** An axis of log10 values, marked with the numbers themselves: powers of ten, and between them where these are few. */
export function decades(logs: readonly number[]): { readonly scale: object; readonly axis: object } {
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const room = Math.max(LEAST_ROOM, (most - least) / 20);
  const domain = [least - room, most + room] as const;
  const ticks = ticksWithin(domain);
  const labels = Object.fromEntries(ticks.map((tick) => [String(tick), numberText(tick)]));
  return {
    scale: { domain, nice: false, zero: false },
    axis: { values: ticks, labelExpr: labelsExpression(labels) },
  };
}

function ticksWithin([first, last]: readonly [number, number]): number[] {
  const stride = Math.ceil((last - first) / MOST_TICKS);
  const whole = Array.from(
    { length: Math.ceil((last - first) / stride) + 2 },
    (_, k) => (Math.floor(first / stride) + k) * stride,
  );
  const within = (ticks: readonly number[]) => ticks.filter((tick) => tick >= first && tick <= last);
  const parts = within(whole).length > 2 ? [1] : [1, 2, 5];
  return within(whole.flatMap((tick) => parts.map((part) => tick + Math.log10(part))));
}

function numberText(log: number): string {
  const exponent = Math.floor(log + 1e-9);
  const first = Math.round(10 ** (log - exponent));
  return Math.abs(exponent) <= 3 ? String(Number(`${first}e${exponent}`)) : `${first}e${exponent}`;
}

function labelsExpression(labels: Readonly<Record<string, string>>): string {
  return `(${JSON.stringify(labels)})[datum.value]`;
}

/** Shapes for densities, where there are several. */
export function densityShape(densities: readonly number[]): object {
  if (densities.length < 2) return {};
  const shape = {
    field: "density",
    type: "nominal",
    title: "density",
    sort: densities,
    legend: {
      labelExpr: labelsExpression(Object.fromEntries(densities.map((d) => [String(d), densityText(d)]))),
    },
  };
  return { shape };
}

interface DensityFigure {
  readonly text: string;
  readonly what: string;
  readonly y: object;
  /** Drawn as lines across. */
  readonly across?: readonly Summary[];
  readonly shared: string | undefined;
}

/** Points with error bars, joined from density to density, a panel for each problem; nothing of a single one. */
export function overDensity(
  rows: readonly FigureRow[],
  points: readonly Summary[],
  { text, what, y: own, across = [], shared }: DensityFigure,
): ChartSpec | undefined {
  if (points.length === 0 || points.length + across.length < 2) return undefined;
  const y = { type: "quantitative", ...own };
  const color = seriesColour(rows, [...points, ...across]);
  const panels = grouped(points, ({ problem }) => problem ?? "").map((values) => {
    const [{ problem }] = values as [Summary];
    const beside = across.filter((line) => line.problem === problem);
    return {
      ...(problem !== undefined && { title: { text: problem, fontSize: 12.5, offset: 6 } }),
      width: WIDTH,
      height: problem === undefined ? HEIGHT : PANEL_HEIGHT,
      data: { values: sideBySide(values) },
      encoding: { color },
      layer: [...acrossLines(beside, y), ...pointsWithBars(densityAxis(densitiesOf(values)), y)],
    };
  });
  const isWhole = points.every(({ problem }) => problem === undefined);
  return { ...titled(text, what, shared), ...(isWhole ? panels[0] : { vconcat: panels }) } as ChartSpec;
}

/** Points joined by lines from density to density, with error bars from `low` to `high`. */
function pointsWithBars(x: object, y: object): object[] {
  return [
    {
      mark: { type: "rule", strokeWidth: 1.5, opacity: 0.75 },
      encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
    },
    {
      mark: { type: "line", point: { size: 40, filled: true } },
      encoding: { x, y: { ...y, field: "mean" } },
    },
  ];
}

/** A dashed line across the figure for each of the values, with its interval as a band. */
function acrossLines(values: readonly object[], y: object): object[] {
  if (values.length === 0) return [];
  const x = { x: { value: 0 }, x2: { value: "width" } };
  return [
    {
      data: { values },
      mark: { type: "rect", opacity: 0.12 },
      encoding: { ...x, y: { ...y, field: "low" }, y2: { field: "high" } },
    },
    {
      data: { values },
      mark: { type: "rule", strokeDash: [6, 4], strokeWidth: 1.75 },
      encoding: { ...x, y: { ...y, field: "mean" } },
    },
  ];
}
