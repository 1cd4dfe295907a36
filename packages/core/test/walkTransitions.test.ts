/**
 * The engine's walks on a branched network compared with the oracle's, which lists every weight of a unit and draws
 * one.
 */
import { loadWalkEngine, type WalkOptions } from "@phew/engine";
import { randomFrom, Walker, type WalkRules, Ways } from "@phew/oracle";
import { beforeAll, describe, expect, it } from "vitest";
import { NetworkBuilder } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import { placesTaken, spreadAxis } from "../src/operations/resampling.ts";
import { phew } from "../src/pruners/phew.ts";
import { walkPlan } from "../src/walks/plan.ts";
import { networkEdge } from "../src/walks/strays.ts";
import type { Weights } from "../src/weights/weights.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomWeights } from "./randomNetwork.ts";
import { chiSquareQuantile, frequenciesOf, globalTest } from "./statistics.ts";

/** Stem, identity block, projection block, concatenation with a grouped convolution, flatten. */
function branchedNetwork(): Network {
  const b = new NetworkBuilder("branched", [2, 2, 2]);
  const conv = (name: string, x: string, outChannels: number, kernel = 1, groups = 1) =>
    b.conv2d(name, x, { outChannels, kernel, padding: kernel >> 1, groups, bias: false });
  const stem = b.relu(conv("stem", b.input, 2));
  const first = b.relu(b.add(conv("a", stem, 2, 3), stem));
  const second = b.add(conv("b2", b.relu(conv("b1", first, 2)), 2), conv("projection", first, 2));
  const x = b.concat(second, conv("grouped", second, 2, 1, 2));
  return b.build(b.dense("fc", b.flatten(x), 2, { bias: false }));
}

/** Dropped channels (different numbers in the groups of a layer), dropped features, a dropped input. */
function networkWithStrays(): Network {
  const b = new NetworkBuilder("strays", [3, 2, 2]);
  const conv = (name: string, x: string, outChannels: number, groups = 1) =>
    b.conv2d(name, x, { outChannels, kernel: 1, groups, bias: false });
  const select = (name: string, x: string, index: number[]) => b.node(name, { kind: "select", index }, x);
  const stem = b.relu(conv("stem", select("ends", b.input, [0, 2]), 4));
  const grouped = conv("grouped", select("some", stem, [3, 0, 2, 1]), 4, 2);
  const next = b.add(conv("next", select("fewer", grouped, [0, 2, 3]), 3), conv("beside", stem, 3));
  const features = select("features", b.flatten(select("two", next, [2, 0])), [0, 1, 2, 6]);
  return b.build(b.dense("fc", features, 2, { bias: false }));
}

/**
 * Channels and features that one operation reads several times, beside another branch; features that are not
 * adjacent.
 */
function networkWithCopies(): Network {
  const b = new NetworkBuilder("copies", [2, 2, 1]);
  const conv = (name: string, x: string, outChannels: number) =>
    b.conv2d(name, x, { outChannels, kernel: 1, bias: false });
  const select = (name: string, x: string, index: number[]) => b.node(name, { kind: "select", index }, x);
  const stem = b.relu(conv("stem", b.input, 3));
  const taken = conv("taken", select("several", stem, [0, 1, 0, 2, 0]), 2);
  const sum = b.relu(b.add(taken, conv("beside", stem, 2)));
  // channel 0 is features 0 and 1, of which 1 is read twice, once apart, and once more by a second flattening
  const features = select("features", b.flatten(sum), [1, 2, 0, 3, 1]);
  const flat = b.concat(features, b.flatten(b.relu(sum)));
  return b.build(b.dense("fc", flat, 2, { bias: false }));
}

/** Down and up again: pooling, a transposed convolution, a resize, what they meet, and a shortcut with units of zeros. */
function uNetwork(): Network {
  const b = new NetworkBuilder("u", [2, 4, 4]);
  const conv = (name: string, x: string, outChannels: number, groups = 1) =>
    b.conv2d(name, x, { outChannels, kernel: 1, groups, bias: false });
  const across = b.relu(conv("across", b.input, 2));
  const bottom = b.relu(conv("bottom", b.maxPool2d(across, { kernel: 2, stride: 2 }), 2));
  const zeros = { kind: "resample", name: "spread", fill: 0 } as const;
  const spread = b.node(
    "zeros",
    { ...zeros, axes: [spreadAxis(2, 2, [0, 0]), spreadAxis(2, 2, [0, 0])] },
    bottom,
  );
  const up = b.conv2d("up", spread, { outChannels: 2, kernel: 2, padding: 1, groups: 2, bias: false });
  const twice = placesTaken(2, [0, 0, 1, 1]);
  const resized = b.node(
    "twice",
    { kind: "resample", name: "resize", fill: 0, axes: [twice, twice] },
    bottom,
  );
  const met = b.concat(b.relu(up), across, resized);
  const padded = b.node("padded", { kind: "select", index: [-1, 0, 1] }, across);
  const sum = b.add(conv("last", met, 3), conv("beside", padded, 3));
  return b.build(b.dense("fc", b.globalAveragePool(b.relu(sum)), 2, { bias: false }));
}

