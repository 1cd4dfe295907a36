/**
 * Weights and units on a path of kept weights from the network's input to its output. A kept weight on no path is
 * ineffective: without it the network computes the same, biases aside. Identity shortcuts, concat, groups and flatten
 * are part of the graph.
 * Source of the distinction: Vysogorets & Kempe 2021, arXiv:2107.02306 (effective density).
 */
import type { Masks } from "../masks/masks.ts";
import { type UnitFlow, unitCounts } from "../network/unitFlow.ts";
import { type KeptGraph, keptGraph } from "./keptKernels.ts";

/** One array per node of the network, one byte per unit of its value. */
export interface PathReach {
  /** 1: a path from the input reaches the unit. */
  readonly fromInput: readonly Uint8Array[];
  /** 1: a path from the unit reaches the output. */
  readonly toOutput: readonly Uint8Array[];
}

export interface LayerEffect {
  /** Kept weights on a path. */
  readonly effectiveCount: number;
  /** Kept weights on no path. */
  readonly ineffectiveCount: number;
  /** Output units on no path, including dead ones. */
  readonly ineffectiveUnitCount: number;
}

/** O(kernels). */
export function pathReach({ masks: { network }, flows, kernelsOf }: KeptGraph): PathReach {
  const blank = () => unitCounts(network).map((count) => new Uint8Array(count));
  const fromInput = blank();
  for (const input of network.inputs) fromInput[input]!.fill(1);
  for (const [index, flow] of flows.entries()) {
    const reached = fromInput[index]!;
    if (flow.kind === "weights") {
      const { counts } = kernelsOf.get(index)!;
      forEachRow(flow, (o, firstInput, firstKernel, length) => {
        const source = fromInput[flow.from]!;
        for (let i = 0; i < length; i++) {
          if (counts[firstKernel + i] !== 0 && source[firstInput + i] === 1) {
            reached[o] = 1;
            return;
          }
        }
      });
    } else if (flow.kind === "maps") {
      carryReach(flow, fromInput, reached);
    }
  }
  const toOutput = blank();
  toOutput[network.output]!.fill(1);
  for (let index = flows.length - 1; index >= 0; index--) {
    const flow = flows[index]!;
    const reached = toOutput[index]!;
    if (flow.kind === "weights") {
      const { counts } = kernelsOf.get(index)!;
      const source = toOutput[flow.from]!;
      forEachRow(flow, (o, firstInput, firstKernel, length) => {
        if (reached[o] === 0) return;
        for (let i = 0; i < length; i++) if (counts[firstKernel + i] !== 0) source[firstInput + i] = 1;
      });
    } else if (flow.kind === "maps") {
      for (const { from, fromStart, count, toStart, spread } of flow.maps) {
        for (let i = 0; i < count; i++) {
          const start = toStart + i * spread;
          if (reached.subarray(start, start + spread).includes(1)) toOutput[from]![fromStart + i] = 1;
        }
      }
    }
  }
  return { fromInput, toOutput };
}

/** Kept weights on no path of kept weights, in the order of `network.prunable`; none if no path is left at all. O(weights). */
export function ineffectiveWeights(masks: Masks): Uint32Array {
  const graph = keptGraph(masks);
  const reach = pathReach(graph);
  const indices: number[] = [];
  let effective = 0;
  for (const { flow, counts } of graph.layers) {
    const { start } = flow.parameter;
    const isOnPath = pathTest(graph, reach, flow);
    forEachRow(flow, (o, firstInput, firstKernel, length) => {
      for (let i = 0; i < length; i++) {
        if (isOnPath(o, firstInput + i)) effective += counts[firstKernel + i]!;
        else if (counts[firstKernel + i]! > 0) {
          const kernel = start + (firstKernel + i) * flow.kernelSize;
          for (let k = kernel; k < kernel + flow.kernelSize; k++) if (masks.bytes[k] === 1) indices.push(k);
        }
      }
    });
  }
  return Uint32Array.from(effective === 0 ? [] : indices);
}

/** Whether a path leads over a weight from unit i to unit o: in any of the layers that share it. */
function pathTest(
  { kernelsOf }: KeptGraph,
  { fromInput, toOutput }: PathReach,
  { parameter }: KeptGraph["layers"][number]["flow"],
): (o: number, i: number) => boolean {
  const [first, ...others] = parameter.nodes.map((node) => {
    const [source, leaves] = [fromInput[kernelsOf.get(node)!.flow.from]!, toOutput[node]!];
    return (o: number, i: number) => leaves[o] === 1 && source[i] === 1;
  });
  return others.length === 0 ? first! : (o, i) => first!(o, i) || others.some((is) => is(o, i));
}

/** @returns one entry per layer, in the order of `network.prunable` */
export function layerEffects(graph: KeptGraph, reach: PathReach = pathReach(graph)): readonly LayerEffect[] {
  return graph.layers.map(({ flow, counts }) => {
    const isOnPath = pathTest(graph, reach, flow);
    const places = flow.parameter.nodes;
    const isLive = (o: number) =>
      places.some((node) => reach.fromInput[node]![o] === 1 && reach.toOutput[node]![o] === 1);
    let [effectiveCount, ineffectiveCount, ineffectiveUnitCount] = [0, 0, 0];
    forEachRow(flow, (o, firstInput, firstKernel, length) => {
      if (!isLive(o)) ineffectiveUnitCount++;
      for (let i = 0; i < length; i++) {
        if (isOnPath(o, firstInput + i)) effectiveCount += counts[firstKernel + i]!;
        else ineffectiveCount += counts[firstKernel + i]!;
      }
    });
    return { effectiveCount, ineffectiveCount, ineffectiveUnitCount };
  });
}

/** Marks in `reached` the units of a value that come, without weights between, from units marked in `reach`. */
export function carryReach(
  { maps }: Extract<UnitFlow, { kind: "maps" }>,
  reach: readonly Uint8Array[],
  reached: Uint8Array,
): void {
  for (const { from, fromStart, count, toStart, spread } of maps) {
    for (let i = 0; i < count; i++) {
      if (reach[from]![fromStart + i] === 0) continue;
      reached.fill(1, toStart + i * spread, toStart + (i + 1) * spread);
    }
  }
}

/** Calls `visit` for every output unit with the input units and kernels of its group. */
export function forEachRow(
  flow: { readonly outCount: number; readonly inCount: number; readonly groups: number },
  visit: (o: number, firstInput: number, firstKernel: number, length: number) => void,
): void {
  const length = flow.inCount / flow.groups;
  const outPerGroup = flow.outCount / flow.groups;
  for (let o = 0; o < flow.outCount; o++) visit(o, Math.floor(o / outPerGroup) * length, o * length, length);
}
