import { initialise, type Network, NetworkBuilder, prune, unitRun, type Weights, walkPlan } from "@phew/core";
import { PHEW, Walker, Ways } from "@phew/oracle";
import { describe, expect, it } from "vitest";
import { linearScanWalk } from "../src/bench/linearScanWalker.ts";
import { oracleGraph } from "./randomNetworks.ts";

/** Grouped convolution, a fork with a projection shortcut, concat, flatten: every kind of link. */
function forked(): Network {
  const b = new NetworkBuilder("forked", [2, 2, 2]);
  const start = b.relu(b.conv2d("conv1", b.input, { outChannels: 4, kernel: 3, padding: 1, groups: 2 }));
  const block = b.conv2d("conv2", start, { outChannels: 3, kernel: 2, padding: [0, 0, 1, 1] });
  const sum = b.add(block, b.conv2d("shortcut", start, { outChannels: 3, kernel: 1 }));
  const both = b.concat(sum, b.node("part", { kind: "select", index: unitRun(1, 2) }, start));
  return b.build(b.dense("fc", b.flatten(both), 3));
}

const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed);

/** Chance of each edge to lie on one walk forward from unit 0, by enumeration. */
function chancesForward(network: Network, weights: Weights): Float64Array {
  const walker = new Walker(new Ways(oracleGraph(network)), weights, PHEW);
  const chances = new Float64Array(network.prunableCount);
  const startOf = new Map(network.prunable.map(({ name, start }) => [name, start]));
  for (const { edges, probability } of walker.everyWalk(true, 0))
    for (const { parameter, index } of edges) chances[startOf.get(parameter)! + index]! += probability;
  return chances;
}

describe("the linear scan", () => {
  it("walks forward by the law of walks", async () => {
    const network = forked();
    const weights = await initialise(network, { seed: 3 });
    const chances = chancesForward(network, weights);
    const plan = walkPlan(network, weights);
    const walkCount = 20_000;
    const counts = new Float64Array(network.prunableCount);
    for (const seed of seeds(walkCount)) {
      const { mask, walkCount: walks } = linearScanWalk(plan, 1, seed);
      expect(walks).toBe(1);
      mask.forEach((kept, k) => {
        counts[k]! += kept;
      });
    }
    for (const [k, chance] of chances.entries()) {
      if (chance === 0) {
        expect(counts[k]).toBe(0);
        continue;
      }
      // 5.5 standard deviations, two-sided: 4e-8 an edge, 1e-5 for all; the seeds are fixed
      const deviation = Math.sqrt(walkCount * chance * (1 - chance));
      expect(Math.abs(counts[k]! - walkCount * chance)).toBeLessThan(5.5 * deviation + 1);
    }
  });

  it("keeps the edges that the engine's walks keep, as often", async () => {
    const network = forked();
    const weights = await initialise(network, { seed: 4 });
    const plan = walkPlan(network, weights);
    const keepCount = Math.floor(0.2 * network.prunableCount);
    const maskCount = 1500;
    const [scan, engine] = [0, 1].map(() => new Float64Array(network.prunableCount));
    for (const seed of seeds(maskCount)) {
      const { mask, keptCount } = linearScanWalk(plan, keepCount, seed);
      expect(keptCount).toBe(mask.reduce((sum, kept) => sum + kept, 0));
      expect(keptCount).toBeGreaterThanOrEqual(keepCount);
      expect(keptCount).toBeLessThan(keepCount + 3);
      mask.forEach((kept, k) => {
        scan![k]! += kept;
      });
      const { masks } = await prune(network, weights, { method: "phew", density: 0.2, seed });
      masks.bytes.forEach((kept, k) => {
        engine![k]! += kept;
      });
    }
    for (const [k, a] of scan!.entries()) {
      const share = (a + engine![k]!) / (2 * maskCount);
      // as above, for the difference of two counts
      const deviation = Math.sqrt(2 * maskCount * share * (1 - share));
      expect(Math.abs(a - engine![k]!)).toBeLessThan(5.5 * deviation + 1);
    }
  });

  it("gives the same mask for the same seed, and draws uniformly among weights that are all 0", () => {
    const network = forked();
    const zeros = new Map(
      network.parameters.map(({ name, shape }) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
    );
    const plan = walkPlan(network, zeros);
    const first = linearScanWalk(plan, 60, 7);
    expect(linearScanWalk(plan, 60, 7).mask).toEqual(first.mask);
    expect(linearScanWalk(plan, 60, 8).mask).not.toEqual(first.mask);
    expect(first.keptCount).toBeGreaterThanOrEqual(60);
  });
});
