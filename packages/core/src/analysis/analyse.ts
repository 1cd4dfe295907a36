/** Is this mask any good? All measures of a mask, layer by layer and in all. */
import type { LayerMeasure, MaskMeasures } from "../events.ts";
import { countKept, type Masks } from "../masks/masks.ts";
import { weightFlows } from "../network/unitFlow.ts";
import { requireFiniteWeights, type Weights } from "../weights/weights.ts";
import { layerEffects } from "./effective.ts";
import { type FanSummary, fanIn, fanOut, summariseFan } from "./fan.ts";
import { type KeptGraph, keptGraph } from "./keptKernels.ts";
import { countPaths } from "./pathCount.ts";
import { type PathKernelTrace, pathKernelTrace } from "./pathKernelTrace.ts";
import { pathSums } from "./pathSums.ts";
import { layerWidth } from "./width.ts";

/** What can be left out of an analysis, the dearest first: its fields are then absent. */
export const SEPARATE_MEASURES = ["trace", "path-sum", "path-count", "fans"] as const;
export type SeparateMeasure = (typeof SEPARATE_MEASURES)[number];

/** Measures of one layer; fractions are 0 … 1. */
export interface LayerAnalysis extends LayerMeasure {
  /** Kept fraction. */
  readonly density: number;
  /** Kept fraction, weights on no path not counted. */
  readonly effectiveDensity: number;
  /** Kept weights on no path from input to output. */
  readonly ineffectiveCount: number;
  /** Output units; those that no kept weight enters; those on no path (dead ones among them). */
  readonly unitCount: number;
  readonly deadUnitCount: number;
  readonly ineffectiveUnitCount: number;
  /** True where no path leads through the layer. */
  readonly collapsed: boolean;
  /** `fans`: kept weights entering an output unit, and leaving an input unit. */
  readonly fanIn?: FanSummary;
  readonly fanOut?: FanSummary;
  /** `path-count`: natural logarithm of the number of paths through the layer. */
  readonly logPathCount?: number;
  /** `trace`: what the layer adds to the path kernel trace, that a kept weight, and that over the dense layer's. */
  readonly pathKernelTrace?: number;
  readonly tracePerWeight?: number;
  readonly relativeTrace?: number;
}

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
  /** Names of the layers that no path leads through. A shortcut may be among them and the network still connected. */
  readonly collapsedLayers: readonly string[];
  /** `trace`: path kernel trace a kept weight. */
  readonly tracePerWeight?: number;
  /** `trace`: Σ_paths π², π the product of the weights on a path, and that over the dense network's. */
  readonly squaredPathSum?: number;
  readonly relativeSquaredPathSum?: number;
  /** `path-sum`: Σ_paths |π|, and that over the dense network's. */
  readonly pathSum?: number;
  readonly relativePathSum?: number;
}

export interface AnalyseOptions {
  /** The dense network's trace, where it is known already: half of the time of an analysis, and more at low density. */
  readonly denseTrace?: PathKernelTrace;
  /** The dense network's Σ |π|, where it is known already. */
  readonly densePathSum?: number;
  /** Measures not wanted. */
  readonly without?: readonly SeparateMeasure[];
}

/**
 * All measures; about as long as four images through the network take, in one thread, most of it for the trace.
 * @param weights the weights the mask was made for, at initialisation
 * @throws ArgumentError for a parameter that is not finite
 */
export function analyse(weights: Weights, masks: Masks, options: AnalyseOptions = {}): Analysis {
  const { network } = masks;
  requireFiniteWeights(network, weights);
  const wanted = (measure: SeparateMeasure) => !options.without?.includes(measure);
  const graph = keptGraph(masks);
  const paths = wanted("path-count") ? countPaths(graph) : undefined;
  const trace = wanted("trace") ? pathKernelTrace(network, weights, masks) : undefined;
  const denseTrace = trace && (options.denseTrace ?? pathKernelTrace(network, weights));
  const structure = layerStructures(graph, wanted("fans"));
  const layers = structure.map(
    (layer, l): LayerAnalysis => ({
      ...layer,
      ...(paths && { logPathCount: paths.logLayerPathCounts[l]! }),
      ...(trace && {
        pathKernelTrace: trace.layers[l]!,
        tracePerWeight: ratio(trace.layers[l]!, layer.keptCount),
        relativeTrace: ratio(trace.layers[l]!, denseTrace!.layers[l]!),
      }),
    }),
  );
  const totals = totalsOf(layers, network.prunableCount);
  return {
    layers,
    ...totals,
    ...(paths && { logPathCount: paths.logPathCount }),
    ...(trace && {
      pathKernelTrace: trace.total,
      tracePerWeight: ratio(trace.total, totals.keptCount),
      relativeTrace: ratio(trace.total, denseTrace!.total),
      squaredPathSum: trace.squaredPathSum,
      relativeSquaredPathSum: ratio(trace.squaredPathSum, denseTrace!.squaredPathSum),
    }),
    ...(wanted("path-sum") && pathSumOf(weights, masks, options.densePathSum)),
  };
}

/** The measures that stand in a run's events; see {@link analyse}. */
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
  };
}

/** Kept weights and width of each layer, in the order of `network.prunable`: a few milliseconds, no path sums. */
export function layerMeasures(masks: Masks): readonly LayerMeasure[] {
  return weightFlows(masks.network).map(({ parameter, outCount }) => {
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

function pathSumOf(weights: Weights, masks: Masks, dense: number | undefined) {
  const pathSum = pathSums(masks.network, weights, { power: 1, masks });
  const densePathSum = dense ?? pathSums(masks.network, weights, { power: 1 });
  return { pathSum, relativePathSum: ratio(pathSum, densePathSum) };
}

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
