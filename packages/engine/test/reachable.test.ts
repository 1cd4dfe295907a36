import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WalkOptions, WalkPlan } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { anyOptions, anyPlan, chain, everyKind, PHEW, variedWeight } from "./plans.ts";
import { type Place, placeAfter, stepsFrom } from "./walkLaw.ts";

const engine = builtEngine();

/** All edges on walks of probability above 0: follows every step from every start. */
function reachable(plan: WalkPlan, options: WalkOptions): Set<number> {
  const edges = new Set<number>();
  const seen = new Set<string>();
  const open: { place: Place; forward: boolean }[] = [];
  for (const forward of [true, false]) {
    if (options.direction === (forward ? "backward" : "forward")) continue;
    const count = forward ? plan.inputCount : plan.outputCount;
    const layer = forward ? -1 : plan.layers.length;
    for (let unit = 0; unit < count; unit++) open.push({ place: { layer, unit }, forward });
  }
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { place, forward } = at;
    const name = `${forward} ${place.layer} ${place.unit}`;
    if (seen.has(name)) continue;
    seen.add(name);
    for (const { probability, edge } of stepsFrom(plan, options, place, forward)) {
      if (probability === 0 || edge === undefined) continue;
      const { layer, unit } = placeAfter(plan, edge, forward);
      const { kernelSize } = plan.layers[layer]!;
      for (let k = 0; k < (options.granularity === "kernel" ? kernelSize : 1); k++) edges.add(edge + k);
      open.push({ place: { layer, unit }, forward });
    }
  }
  return edges;
}

describe("reachableCount", () => {
  it("is the number of edges that some walk can conserve, on any graph", () => {
    fc.assert(
      fc.property(anyPlan, anyOptions, (plan, options) => {
        expect(engine.createWalker(plan, options).reachableCount).toBe(reachable(plan, options).size);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  it("is found by walking: no zero weight is conserved, all others are in the end", () => {
    const plan = everyKind(variedWeight(4));
    const walker = engine.createWalker(plan, PHEW);
    const { reachableCount } = walker;
    expect(reachableCount).toBeLessThan(plan.edgeCount);
    expect(walker.advance(reachableCount, 2_000_000).keptCount).toBe(reachableCount);
    expect(walker.advance(plan.edgeCount, 100_000).keptCount).toBe(reachableCount);
    expect(walker.reachableCount).toBe(reachableCount);
  });

  it("counts what was conserved beforehand, and everything where no weight is 0", () => {
    const plan = chain([2, 3, 2], (index) => (index === 4 ? 0 : 1));
    const walker = engine.createWalker(plan, PHEW);
    expect(walker.reachableCount).toBe(11);
    walker.keep(Uint8Array.from({ length: 12 }, (_, e) => Number(e === 4)));
    expect(walker.reachableCount).toBe(12);
    expect(engine.createWalker(plan, { ...PHEW, bias: "uniform" }).reachableCount).toBe(12);
    expect(engine.createWalker(chain([2, 3, 2], variedWeight()), PHEW).reachableCount).toBe(12);
  });
});
