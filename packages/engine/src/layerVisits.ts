/** Share of the walks that pass each layer, from the branches alone, without weights. */
import { Forks } from "./forks.ts";
import type { WalkOptions, WalkPlan } from "./walkPlan.ts";
import { type Wiring, wire } from "./wiring.ts";

/**
 * Assumes that a fork takes each branch equally and that all units of a layer are visited equally; the mean of both
 * directions if they alternate. @returns one per layer of the plan, 0 … 1
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
  const forks = new Forks(plan, "equal", { leaving: () => 0, entering: () => 0 });
  const visits = new Float64Array(layerCount + 2);
  visits[forward ? 0 : layerCount + 1] = 1;
  for (let step = 0; step <= layerCount; step++) {
    const node = forward ? step : layerCount + 1 - step;
    const segments = forward ? wiring.forward[node]! : wiring.backward[node]!;
    const unitCount = segments.reduce((count, segment) => count + segment.unitCount, 0);
    for (const segment of segments) {
      const { firstUnit, links, repeated } = segment;
      const shares = new Float64Array(links.length);
      // units with equal links have equal shares
      const lookedAt = repeated ? segment.unitCount : 1;
      const visited = (visits[node]! * segment.unitCount) / unitCount / lookedAt;
      for (let unit = firstUnit; unit < firstUnit + lookedAt; unit++) {
        forks.sharesInto(shares, segment, unit, forward);
        const each = visited / shares.reduce((sum, share) => sum + share);
        for (const [w, link] of links.entries())
          visits[(forward ? link.to : link.from) + 1]! += each * shares[w]!;
      }
    }
  }
  return visits.slice(1, layerCount + 1);
}
