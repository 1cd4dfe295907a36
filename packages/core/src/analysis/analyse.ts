/** Is this mask any good? All measures of a mask, layer by layer and in all. */
import type { LayerMeasure, MaskMeasures } from "../events.ts";
import { countKept, type Masks } from "../masks/masks.ts";
import { weightFlows } from "../network/unitFlow.ts";
import type { Weights } from "../weights/weights.ts";
import { layerEffects } from "./effective.ts";
import { type FanSummary, fanIn, fanOut, summariseFan } from "./fan.ts";
import { keptGraph } from "./keptKernels.ts";
import { countPaths } from "./pathCount.ts";
import { type PathKernelTrace, pathKernelTrace } from "./pathKernelTrace.ts";
import { layerWidth } from "./width.ts";

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
  /** Kept weights entering an output unit, and leaving an input unit. */
  readonly fanIn: FanSummary;
  readonly fanOut: FanSummary;
  /** Natural logarithm of the number of paths through the layer. */
  readonly logPathCount: number;
  /** Share in the path kernel trace, and that over the layer's share in the dense network. */
  readonly pathKernelTrace: number;
  readonly relativeTrace: number;
}

export interface Analysis extends MaskMeasures {
  readonly layers: readonly LayerAnalysis[];
  readonly keptCount: number;
  /** Number of prunable weights. */
  readonly count: number;
  readonly density: number;
  readonly effectiveDensity: number;
  /** Output units of all layers. */
  readonly unitCount: number;
  readonly ineffectiveUnitCount: number;
}

export interface AnalyseOptions {
  /** The dense network's trace, where it is known already: half of the time of an analysis, and more at low density. */
  readonly denseTrace?: PathKernelTrace;
}

/**
 * All measures; about as long as three images through the network take, in one thread, most of it for the trace.
 * @param weights the weights the mask was made for, at initialisation
 */
export function analyse(weights: Weights, masks: Masks, options: AnalyseOptions = {}): Analysis {
  const { network } = masks;
  const graph = keptGraph(masks);
  const effects = layerEffects(graph);
  const paths = countPaths(graph);
  const trace = pathKernelTrace(network, weights, masks);
  const dense = options.denseTrace ?? pathKernelTrace(network, weights);
  const layers = layerMeasures(masks).map((measure, l): LayerAnalysis => {
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
      fanIn: summariseFan(fanIn(kernels)),
      fanOut: summariseFan(fanOut(kernels)),
      logPathCount: paths.logLayerPathCounts[l]!,
      pathKernelTrace: trace.layers[l]!,
      relativeTrace: ratio(trace.layers[l]!, dense.layers[l]!),
    };
  });
  const sum = (measure: (layer: LayerAnalysis) => number) =>
    layers.reduce((total, layer) => total + measure(layer), 0);
  const keptCount = sum((layer) => layer.keptCount);
  const ineffectiveCount = sum((layer) => layer.ineffectiveCount);
  return {
    layers,
    keptCount,
    count: network.prunableCount,
    density: keptCount / network.prunableCount,
    effectiveDensity: (keptCount - ineffectiveCount) / network.prunableCount,
    ineffectiveCount,
    unitCount: sum((layer) => layer.unitCount),
    deadUnitCount: sum((layer) => layer.deadUnitCount),
    ineffectiveUnitCount: sum((layer) => layer.ineffectiveUnitCount),
    meanWidth: sum((layer) => layer.width) / layers.length,
    minWidth: Math.min(...layers.map((layer) => layer.width)),
    logPathCount: paths.logPathCount,
    pathKernelTrace: trace.total,
    relativeTrace: ratio(trace.total, dense.total),
  };
}

/** The measures that stand in a run's events; see {@link analyse}. */
export function measures(weights: Weights, masks: Masks, options: AnalyseOptions = {}): MaskMeasures {
  const all = analyse(weights, masks, options);
  return {
    pathKernelTrace: all.pathKernelTrace,
    relativeTrace: all.relativeTrace,
    meanWidth: all.meanWidth,
    minWidth: all.minWidth,
    deadUnitCount: all.deadUnitCount,
    ineffectiveCount: all.ineffectiveCount,
    logPathCount: all.logPathCount,
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

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
