/** `phew analyze`: is this mask any good? */
import { type Analysis, analyse, Masks } from "@phew/core";
import { formatAccuracy, formatCount, formatMeasure, formatPercent, formatTable } from "@phew/runs";
import { loadMaskedModel } from "../maskedModel.ts";
import type { ModelOptions } from "../model.ts";
import { printJson, printLines, printText } from "../output.ts";

interface AnalyzeOptions extends ModelOptions {
  readonly masks?: string;
  readonly json?: boolean;
}

export async function analyze(model: string | undefined, options: AnalyzeOptions): Promise<void> {
  const { loaded, file } = await loadMaskedModel(model, options);
  const masks = file?.masks ?? Masks.dense(loaded.network);
  const analysis = analyse(loaded.weights, masks);
  const metadata = file?.metadata ?? {};
  if (options.json) {
    printJson({
      model: loaded.network.name,
      weights: loaded.origin,
      notes: loaded.notes,
      masks: metadata,
      ...analysis,
    });
    return;
  }
  printLines(
    `${loaded.network.name}, weights ${loaded.origin}${metadata.method ? `, masks by ${metadata.method} with seed ${metadata.seed}` : ""}`,
  );
  printText(layers(analysis));
  printText(`\n${totals(analysis)}`);
}

function layers(analysis: Analysis): string {
  const columns = [
    { key: "layer", title: "layer" },
    { key: "kept", title: "kept", format: formatCount },
    { key: "density", title: "density", format: formatAccuracy },
    { key: "bar", title: "" },
    { key: "width", title: "width", format: formatAccuracy },
    { key: "dead", title: "dead units", format: formatCount },
    { key: "ineffective", title: "ineffective", format: formatCount },
    { key: "fanIn", title: "fan-in", format: (mean: number) => mean.toFixed(1) },
    { key: "fanOut", title: "fan-out", format: (mean: number) => mean.toFixed(1) },
    { key: "trace", title: "trace", format: formatMeasure },
  ];
  const rows = analysis.layers.map((layer) => ({
    layer: layer.name,
    kept: layer.keptCount,
    density: layer.density,
    bar: bar(layer.density),
    width: layer.width,
    dead: layer.deadUnitCount,
    ineffective: layer.ineffectiveCount,
    fanIn: layer.fanIn.mean,
    fanOut: layer.fanOut.mean,
    trace: layer.pathKernelTrace,
  }));
  return formatTable(columns, rows, "text");
}

const BAR_WIDTH = 20;
const EIGHTHS = " ▏▎▍▌▋▊▉";

function bar(fraction: number): string {
  const eighths = Math.round(fraction * BAR_WIDTH * 8);
  return `${"█".repeat(Math.floor(eighths / 8))}${eighths % 8 === 0 ? "" : EIGHTHS[eighths % 8]}`;
}

function totals(analysis: Analysis): string {
  const columns = [
    { key: "measure", title: "measure" },
    { key: "value", title: "value" },
  ];
  const rows = [
    {
      measure: "density",
      value: `${formatPercent(analysis.density)} (${formatCount(analysis.keptCount)} of ${formatCount(analysis.count)})`,
    },
    { measure: "effective density", value: formatPercent(analysis.effectiveDensity) },
    {
      measure: "mean width, least width",
      value: `${formatAccuracy(analysis.meanWidth)}, ${formatAccuracy(analysis.minWidth)}`,
    },
    {
      measure: "dead units",
      value: `${formatCount(analysis.deadUnitCount)} of ${formatCount(analysis.unitCount)}`,
    },
    { measure: "ineffective weights", value: formatCount(analysis.ineffectiveCount) },
    { measure: "paths", value: `e^${analysis.logPathCount.toFixed(1)}` },
    {
      measure: "path kernel trace",
      value: `${formatMeasure(analysis.pathKernelTrace)} (${formatMeasure(analysis.relativeTrace)} of the dense network's)`,
    },
  ];
  return formatTable(columns, rows, "text");
}
