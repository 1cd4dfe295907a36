/** Measures of a mask, for each layer and in total. */
import type { LayerMeasure, MaskMeasures } from "../events.ts";
import { countKept, type Masks } from "../masks/masks.ts";
import { isLoose } from "../network/looseWeights.ts";
import { weightFlows } from "../network/unitFlow.ts";
import { requireFiniteWeights, type Weights } from "../weights/weights.ts";
import { layerEffects } from "./effective.ts";
import { type FanSummary, fanIn, fanOut, summariseFan } from "./fan.ts";
import { type KeptGraph, keptGraph } from "./keptKernels.ts";
import { countPaths } from "./pathCount.ts";
import { type PathKernelTrace, widePathKernelTrace } from "./pathKernelTrace.ts";
import { widePathSums } from "./pathSums.ts";
import { log10Of, numberOf, ratioOfWide, type Wide, wide } from "./wide.ts";
import { layerWidth } from "./width.ts";

/** Groups of measures that an analysis can omit, the slowest first. Omitted fields are absent. */
export const SEPARATE_MEASURES = ["trace", "path-sum", "path-count", "fans"] as const;
export type SeparateMeasure = (typeof SEPARATE_MEASURES)[number];

/** Measures of one layer; fractions are 0 … 1. */
export interface LayerAnalysis extends LayerMeasure {
  /** Kept fraction. */
  readonly density: number;
  /** Kept fraction, ineffective weights excluded. */
  readonly effectiveDensity: number;
  /** Kept weights on no path from input to output. */
  readonly ineffectiveCount: number;
  /** Output units; those with no incoming kept weight; those on no path (including dead ones). */
  readonly unitCount: number;
  readonly deadUnitCount: number;
  readonly ineffectiveUnitCount: number;
  /** True if no path leads through the layer. */
  readonly collapsed: boolean;
  /** `fans`: kept weights that enter an output unit, and that leave an input unit. */
  readonly fanIn?: FanSummary;
  readonly fanOut?: FanSummary;
  /** `path-count`: natural logarithm of the number of paths through the layer. */
  readonly logPathCount?: number;
  /**
   * `trace`: the layer's part of the path kernel trace; the same per kept weight; the same relative to the dense
   * layer.
   */
  readonly pathKernelTrace?: number;
  readonly tracePerWeight?: number;
  readonly relativeTrace?: number;
  /** `trace`: log10 of these three. */
  readonly log10?: Readonly<Record<"pathKernelTrace" | "tracePerWeight" | "relativeTrace", number>>;
}

/** Measures that are sums over paths, or derived from them. */
export type PathMeasure =
  | "pathKernelTrace"
  | "relativeTrace"
  | "tracePerWeight"
  | "squaredPathSum"
  | "relativeSquaredPathSum"
  | "pathSum"
  | "relativePathSum";

export interface Analysis extends Partial<MaskMeasures> {
  readonly layers: readonly LayerAnalysis[];
  readonly keptCount: number;
  /** Number of prunable weights. */
  readonly count: number;
  readonly density: number;
  readonly effectiveDensity: number;
  readonly meanWidth: number;
  readonly minWidth: number;
  /** Output units of all layers. */
  readonly unitCount: number;
  readonly deadUnitCount: number;
  readonly ineffectiveUnitCount: number;
  readonly ineffectiveCount: number;
  /** Names of the layers that no path leads through. With shortcuts the network may still be connected. */
  readonly collapsedLayers: readonly string[];
  /** `trace`: path kernel trace per kept weight. */
  readonly tracePerWeight?: number;
  /** `trace`: Σ_paths π², π the product of the weights on a path; and its ratio to the dense network's. */
  readonly squaredPathSum?: number;
  readonly relativeSquaredPathSum?: number;
  /** `path-sum`: Σ_paths |π|; and its ratio to the dense network's. */
  readonly pathSum?: number;
  readonly relativePathSum?: number;
  /**
   * log10 of the sums over paths and of their ratios; −Infinity for 0. In deep networks a sum may leave the range of
   * float64: the fields above are then 0 or Infinity, and these are still right.
   */
  readonly log10: Readonly<Partial<Record<PathMeasure, number>>>;
}

export interface AnalyseOptions {
  /** The dense network's trace, if already known; it takes half or more of the time of an analysis. */
  readonly denseTrace?: PathKernelTrace<Wide> | undefined;
  /** Measures to omit. */
  readonly without?: readonly SeparateMeasure[] | undefined;
}

/**
 * Computes all measures. Takes about as long as four images through the network in one thread; the trace takes most
 * of it.
 * @param weights the weights the mask was made for, at initialisation
 * @throws ArgumentError for a parameter that is not finite
 */
export function analyse(weights: Weights, masks: Masks, options: AnalyseOptions = {}): Analysis {
  const { network } = masks;
  requireFiniteWeights(network, weights);
  const wanted = (measure: SeparateMeasure) => !options.without?.includes(measure);
  const graph = keptGraph(masks);
  const paths = wanted("path-count") ? countPaths(graph) : undefined;
  const trace = wanted("trace") ? widePathKernelTrace(network, weights, masks) : undefined;
  const denseTrace = trace && (options.denseTrace ?? widePathKernelTrace(network, weights));
  const structure = layerStructures(graph, wanted("fans"));
  const layers = structure.map(
    (layer, l): LayerAnalysis => ({
      ...layer,
      ...(paths && { logPathCount: paths.logLayerPathCounts[l]! }),
      ...(trace &&
        numbersAndLogs({
          pathKernelTrace: trace.layers[l]!,
          tracePerWeight: ratioOfWide(trace.layers[l]!, wide(layer.keptCount)),
          relativeTrace: ratioOfWide(trace.layers[l]!, denseTrace!.layers[l]!),
        })),
    }),
  );
  const totals = totalsOf(layers, network.prunableCount);
  const sums = {
    ...(trace && {
      pathKernelTrace: trace.total,
      tracePerWeight: ratioOfWide(trace.total, wide(totals.keptCount)),
      relativeTrace: ratioOfWide(trace.total, denseTrace!.total),
      squaredPathSum: trace.squaredPathSum,
      relativeSquaredPathSum: ratioOfWide(trace.squaredPathSum, denseTrace!.squaredPathSum),
    }),
    ...(wanted("path-sum") && pathSumOf(weights, masks)),
  };
  return {
    layers,
    ...totals,
    ...(paths && { logPathCount: paths.logPathCount }),
    ...numbersAndLogs(sums),
  };
}

