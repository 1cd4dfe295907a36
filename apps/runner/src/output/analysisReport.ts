/** An analysis as a person reads it in a terminal of 80 columns or more. */
import type {
  Analysis,
  FanSummary,
  GradientNorms,
  LayerAnalysis,
  MaskOverlap,
  NtkTrace,
  PathMeasure,
  UnitWalks,
} from "@phew/core";
import { type Column, formatTable, type Row } from "@phew/report/table";
import {
  counted,
  formatAccuracy,
  formatCount,
  formatMeasure,
  formatPercent,
  formatShortCount,
} from "@phew/runs";
import { asciiOnly, bar, shortened, sparkline } from "./bars.ts";

export interface ReportStyle {
  /** Columns of the terminal, at least 80. */
  readonly width: number;
  readonly ascii: boolean;
}

const NAME_WIDTH = 20;
const BAR_WIDTH = 8;

const percent = (fraction: number) => (100 * fraction).toFixed(1);
const short = (count: number) => formatShortCount(count);

/** Layer by layer: a bar of the kept fraction, and the measures that show problems of a layer. */
export function layerReport(analysis: Analysis, style: ReportStyle): string {
  // names and bars share the extra width of a wide terminal
  const spare = Math.min(40, style.width - 80);
  const [nameWidth, barWidth] = [NAME_WIDTH + Math.floor(spare / 2), BAR_WIDTH + Math.ceil(spare / 2)];
  const traced = analysis.pathKernelTrace !== undefined;
  const columns: Column[] = [
    { key: "layer", title: "layer" },
    { key: "bar", title: "" },
    { key: "kept", title: "kept %", format: percent },
    { key: "width", title: "width %", format: percent },
    { key: "dead", title: "dead", format: short },
    { key: "ineffective", title: "ineff.", format: short },
    ...(analysis.layers[0]?.fanIn
      ? [{ key: "fanIn", title: "fan-in", format: (n: number) => n.toFixed(1) }]
      : []),
    ...(traced ? [{ key: "trace", title: "trace %", format: percent }] : []),
  ];
  const rows = analysis.layers.map((layer) => ({
    layer: layerName(layer.name, nameWidth, style),
    bar: bar(layer.density, barWidth, style.ascii),
    kept: layer.density,
    width: layer.width,
    dead: layer.deadUnitCount,
    ineffective: layer.ineffectiveCount,
    fanIn: layer.fanIn?.mean,
    trace: shareOfTrace(layer, analysis),
  }));
  return plain(formatTable(columns, rows, "text"), style);
}

/** By logarithms, as the trace may exceed float64; 0 if there is none. */
function shareOfTrace({ log10: own }: LayerAnalysis, { log10: whole }: Analysis): number {
  if (own === undefined || !Number.isFinite(own.pathKernelTrace)) return 0;
  return 10 ** (own.pathKernelTrace - whole.pathKernelTrace!);
}

/** Fan-in and fan-out of each layer: least, mean, most, and how many units have 0, 1, 2–3, 4–7 … kept weights. */
export function fanReport(analysis: Analysis, style: ReportStyle): string {
  const columns: Column[] = [
    { key: "layer", title: "layer" },
    { key: "fanIn", title: "fan-in" },
    { key: "fanInBars", title: "0,1,2-3,4-7…" },
    { key: "fanOut", title: "fan-out" },
    { key: "fanOutBars", title: "0,1,2-3,4-7…" },
  ];
  const range = (fan: FanSummary) => `${fan.least}-${fan.most}, ${fan.mean.toFixed(1)}`;
  const rows = analysis.layers.flatMap(({ name, fanIn, fanOut }): Row[] =>
    fanIn === undefined || fanOut === undefined
      ? []
      : [
          {
            layer: layerName(name, NAME_WIDTH, style),
            fanIn: range(fanIn),
            fanInBars: sparkline(fanIn.histogram, style.ascii),
            fanOut: range(fanOut),
            fanOutBars: sparkline(fanOut.histogram, style.ascii),
          },
        ],
  );
  return plain(formatTable(columns, rows, "text"), style);
}

/** The report on the whole mask. */
export interface Totals {
  readonly analysis: Analysis;
  readonly gradients: GradientNorms | undefined;
  readonly ntk: NtkTrace | undefined;
}

/** The whole mask, a measure a line. */
export function totalReport({ analysis, gradients, ntk }: Totals, style: ReportStyle): string {
  const lines: [string, string][] = [
    [
      "density",
      `${formatPercent(analysis.density)} (${formatCount(analysis.keptCount)} of ${formatCount(analysis.count)})`,
    ],
    ["effective density", formatPercent(analysis.effectiveDensity)],
    [
      "mean width, least width",
      `${formatAccuracy(analysis.meanWidth)}, ${formatAccuracy(analysis.minWidth)}`,
    ],
    ["dead units", `${formatCount(analysis.deadUnitCount)} of ${formatCount(analysis.unitCount)}`],
    ["collapsed layers", collapsed(analysis.collapsedLayers, style.width - 28)],
    ["ineffective weights", formatCount(analysis.ineffectiveCount)],
  ];
  const written = (measure: PathMeasure) => formatMeasure(analysis[measure]!, 3, analysis.log10[measure]);
  const of = (value: PathMeasure, relative: PathMeasure) =>
    `${written(value)} (${written(relative)} of the dense network's)`;
  if (analysis.logPathCount !== undefined) lines.push(["paths", paths(analysis.logPathCount)]);
  if (analysis.pathKernelTrace !== undefined) {
    lines.push(
      ["path kernel trace", of("pathKernelTrace", "relativeTrace")],
      ["trace a kept weight", written("tracePerWeight")],
      ["sum of squared path products", of("squaredPathSum", "relativeSquaredPathSum")],
    );
  }
  if (analysis.pathSum !== undefined) {
    lines.push(["sum of |path products|", of("pathSum", "relativePathSum")]);
  }
  if (gradients !== undefined) {
    lines.push([
      "loss, length of its gradient",
      `${formatMeasure(gradients.loss)}, ${formatMeasure(gradients.norm)}`,
    ]);
  }
  if (ntk !== undefined) {
    const error = ntk.exact ? "" : ` ± ${formatMeasure(ntk.standardError)}`;
    const weightShare =
      ntk.trace === 0 ? "" : ` (${formatPercent(ntk.weightTrace / ntk.trace)} by kept weights)`;
    lines.push(["neural tangent kernel trace", `${formatMeasure(ntk.trace)}${error}${weightShare}`]);
  }
  return plain(pairs(lines), style);
}

