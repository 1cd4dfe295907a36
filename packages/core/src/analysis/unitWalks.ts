/**
 * How many walks pass through each unit. If W walks are taken and a share v_l of them passes layer l, each of its N_l
 * output units is passed W·v_l / N_l times on average; v_l is 1 unless a branch bypasses the layer. If all units are
 * alike, a unit is missed with probability about exp(−W·v_l / N_l).
 * Source: Patil & Dovrolis 2021, arXiv:2010.11354 (width of the network found).
 * Measured by repeating the walks; only counts are stored.
 */
import { layerVisits, loadWalkEngine, type WalkOptions } from "@phew/engine";
import type { Network } from "../network/network.ts";
import { weightFlows } from "../network/unitFlow.ts";
import { walkPlan } from "../walks/plan.ts";
import { type NetworkWalkPlan, networkEdge, networkUnits } from "../walks/strays.ts";
import type { Weights } from "../weights/weights.ts";

/** Walks through the output units of one layer. */
export interface LayerWalks {
  readonly name: string;
  /** Units that a walk can reach; units that nothing reads or nothing enters are excluded. */
  readonly unitCount: number;
  /** W·v_l / N_l, v_l computed from the network's branches, not from weights. */
  readonly expected: number;
  /** Over units. */
  readonly mean: number;
  readonly standardDeviation: number;
  readonly least: number;
  readonly most: number;
  /** Units that no walk passed. */
  readonly missedCount: number;
}

export interface UnitWalks {
  /** Walks counted. */
  readonly walkCount: number;
  /** In the order of `network.prunable`. */
  readonly layers: readonly LayerWalks[];
}

/** Walks between two checks of the signal. */
const TURN = 4096;

/**
 * Repeats walks 0 … walkCount − 1: some microseconds each.
 * @param options the walk options of the mask, including its seed
 * @param walkCount whole number from 1
 * @throws ArgumentError if the network cannot be walked; signal.reason
 */
export async function unitWalks(
  network: Network,
  weights: Weights,
  options: WalkOptions,
  walkCount: number,
  signal?: AbortSignal,
): Promise<UnitWalks> {
  const plan = walkPlan(network, weights);
  const flows = weightFlows(network);
  const layerStarts = flows.map(({ parameter }) => parameter.start);
  const passed = flows.map(({ outCount }) => new Float64Array(outCount));
  const rowLengths = flows.map(({ parameter, outCount }) => parameter.length / outCount);
  const walker = (await loadWalkEngine()).createWalker(plan, options);
  try {
    for (let walk = 0; walk < walkCount; walk++) {
      if (walk % TURN === 0) {
        await new Promise((resolve) => setTimeout(resolve));
        signal?.throwIfAborted();
      }
      for (const own of walker.walkEdges(walk)) {
        const edge = networkEdge(plan, own);
        const l = lastAtMost(layerStarts, edge);
        passed[l]![Math.floor((edge - layerStarts[l]!) / rowLengths[l]!)]!++;
      }
    }
  } finally {
    walker.dispose();
  }
  const shares = layerVisits(plan, options);
  const walkable = walkableUnits(plan, shares);
  const layers = flows.map(({ parameter: { name }, outCount }, l) => {
    const { visits, units } = walkable.get(name) ?? { visits: 0, units: [] };
    // unreachable units are excluded
    const counts =
      plan.rest === undefined ? passed[l]! : Float64Array.from(units, (unit) => passed[l]![unit]!);
    const unitCount = plan.rest === undefined ? outCount : units.length;
    return { name, expected: unitCount === 0 ? 0 : (walkCount * visits) / unitCount, ...summary(counts) };
  });
  return { walkCount, layers };
}

/** For each layer: the share of walks that pass it, and its reachable units if some are excluded. */
function walkableUnits(
  plan: NetworkWalkPlan,
  shares: Float64Array,
): Map<string, { visits: number; units: number[] }> {
  const found = new Map<string, { visits: number; units: number[] }>();
  for (const [l, { name }] of plan.layers.entries()) {
    const { visits, units } = found.get(name) ?? { visits: 0, units: [] };
    found.set(name, { visits: visits + shares[l]!, units: [...units, ...(networkUnits(plan, l) ?? [])] });
  }
  return found;
}

/** Index of the last of the ascending `starts` that is at most `value`. */
function lastAtMost(starts: readonly number[], value: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function summary(passed: Float64Array): Omit<LayerWalks, "name" | "expected"> {
  const unitCount = passed.length;
  if (unitCount === 0) return { unitCount, mean: 0, standardDeviation: 0, least: 0, most: 0, missedCount: 0 };
  const mean = passed.reduce((sum, count) => sum + count, 0) / unitCount;
  const variance = passed.reduce((sum, count) => sum + (count - mean) ** 2, 0) / unitCount;
  return {
    unitCount,
    mean,
    standardDeviation: Math.sqrt(variance),
    least: passed.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY),
    most: passed.reduce((most, count) => Math.max(most, count), 0),
    missedCount: passed.reduce((count, walks) => count + (walks === 0 ? 1 : 0), 0),
  };
}