/** The measures that a run's events contain; see {@link analyse}. */
export function measures(
  weights: Weights,
  masks: Masks,
  options: Pick<AnalyseOptions, "denseTrace"> = {},
): MaskMeasures {
  const all = analyse(weights, masks, { ...options, without: ["path-sum", "fans"] });
  return {
    pathKernelTrace: all.pathKernelTrace!,
    relativeTrace: all.relativeTrace!,
    meanWidth: all.meanWidth,
    minWidth: all.minWidth,
    deadUnitCount: all.deadUnitCount,
    ineffectiveCount: all.ineffectiveCount,
    logPathCount: all.logPathCount!,
    ...traceLogs(all),
  };
}

/** log10 of the trace and of its ratio to the dense one; each only if float64 does not hold the number itself. */
export function traceLogs({
  pathKernelTrace,
  relativeTrace,
  log10,
}: Pick<Analysis, "pathKernelTrace" | "relativeTrace" | "log10">): Pick<
  MaskMeasures,
  "log10Trace" | "log10RelativeTrace"
> {
  const lost = (value?: number, log?: number) => Number.isFinite(log) && !(value! > 0 && value! < Infinity);
  return {
    ...(lost(pathKernelTrace, log10.pathKernelTrace) && { log10Trace: log10.pathKernelTrace! }),
    ...(lost(relativeTrace, log10.relativeTrace) && { log10RelativeTrace: log10.relativeTrace! }),
  };
}

/**
 * Kept weights and width of each layer, in the order of `network.prunable`. Takes a few milliseconds: no path sums.
 */
export function layerMeasures(masks: Masks): readonly LayerMeasure[] {
  const { network } = masks;
  // of weights whose units are not known, the first axis
  const layers = isLoose(network)
    ? network.prunable.map((parameter) => ({ parameter, outCount: parameter.shape[0]! }))
    : weightFlows(network);
  return layers.map(({ parameter, outCount }) => {
    const { name, shape, length: count } = parameter;
    const mask = masks.of(parameter);
    return { name, shape, keptCount: countKept(mask), count, width: layerWidth(mask, outCount).width };
  });
}

function layerStructures(graph: KeptGraph, fans: boolean): LayerAnalysis[] {
  const { masks } = graph;
  const effects = layerEffects(graph);
  return layerMeasures(masks).map((measure, l) => {
    const kernels = graph.layers[l]!;
    const { parameter, outCount } = kernels.flow;
    const { unitCount, deadUnitCount } = layerWidth(masks.of(parameter), outCount);
    const { effectiveCount, ineffectiveCount, ineffectiveUnitCount } = effects[l]!;
    return {
      ...measure,
      density: measure.keptCount / measure.count,
      effectiveDensity: effectiveCount / measure.count,
      ineffectiveCount,
      unitCount,
      deadUnitCount,
      ineffectiveUnitCount,
      collapsed: effectiveCount === 0,
      ...(fans && { fanIn: summariseFan(fanIn(kernels)), fanOut: summariseFan(fanOut(kernels)) }),
    };
  });
}

function totalsOf(layers: readonly LayerAnalysis[], count: number) {
  const sum = (measure: (layer: LayerAnalysis) => number) =>
    layers.reduce((total, layer) => total + measure(layer), 0);
  const keptCount = sum((layer) => layer.keptCount);
  const ineffectiveCount = sum((layer) => layer.ineffectiveCount);
  return {
    keptCount,
    count,
    density: keptCount / count,
    effectiveDensity: (keptCount - ineffectiveCount) / count,
    ineffectiveCount,
    unitCount: sum((layer) => layer.unitCount),
    deadUnitCount: sum((layer) => layer.deadUnitCount),
    ineffectiveUnitCount: sum((layer) => layer.ineffectiveUnitCount),
    collapsedLayers: layers.filter((layer) => layer.collapsed).map((layer) => layer.name),
    meanWidth: sum((layer) => layer.width) / layers.length,
    minWidth: Math.min(...layers.map((layer) => layer.width)),
  };
}

function pathSumOf(weights: Weights, masks: Masks) {
  const pathSum = widePathSums(masks.network, weights, { power: 1, masks });
  const densePathSum = widePathSums(masks.network, weights, { power: 1 });
  return { pathSum, relativePathSum: ratioOfWide(pathSum, densePathSum) };
}

/** Each sum as the nearest float64, and all their logarithms under `log10`. */
function numbersAndLogs<Sums extends Partial<Record<PathMeasure, Wide>>>(
  sums: Sums,
): { [K in keyof Sums]: number } & { readonly log10: { [K in keyof Sums]: number } } {
  const each = (of: (sum: Wide) => number) =>
    Object.fromEntries(Object.entries<Wide>(sums).map(([key, sum]) => [key, of(sum)])) as {
      [K in keyof Sums]: number;
    };
  return { ...each(numberOf), log10: each(log10Of) };
}
