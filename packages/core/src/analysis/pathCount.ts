/**
 * Number of paths: distinct sequences of kept weights from an input unit to an output unit, including identity
 * shortcuts (a shortcut adds no weight to the sequence).
 *   before[o] = Σ_i kept(i → o) · before[i],  1 at input units;   after likewise from the output;
 *   paths = Σ before over output units;   paths through a layer = Σ_{i,o} before[i] · kept(i → o) · after[o].
 * ResNet-152 has more paths than float64 can hold, so the counts of each value have a common factor 2^exponent. A
 * count below 2^-1074 of the greatest one of the same value is lost.
 */
import { unitCounts } from "../network/unitFlow.ts";
import { forEachRow } from "./effective.ts";
import type { KeptGraph } from "./keptKernels.ts";

/** Counts of a node's units: value · 2^exponent; the exponent is −∞ where all are 0. */
export interface ScaledCounts {
  value: Float64Array;
  exponent: number;
}

export interface PathCount {
  /** Natural logarithm of the number of paths; −∞ if there is none. */
  readonly logPathCount: number;
  /** The same for the paths through each layer, in the order of `network.prunable`. */
  readonly logLayerPathCounts: readonly number[];
}

/** Units that no path may pass, by the index of their layer's node: 1 for such a unit. */
export type RemovedUnits = ReadonlyMap<number, Uint8Array>;

/** Paths that begin at an input and end at each unit of each node, and those from there to an output. */
export interface PathsAtUnits {
  readonly before: readonly ScaledCounts[];
  readonly after: readonly ScaledCounts[];
}

/** O(kernels). @param removed of layers with weights */
export function pathsAtUnits(graph: KeptGraph, removed: RemovedUnits): PathsAtUnits {
  return { before: countsBefore(graph, removed), after: countsAfter(graph, removed) };
}

/** O(kernels). */
export function countPaths(graph: KeptGraph): PathCount {
  const before = countsBefore(graph);
  const after = countsAfter(graph);
  const logLayerPathCounts = graph.layers.map(({ flow }) => {
    // weights that layers share have the paths through all of them
    const logs = flow.parameter.nodes.map((node) => logThrough(graph.kernelsOf.get(node)!, before, after));
    return logs.length === 1 ? logs[0]! : logSum(logs);
  });
  const { value, exponent } = before[graph.masks.network.output]!;
  return {
    logPathCount: logOf(
      value.reduce((sum, count) => sum + count, 0),
      exponent,
    ),
    logLayerPathCounts,
  };
}

function logThrough(
  { flow, counts }: KeptGraph["layers"][number],
  before: readonly ScaledCounts[],
  after: readonly ScaledCounts[],
): number {
  const from = before[flow.from]!;
  const to = after[flow.node]!;
  let sum = 0;
  forEachRow(flow, (o, firstInput, firstKernel, length) => {
    let row = 0;
    for (let i = 0; i < length; i++) row += from.value[firstInput + i]! * counts[firstKernel + i]!;
    sum += row * to.value[o]!;
  });
  return logOf(sum, from.exponent + to.exponent);
}

/** log Σ exp. */
function logSum(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return Number.isFinite(most)
    ? most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0))
    : most;
}

/** Natural logarithm of value · 2^exponent. */
export const logOf = (value: number, exponent: number) => Math.log(value) + exponent * Math.LN2;

const NONE: RemovedUnits = new Map();

function countsBefore(
  { masks: { network }, flows, kernelsOf }: KeptGraph,
  removed: RemovedUnits = NONE,
): readonly ScaledCounts[] {
  const before = blankCounts(unitCounts(network));
  for (const input of network.inputs) before[input] = { value: before[input]!.value.fill(1), exponent: 0 };
  for (const [index, flow] of flows.entries()) {
    const here = before[index]!;
    if (flow.kind === "weights") {
      const { counts } = kernelsOf.get(index)!;
      const from = before[flow.from]!;
      here.exponent = from.exponent;
      forEachRow(flow, (o, firstInput, firstKernel, length) => {
        let sum = 0;
        for (let i = 0; i < length; i++) sum += from.value[firstInput + i]! * counts[firstKernel + i]!;
        here.value[o] = sum;
      });
      silence(here, removed.get(index));
    } else if (flow.kind === "maps") {
      for (const { from, fromStart, count, toStart, spread } of flow.maps) {
        const factor = alignTo(here, before[from]!.exponent);
        for (let i = 0; i < count; i++) {
          const share = before[from]!.value[fromStart + i]! * factor;
          for (let k = 0; k < spread; k++) here.value[toStart + i * spread + k]! += share;
        }
      }
    }
    rescale(here);
  }
  return before;
}

function silence({ value }: ScaledCounts, removed: Uint8Array | undefined): void {
  removed?.forEach((isRemoved, u) => {
    if (isRemoved === 1) value[u] = 0;
  });
}

function countsAfter(
  { masks: { network }, flows, kernelsOf }: KeptGraph,
  removed: RemovedUnits = NONE,
): readonly ScaledCounts[] {
  const after = blankCounts(unitCounts(network));
  after[network.output] = { value: after[network.output]!.value.fill(1), exponent: 0 };
  for (let index = flows.length - 1; index >= 0; index--) {
    const flow = flows[index]!;
    const here = after[index]!;
    silence(here, removed.get(index));
    rescale(here);
    if (flow.kind === "weights") {
      const { counts } = kernelsOf.get(index)!;
      const from = after[flow.from]!;
      const factor = alignTo(from, here.exponent);
      forEachRow(flow, (o, firstInput, firstKernel, length) => {
        const share = here.value[o]! * factor;
        if (share === 0) return;
        for (let i = 0; i < length; i++) from.value[firstInput + i]! += share * counts[firstKernel + i]!;
      });
    } else if (flow.kind === "maps") {
      for (const { from, fromStart, count, toStart, spread } of flow.maps) {
        const factor = alignTo(after[from]!, here.exponent);
        for (let i = 0; i < count; i++) {
          let sum = 0;
          for (let k = 0; k < spread; k++) sum += here.value[toStart + i * spread + k]!;
          after[from]!.value[fromStart + i]! += sum * factor;
        }
      }
    }
  }
  return after;
}

const blankCounts = (unitCounts: readonly number[]): ScaledCounts[] =>
  unitCounts.map((count) => ({ value: new Float64Array(count), exponent: Number.NEGATIVE_INFINITY }));

/** Gives `counts` the greater of both exponents. @returns the factor for the values to be added */
function alignTo(counts: ScaledCounts, exponent: number): number {
  if (exponent === Number.NEGATIVE_INFINITY) return 0;
  if (exponent > counts.exponent) {
    const factor = 2 ** (counts.exponent - exponent);
    for (let u = 0; u < counts.value.length; u++) counts.value[u]! *= factor;
    counts.exponent = exponent;
  }
  return 2 ** (exponent - counts.exponent);
}

/** Scales by a power of 2 (exactly) so that the greatest count is from 1 to 2. */
function rescale(counts: ScaledCounts): void {
  const most = counts.value.reduce((greatest, count) => Math.max(greatest, count), 0);
  if (most === 0) {
    counts.exponent = Number.NEGATIVE_INFINITY;
    return;
  }
  const shift = Math.floor(Math.log2(most));
  const factor = 2 ** -shift;
  for (let u = 0; u < counts.value.length; u++) counts.value[u]! *= factor;
  counts.exponent += shift;
}