const RULES: WalkRules[] = [
  { bias: "magnitude", branching: "equal", granularity: "weight", direction: "alternate" },
  { bias: "magnitude", branching: "weight", granularity: "weight", direction: "alternate" },
  { bias: "square", branching: "equal", granularity: "weight", direction: "alternate" },
  { bias: "uniform", branching: "weight", granularity: "weight", direction: "forward" },
  { bias: "inverse", branching: "equal", granularity: "weight", direction: "backward" },
];
const WALK_COUNT = 40_000;
/** Of each test here. */
const FALSE_ALARM_RATE = 1e-5;

describe.each([
  { what: "of branches", make: branchedNetwork, strayCount: 0, kernelKeepCount: 40 },
  { what: "with units that nothing reads", make: networkWithStrays, strayCount: 4, kernelKeepCount: 26 },
  { what: "with units taken several times", make: networkWithCopies, strayCount: 0, kernelKeepCount: 26 },
  { what: "that goes down and up again", make: uNetwork, strayCount: 1, kernelKeepCount: 26 },
])("walks of the engine in a network $what", ({ make, strayCount, kernelKeepCount }) => {
  let network: Network;
  let weights: Weights;
  let ways: Ways;
  let edgeId: (edge: { parameter: string; index: number }) => number;

  beforeAll(() => {
    network = make();
    weights = randomWeights(network, 5);
    ways = new Ways(oracleNetwork(network));
    const startOf = new Map(network.prunable.map(({ name, start }) => [name, start]));
    edgeId = ({ parameter, index }) => startOf.get(parameter)! + index;
  });

  it.each(RULES)(
    "take every path as often as the oracle's probabilities say, by χ²: $bias, $branching, $direction",
    async (rules) => {
      const engine = await loadWalkEngine();
      const options: WalkOptions = { ...rules, seed: 11 };
      const plan = walkPlan(network, weights);
      expect(plan.rest?.notes.length ?? 0).toBe(strayCount);
      const walker = engine.createWalker(plan, options);
      const oracle = new Walker(ways, weights, rules);
      // walks by direction and start unit, then by path
      const seen = new Map<string, Map<string, number>>();
      for (let w = 0; w < WALK_COUNT; w++) {
        const forward = rules.direction === "alternate" ? w % 2 === 0 : rules.direction === "forward";
        const turn = rules.direction === "alternate" ? w >> 1 : w;
        const starts = oracle.starts(forward);
        const start = starts[turn % starts.length]!;
        const key = `${forward}:${start}`;
        const paths = seen.get(key) ?? new Map<string, number>();
        seen.set(key, paths);
        // the engine lists a backward walk's edges from either end
        const path = [...walker.walkEdges(w)]
          .map((edge) => networkEdge(plan, edge))
          .sort((a, b) => a - b)
          .join();
        paths.set(path, (paths.get(path) ?? 0) + 1);
      }
      walker.dispose();

      let [statistic, freedom] = [0, 0];
      for (const [key, paths] of seen) {
        const [forward, start] = key.split(":") as [string, string];
        const count = [...paths.values()].reduce((a, b) => a + b, 0);
        const expected = new Map<string, number>();
        for (const { edges, probability } of oracle.everyWalk(forward === "true", Number(start))) {
          const path = edges
            .map(edgeId)
            .sort((a, b) => a - b)
            .join();
          expected.set(path, (expected.get(path) ?? 0) + probability * count);
        }
        expect([...paths.keys()].filter((path) => !expected.has(path))).toEqual([]);
        // paths expected fewer than 8 times are one class
        let [rareSeen, rareExpected] = [0, 0];
        for (const [path, often] of expected) {
          const times = paths.get(path) ?? 0;
          if (often < 8) [rareSeen, rareExpected] = [rareSeen + times, rareExpected + often];
          else [statistic, freedom] = [statistic + (times - often) ** 2 / often, freedom + 1];
        }
        if (rareExpected >= 8) statistic += (rareSeen - rareExpected) ** 2 / rareExpected;
        else freedom -= 1;
      }
      expect(freedom).toBeGreaterThan(50);
      expect(statistic).toBeLessThan(chiSquareQuantile(1 - FALSE_ALARM_RATE, freedom));
    },
  );

  it.each(["weight", "kernel"] as const)(
    "keep each weight as often as the oracle's, granularity: %s",
    async (granularity) => {
      const rules: WalkRules = { bias: "magnitude", branching: "equal", granularity, direction: "alternate" };
      const keepCount = granularity === "weight" ? 24 : kernelKeepCount;
      const oracle = new Walker(ways, weights, rules);
      const runCount = 600;
      const [ours, theirs]: [Uint8Array[], Uint8Array[]] = [[], []];
      const walks = { ours: 0, theirs: 0 };
      for (let seed = 0; seed < runCount; seed++) {
        const { masks, walkCount } = await phew.prune({
          network,
          weights,
          keepCount,
          seed,
          options: { ...rules },
        });
        ours.push(masks.bytes);
        walks.ours += walkCount! / runCount;
        const run = oracle.keep(keepCount, randomFrom(seed));
        const bytes = new Uint8Array(network.prunableCount);
        for (const { name, start } of network.prunable) bytes.set(run.kept.get(name)!, start);
        theirs.push(bytes);
        walks.theirs += run.walkCount / runCount;
      }
      const { statistic, threshold } = globalTest(
        frequenciesOf(ours),
        frequenciesOf(theirs),
        ours,
        FALSE_ALARM_RATE,
      );
      expect(statistic).toBeLessThan(threshold);
      expect(Math.abs(walks.ours / walks.theirs - 1)).toBeLessThan(0.1);
    },
  );
});
