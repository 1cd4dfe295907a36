/**
 * τ-core: hidden units that at least the fraction τ of all paths of kept weights pass, few of them: how narrow is the way through
 * a network? Greedily, as published: the unit that the most paths pass is taken, these paths are removed, and all are counted again,
 *   centrality(u) = paths from the inputs to u · paths from u to the outputs.
 * Units are those of the layers whose value another layer reads: inputs and outputs would be a core of themselves. Of equally
 * central ones the unit of the earlier layer, and in it the lower one, is taken. Paths are counted without their weights, so that
 * a mask alone has a core.
 * @see Sabrin & Dovrolis 2017 (hourglass effect); a diagnostic of Yao & Dovrolis 2025, arXiv:2509.25665 (PWMPR)
 */
import type { Masks } from "../masks/masks.ts";
import type { UnitFlow } from "../network/unitFlow.ts";
import { type KeptGraph, keptGraph } from "./keptKernels.ts";
import { logOf, pathsAtUnits } from "./pathCount.ts";

export interface TauCore {
  /** Number of units in it, and of all that could be. */
  readonly size: number;
  readonly unitCount: number;
  /** In the order in which they were taken: the index of the layer's node, and of its output unit. */
  readonly units: readonly { readonly node: number; readonly unit: number }[];
}

const TAU = 0.9;
/** Kernels times passes that are worth a number: about a second. */
const MOST_WORK = 1e9;
/** A core has mostly less than this part of the units. */
const USUAL_SHARE = 0.25;
/** Of rounding. */
const SLACK = 1e-9;

/**
 * O(kernels · size).
 * @returns undefined where there is no path, where too many pass no hidden unit, or where it would take long
 */
export function tauCore(masks: Masks, tau = TAU): TauCore | undefined {
  const graph = keptGraph(masks);
  const hidden = hiddenLayers(graph);
  const removed = new Map(hidden.map((node) => [node, new Uint8Array(masks.network.nodes[node]!.shape[0]!)]));
  const unitCount = [...removed.values()].reduce((sum, { length }) => sum + length, 0);
  const kernelCount = graph.layers.reduce((sum, { counts }) => sum + counts.length, 0);
  if (unitCount === 0 || 2 * kernelCount * USUAL_SHARE * unitCount > MOST_WORK) return undefined;
  const units: { node: number; unit: number }[] = [];
  let whole: number | undefined;
  for (;;) {
    const { before, after } = pathsAtUnits(graph, removed);
    const { value, exponent } = before[masks.network.output]!;
    const left = logOf(
      value.reduce((sum, count) => sum + count, 0),
      exponent,
    );
    if (whole === undefined && left === Number.NEGATIVE_INFINITY) return undefined;
    whole ??= left;
    if (Math.exp(left - whole) <= 1 - tau + SLACK) return { size: units.length, unitCount, units };
    let best = { node: -1, unit: -1, log: Number.NEGATIVE_INFINITY };
    for (const node of hidden) {
      const [from, to] = [before[node]!, after[node]!];
      for (const [unit, count] of from.value.entries()) {
        const log = logOf(count * to.value[unit]!, from.exponent + to.exponent);
        // counts are sums in different orders
        if (log > best.log + SLACK) best = { node, unit, log };
      }
    }
    if (best.node < 0) return undefined;
    removed.get(best.node)![best.unit] = 1;
    units.push({ node: best.node, unit: best.unit });
  }
}

/** Nodes with weights whose value another node with weights reads, ascending. */
function hiddenLayers({ flows }: KeptGraph): number[] {
  const isRead = new Uint8Array(flows.length);
  const read = (flow: UnitFlow) =>
    flow.kind === "weights" ? [flow.from] : flow.kind === "maps" ? flow.maps.map(({ from }) => from) : [];
  for (let node = flows.length - 1; node >= 0; node--) {
    const flow = flows[node]!;
    if (flow.kind !== "weights" && isRead[node] === 0) continue;
    for (const from of read(flow)) isRead[from] = 1;
  }
  return [...flows.keys()].filter((node) => flows[node]!.kind === "weights" && isRead[node] === 1);
}
