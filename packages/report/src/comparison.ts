/** Masks of many methods side by side: one row each, and their means over seeds. */
import { formatMeasure, formatPercent, type MaskMeasures } from "@phew/core/messages";
import type { Report } from "./report.ts";
import type { Row } from "./table.ts";

/** One mask among those compared. Fractions are 0 … 1. */
export interface ComparedMask extends MaskMeasures {
  /** Name of the mask: the method with its options, and the check applied to it. */
  readonly method: string;
  readonly requestedDensity: number;
  readonly seed: number;
  /** Reached. */
  readonly density: number;
  readonly effectiveDensity: number;
  readonly collapsedCount: number;
  readonly walkCount?: number;
  /** Faults of the mask; empty if it has none. */
  readonly warnings: readonly string[];
  readonly elapsedMs: number;
  readonly layers: readonly ComparedLayer[];
}

export interface ComparedLayer {
  readonly name: string;
  readonly density: number;
  readonly width: number;
}

/** Mean and standard deviation (n − 1; 0 for one value) over seeds. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** The masks of one method at one density. */
export interface ComparedGroup {
  readonly method: string;
  readonly requestedDensity: number;
  readonly seedCount: number;
  readonly density: Spread;
  readonly effectiveDensity: Spread;
  /** log10 of the trace relative to the dense network's, over the masks that have a path; absent if none has. */
  readonly logRelativeTrace?: Spread;
  /** Masks through which no path leads. */
  readonly disconnectedCount: number;
  readonly meanWidth: Spread;
  readonly minWidth: Spread;
  readonly ineffectiveShare: Spread;
  readonly collapsedCount: Spread;
  readonly elapsedMs: Spread;
  /** Mean density of each layer. */
  readonly layers: readonly ComparedLayer[];
}

/** Groups in the order in which methods and densities first appear, densities outermost. */
export function groupMasks(masks: readonly ComparedMask[]): ComparedGroup[] {
  const methods = [...new Set(masks.map(({ method }) => method))];
  const densities = [...new Set(masks.map(({ requestedDensity }) => requestedDensity))];
  return densities.flatMap((density) =>
    methods.flatMap((method) => {
      const own = masks.filter((mask) => mask.method === method && mask.requestedDensity === density);
      return own.length === 0 ? [] : [groupOf(own)];
    }),
  );
}

function groupOf(masks: readonly ComparedMask[]): ComparedGroup {
  const [{ method, requestedDensity, layers }] = masks as readonly [ComparedMask];
  const over = (measure: (mask: ComparedMask) => number) => spread(masks.map(measure));
  const logs = masks
    .map(({ relativeTrace, log10RelativeTrace }) => log10RelativeTrace ?? Math.log10(relativeTrace))
    .filter((log) => log > Number.NEGATIVE_INFINITY);
  return {
    method,
    requestedDensity,
    seedCount: masks.length,
    density: over((mask) => mask.density),
    effectiveDensity: over((mask) => mask.effectiveDensity),
    ...(logs.length > 0 && { logRelativeTrace: spread(logs) }),
    disconnectedCount: masks.length - logs.length,
    meanWidth: over((mask) => mask.meanWidth),
    minWidth: over((mask) => mask.minWidth),
    ineffectiveShare: over((mask) => 1 - mask.effectiveDensity / mask.density),
    collapsedCount: over((mask) => mask.collapsedCount),
    elapsedMs: over((mask) => mask.elapsedMs),
    layers: layers.map(({ name }, l) => ({
      name,
      density: over((mask) => mask.layers[l]!.density).mean,
      width: over((mask) => mask.layers[l]!.width).mean,
    })),
  };
}

function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/**
 * A row for each method and density: geometric mean of the trace with the factor of one deviation, mean width ± its
 * deviation, means of the rest. A column counts masks without any path, if there are any.
 */
export function comparisonTable(groups: readonly ComparedGroup[]): Report {
  const percent = (fraction: number) => (100 * fraction).toFixed(1);
  const cut = groups.some((group) => group.disconnectedCount > 0);
  return {
    columns: [
      { key: "requested_density", title: "density", format: (d) => formatPercent(d) },
      { key: "method", title: "method" },
      { key: "trace", title: "trace / dense" },
      { key: "width", title: "width %" },
      { key: "least", title: "least %", format: percent },
      { key: "ineffective", title: "ineff. %", format: (share) => (100 * share).toFixed(2) },
      { key: "collapsed", title: "coll.", format: (n) => (Number.isInteger(n) ? `${n}` : n.toFixed(1)) },
      ...(cut ? [{ key: "cut", title: "no path" }] : []),
    ],
    rows: groups.map((group) => ({
      requested_density: group.requestedDensity,
      method: group.method,
      trace: traceCell(group),
      width: `${percent(group.meanWidth.mean)} ± ${percent(group.meanWidth.deviation)}`,
      least: group.minWidth.mean,
      ineffective: group.ineffectiveShare.mean,
      collapsed: group.collapsedCount.mean,
      ...(cut && { cut: `${group.disconnectedCount} of ${group.seedCount}` }),
    })),
  };
}

function traceCell({ logRelativeTrace: trace, seedCount }: ComparedGroup): string {
  if (trace === undefined) return "0";
  const mean = formatMeasure(10 ** trace.mean, 3, trace.mean);
  return seedCount === 1 ? mean : `${mean} ×÷${(10 ** trace.deviation).toPrecision(3)}`;
}

/** The number; in words if float64 does not hold it. */
const ofAnySize = (value: number, log10: number | undefined) =>
  log10 === undefined ? value : formatMeasure(value, 3, log10);

/** A row for each mask: every measure as it is, for other programs. */
export function maskRows(masks: readonly ComparedMask[]): Report {
  const keys = [
    ["method", (mask) => mask.method],
    ["requested_density", (mask) => mask.requestedDensity],
    ["seed", (mask) => mask.seed],
    ["density", (mask) => mask.density],
    ["effective_density", (mask) => mask.effectiveDensity],
    ["path_kernel_trace", (mask) => ofAnySize(mask.pathKernelTrace, mask.log10Trace)],
    ["relative_trace", (mask) => ofAnySize(mask.relativeTrace, mask.log10RelativeTrace)],
    ["mean_width", (mask) => mask.meanWidth],
    ["min_width", (mask) => mask.minWidth],
    ["dead_units", (mask) => mask.deadUnitCount],
    ["ineffective_weights", (mask) => mask.ineffectiveCount],
    ["collapsed_layers", (mask) => mask.collapsedCount],
    ["log_path_count", (mask) => mask.logPathCount],
    ["walks", (mask) => mask.walkCount],
    ["pruning_ms", (mask) => mask.elapsedMs],
  ] as const satisfies readonly (readonly [string, (mask: ComparedMask) => Row[string]])[];
  return {
    columns: keys.map(([key]) => ({ key, title: key.replaceAll("_", " ") })),
    rows: masks.map((mask) => Object.fromEntries(keys.map(([key, value]) => [key, value(mask)]))),
  };
}
