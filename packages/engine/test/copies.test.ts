/**
 * Units that an operation takes several times: the walk's steps against the law written out in walkLaw.ts, and against
 * closed forms. Each test raises a false alarm once in 10^6 generators; seeds are fixed.
 */
import { describe, expect, it } from "vitest";
import { layerVisits, WalkExpectation, type WalkOptions, type WalkPlan } from "../src/index.ts";
import { unitVisits } from "../src/unitVisits.ts";
import { builtEngine } from "./builtEngine.ts";
import { chiSquareProbability } from "./chiSquare.ts";
import { add, concat, flatten, PHEW, PlanWriter, select, type Value, variedWeight } from "./plans.ts";
import { everyWalk, startOf } from "./walkLaw.ts";

const FALSE_ALARM = 1e-6;
const engine = builtEngine();

/** How probable the frequencies of whole walks are, by start. */
function agreement(plan: WalkPlan, options: WalkOptions, walkCount: number): number {
  const walker = engine.createWalker(plan, options);
  const seen = new Map<string, { count: number; walks: Map<string, number>; first: number }>();
  for (let walk = 0; walk < walkCount; walk++) {
    const key = JSON.stringify(startOf(plan, options, walk));
    const start = seen.get(key) ?? { count: 0, walks: new Map<string, number>(), first: walk };
    seen.set(key, start);
    start.count++;
    const edges = walker.walkEdges(walk).join();
    start.walks.set(edges, (start.walks.get(edges) ?? 0) + 1);
  }
  const tables = [...seen.values()].map(({ count, walks, first }) => {
    const { forward, ...start } = startOf(plan, options, first);
    const cells = [];
    for (const [edges, probability] of everyWalk(plan, options, start, forward)) {
      cells.push({ observed: walks.get(edges) ?? 0, expected: count * probability });
      walks.delete(edges);
    }
    return [...cells, ...[...walks.values()].map((observed) => ({ observed, expected: 0 }))];
  });
  return chiSquareProbability(...tables);
}

/** A layer of four units that goes, as `take` says, into one operation, and plainly into another. */
function besideABranch(take: (value: Value) => Value, zeroEvery: number): WalkPlan {
  const writer = new PlanWriter(2, variedWeight(zeroEvery));
  const x = writer.layer(writer.input, { outCount: 4 });
  const taken = writer.layer(take(x), { outCount: 2, kernelSize: 4 });
  return writer.end(add(taken, writer.layer(x, { outCount: 2, kernelSize: 9 })));
}

const KINDS: readonly (readonly [kind: string, take: (value: Value) => Value])[] = [
  ["a select that takes units several times", (x) => select(x, [0, 1, 0, 2, 3, 3, 3])],
  ["a select that repeats a unit in a row", (x) => select(x, [0, 0, 0, 1, 2, 3])],
  ["a concat of a value with itself", (x) => concat(x, x)],
  ["features that do not adjoin", (x) => select(flatten(x, 3), [0, 1, 5, 2, 3, 4, 9, 6, 7, 8, 10])],
  ["features of which some are taken twice", (x) => select(flatten(x, 2), [0, 1, 0, 2, 5, 3, 4, 6, 7, 6])],
  ["a flattened value twice", (x) => concat(flatten(x, 3), flatten(x, 3))],
  ["a sum of two orders of one value", (x) => add(x, select(x, [1, 0, 2, 3]))],
  [
    "a sum of two features of one unit",
    (x) => add(flatten(x, 2), select(flatten(x, 2), [1, 0, 3, 2, 4, 5, 7, 6])),
  ],
];

describe.each(KINDS)("walks through %s, beside another branch", (_, take) => {
  it.each([
    { branching: "equal" },
    { branching: "weight" },
    { branching: "weight", bias: "square", granularity: "kernel" },
    { branching: "equal", bias: "uniform" },
  ] as const)("follow their law, and visit units as often as expected: %o", (variant) => {
    const options = { ...PHEW, seed: 23, ...variant };
    for (const zeroEvery of [Number.POSITIVE_INFINITY, 3]) {
      const plan = besideABranch(take, zeroEvery);
      expect(agreement(plan, options, 4_000)).toBeGreaterThan(FALSE_ALARM);
      // visits of the last layers' input units, by the law
      const { forward } = unitVisits(plan, options);
      const visits = plan.layers.map(({ inCount }) => new Float64Array(inCount));
      for (let unit = 0; unit < plan.inputCount; unit++) {
        for (const [edges, probability] of everyWalk(plan, options, { layer: -1, unit }, true)) {
          for (const edge of edges.split(",").map(Number)) {
            const l = plan.layers.findLastIndex(({ firstEdge }) => firstEdge <= edge);
            const { firstEdge, kernelSize, inCount } = plan.layers[l]!;
            const input = Math.floor((edge - firstEdge) / kernelSize) % inCount;
            visits[l]![input]! += probability / plan.inputCount;
          }
        }
      }
      for (const [l, expected] of visits.entries())
        for (const [i, visit] of expected.entries()) expect(forward!.mean[l]![i]).toBeCloseTo(visit, 12);
    }
  });
});

