import { describe, expect, it } from "vitest";
import type { WalkPlan } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { PHEW, PlanWriter, variedWeight } from "./plans.ts";

const engine = builtEngine();

/** Kernels of nine: varied, with zeros, all alike, one great, at both ends of the float32 range. */
function ninePlan(): WalkPlan {
  const varied = variedWeight();
  const kinds = [
    varied,
    variedWeight(2),
    () => 0.1,
    (index: number) => (index % 9 < 4 ? 0.25 : 0),
    (index: number) => (index % 9 === 7 ? 1 : 1e-6),
    (index: number) => varied(index) * 1e-39,
    (index: number) => varied(index) * 1e38,
    (index: number) => varied(index) * 1e-14,
  ];
  // one output unit of the first layer for each kind, so that every kind has rows and layers of its own
  let kind = 0;
  const writer = new PlanWriter(8, (index) => kinds[kind]!(index));
  let value = writer.input;
  for (kind = 0; kind < kinds.length; kind++) value = writer.layer(value, { outCount: 8, kernelSize: 9 });
  return writer.end(value);
}

describe("the table inside kernels of nine", () => {
  it.each(["magnitude", "square", "inverse"] as const)("changes no walk: bias %s", (bias) => {
    const plan = ninePlan();
    const options = { ...PHEW, bias, seed: 21 };
    const without = engine.createWalker(plan, options);
    const withTable = engine.createWalker(plan, options);
    // so many edges to come make the walker write its tables
    withTable.advance(plan.edgeCount, 1);
    for (let walk = 0; walk < 20_000; walk++) {
      const edges = withTable.walkEdges(walk);
      if (edges.join() !== without.walkEdges(walk).join()) expect.fail(`walk ${walk}: ${edges.join()}`);
    }
  });
});