/** Walks through the units of each layer, beside W·v / N. */
export function walkReport({ walkCount, layers }: UnitWalks, style: ReportStyle): string {
  const one = (n: number) => n.toFixed(1);
  const columns: Column[] = [
    { key: "layer", title: "layer" },
    { key: "units", title: "units", format: short },
    { key: "expected", title: "W·v/N", format: one },
    { key: "mean", title: "mean", format: one },
    { key: "deviation", title: "sd", format: one },
    { key: "least", title: "least", format: short },
    { key: "most", title: "most", format: short },
    { key: "missed", title: "missed", format: short },
  ];
  const rows = layers.map((layer) => ({
    layer: layerName(layer.name, NAME_WIDTH, style),
    units: layer.unitCount,
    expected: layer.expected,
    mean: layer.mean,
    deviation: layer.standardDeviation,
    least: layer.least,
    most: layer.most,
    missed: layer.missedCount,
  }));
  const head = `walks through a unit (${counted(walkCount, "walk")} counted; v: share that passes the layer)`;
  return plain(`${head}\n${formatTable(columns, rows, "text")}`, style);
}

/** Two masks a line. */
export function overlapReport(
  found: readonly { readonly a: string; readonly b: string; readonly overlap: MaskOverlap }[],
  style: ReportStyle,
): string {
  const columns: Column[] = [
    { key: "a", title: "mask" },
    { key: "b", title: "and" },
    { key: "jaccard", title: "Jaccard", format: (n) => n.toFixed(4) },
    { key: "chance", title: "by chance" },
    { key: "score", title: "deviations", format: (n) => n.toFixed(1) },
  ];
  const width = Math.floor((style.width - 46) / 2);
  const rows = found.map(({ a, b, overlap }) => ({
    a: shortened(a, width, style.ascii),
    b: shortened(b, width, style.ascii),
    jaccard: overlap.jaccard,
    chance: `${overlap.chance.toFixed(4)} ± ${overlap.chanceDeviation.toFixed(4)}`,
    score: overlap.standardScore,
  }));
  return plain(formatTable(columns, rows, "text"), style);
}

/** A row a mask. */
export function maskTable(
  masks: readonly { readonly name: string; readonly analysis: Analysis }[],
  style: ReportStyle,
): string {
  const columns: Column[] = [
    { key: "mask", title: "mask" },
    { key: "density", title: "kept %", format: (n) => (100 * n).toPrecision(3) },
    { key: "effective", title: "effective", format: (n) => (100 * n).toPrecision(3) },
    { key: "width", title: "width", format: percent },
    { key: "least", title: "least", format: percent },
    { key: "ineffective", title: "ineff.", format: short },
    { key: "collapsed", title: "coll.", format: short },
    { key: "trace", title: "trace/dense" },
  ];
  const rows = masks.map(({ name, analysis }) => ({
    mask: shortened(name, style.width - 61, style.ascii),
    density: analysis.density,
    effective: analysis.effectiveDensity,
    width: analysis.meanWidth,
    least: analysis.minWidth,
    ineffective: analysis.ineffectiveCount,
    collapsed: analysis.collapsedLayers.length,
    ...(analysis.relativeTrace !== undefined && {
      trace: formatMeasure(analysis.relativeTrace, 3, analysis.log10.relativeTrace),
    }),
  }));
  return plain(formatTable(columns, rows, "text"), style);
}

/** Two columns: name and value. */
function pairs(lines: readonly (readonly [string, string])[]): string {
  const columns = [
    { key: "measure", title: "measure" },
    { key: "value", title: "value" },
  ];
  return formatTable(
    columns,
    lines.map(([measure, value]) => ({ measure, value })),
    "text",
  );
}

const layerName = (name: string, width: number, { ascii }: ReportStyle) =>
  shortened(name.replace(/\.weight$/, ""), width, ascii);

const paths = (log: number) =>
  log === Number.NEGATIVE_INFINITY ? "none: the output depends on no input" : `e^${log.toFixed(1)}`;

function collapsed(names: readonly LayerAnalysis["name"][], width: number): string {
  if (names.length === 0) return "none";
  const list = names.map((name) => name.replace(/\.weight$/, "")).join(", ");
  const whole = `${names.length}: ${list}`;
  return whole.length <= width ? whole : `${whole.slice(0, width - 1)}…`;
}

const plain = (text: string, { ascii }: ReportStyle) => (ascii ? asciiOnly(text) : text);
