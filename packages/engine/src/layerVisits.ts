/** Share of the walks that pass each layer, by the branches alone. */
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";
import { type Segment, type Wiring, wire } from "./wiring.ts";

/**
 * At a fork each way is taken equally, and all units of a layer are taken to be visited alike; the mean of both directions
 * where they alternate. @returns one a layer of the plan, 0 … 1
 */
export function layerVisits(plan: WalkPlan, { direction }: Pick<WalkOptions, "direction">): Float64Array {
  const wiring = wire(plan);
  if (direction === "forward") return flow(plan, wiring, true);
  if (direction === "backward") return flow(plan, wiring, false);
  const backward = flow(plan, wiring, false);
  return flow(plan, wiring, true).map((visits, l) => (visits + backward[l]!) / 2);
}

function flow(plan: WalkPlan, wiring: Wiring, forward: boolean): Float64Array {
  const layerCount = plan.layers.length;
  const visits = new Float64Array(layerCount + 2);
  visits[forward ? 0 : layerCount + 1] = 1;
  for (let step = 0; step <= layerCount; step++) {
    const node = forward ? step : layerCount + 1 - step;
    const segments = forward ? wiring.forward[node]! : wiring.backward[node]!;
    const unitCount = segments.reduce((count, segment) => count + segment.unitCount, 0);
    for (const segment of segments) passOn(segment, unitCount, visits[node]!, visits, forward);
  }
  return visits.slice(1, layerCount + 1);
}

function passOn(
  { unitCount, links }: Segment,
  nodeUnitCount: number,
  nodeVisits: number,
  visits: Float64Array,
  forward: boolean,
): void {
  const each = (nodeVisits * unitCount) / nodeUnitCount / links.length;
  for (const link of links) visits[(forward ? link.to : link.from) + 1]! += each;
}