describe("a unit taken k times, of weights w_1 … w_k, and once elsewhere", () => {
  const weights = [1, 2, 5];
  function plan(): WalkPlan {
    const writer = new PlanWriter(1, (index) => [4, ...weights, 7][index]!);
    const x = writer.layer(writer.input, { outCount: 1 });
    const copies = writer.layer(select(x, [0, 0, 0]), { outCount: 1 });
    return writer.end(add(copies, writer.layer(x, { outCount: 1 })));
  }
  // edge 0 enters the unit, 1 to 3 leave its copies, 4 leaves for the other branch
  it.each<[WalkOptions["branching"], WalkOptions["bias"], number[]]>([
    ["equal", "magnitude", [1 / 16, 2 / 16, 5 / 16, 1 / 2]],
    ["weight", "magnitude", [1 / 15, 2 / 15, 5 / 15, 7 / 15]],
    ["equal", "square", [1 / 60, 4 / 60, 25 / 60, 1 / 2]],
    ["equal", "uniform", [1 / 6, 1 / 6, 1 / 6, 1 / 2]],
    ["weight", "uniform", [1 / 4, 1 / 4, 1 / 4, 1 / 4]],
  ])("leaves along w_j as often as the closed form says: %s, %s", (branching, bias, shares) => {
    const options: WalkOptions = { ...PHEW, branching, bias, direction: "forward", seed: 3 };
    const walker = engine.createWalker(plan(), options);
    const walkCount = 30_000;
    const observed = [0, 0, 0, 0];
    for (let walk = 0; walk < walkCount; walk++) observed[walker.walkEdges(walk)[1]! - 1]!++;
    const cells = shares.map((share, k) => ({ observed: observed[k]!, expected: share * walkCount }));
    expect(chiSquareProbability(cells)).toBeGreaterThan(FALSE_ALARM);
  });

  it("are as many as the closed form says: Σ 1 − (1 − p)^t", () => {
    const options: WalkOptions = { ...PHEW, branching: "weight", direction: "forward" };
    const expectation = new WalkExpectation(plan(), options);
    for (const walkCount of [2, 5, 20, 60]) {
      const found = [1, 1 / 15, 2 / 15, 5 / 15, 7 / 15].map((p) => 1 - (1 - p) ** walkCount);
      const expected = found.reduce((sum, share) => sum + share, 0);
      expect(expectation.edgesAfter(walkCount)).toBeCloseTo(expected, 12);
    }
  });

  it("halves the walks between the branches, however often one takes the unit", () => {
    for (const direction of ["forward", "backward"] as const)
      for (const [l, visits] of layerVisits(plan(), { direction }).entries())
        expect(visits).toBeCloseTo([1, 0.5, 0.5][l]!, 12);
  });

  it("is left by the other copies where the weights of one are 0, and by any where all are", () => {
    for (const zeros of [
      [0, 2, 5],
      [0, 0, 0],
    ]) {
      const writer = new PlanWriter(1, (index) => [4, ...zeros][index]!);
      const x = writer.layer(writer.input, { outCount: 1 });
      const copies = writer.end(writer.layer(select(x, [0, 0, 0]), { outCount: 1 }));
      const walker = engine.createWalker(copies, { ...PHEW, direction: "forward" });
      expect(walker.reachableCount).toBe(zeros[1] === 0 ? 4 : 3);
      expect(agreement(copies, { ...PHEW, direction: "forward" }, 5_000)).toBeGreaterThan(FALSE_ALARM);
    }
  });
});

it("parts of one operation, whose layers have one name, are one branch", () => {
  const plan = besideABranch((x) => select(x, [0, 1, 2, 3, 0, 1, 2, 3]), 3);
  const whole = plan.layers[1]!;
  // the same operation by its two halves of input units, as groups are that lose unlike numbers of units
  const half = (k: number) => ({
    ...whole,
    outCount: 1,
    inCount: 4,
    weight: Float32Array.from({ length: 16 }, (_, at) => 1 + ((at * 7 + k) % 5)),
    firstEdge: 8 + 16 * k,
  });
  const parts: WalkPlan = {
    ...plan,
    layers: [plan.layers[0]!, half(0), half(1), { ...plan.layers[2]!, firstEdge: 40 }],
    edgeCount: 40 + plan.layers[2]!.weight.length,
    links: [
      { from: -1, to: 0, fromStart: 0, count: 2, toStart: 0, spread: 1 },
      { from: 0, to: 1, fromStart: 0, count: 4, toStart: 0, spread: 1 },
      { from: 0, to: 2, fromStart: 0, count: 4, toStart: 0, spread: 1 },
      { from: 0, to: 3, fromStart: 0, count: 4, toStart: 0, spread: 1 },
      { from: 1, to: 4, fromStart: 0, count: 1, toStart: 0, spread: 1 },
      { from: 2, to: 4, fromStart: 0, count: 1, toStart: 1, spread: 1 },
      { from: 3, to: 4, fromStart: 0, count: 2, toStart: 0, spread: 1 },
    ],
  };
  expect(layerVisits(parts, { direction: "forward" })).toEqual(Float64Array.of(1, 0.25, 0.25, 0.5));
  for (const branching of ["equal", "weight"] as const)
    expect(agreement(parts, { ...PHEW, branching }, 6_000)).toBeGreaterThan(FALSE_ALARM);
});
