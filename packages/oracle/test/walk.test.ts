import { describe, expect, it } from "vitest";
import {
  edgesOnPaths,
  elementPathSums,
  type OracleGraph,
  type OracleOp,
  OUTPUT,
  PHEW,
  randomFrom,
  Walker,
  Ways,
} from "../src/index.ts";

const conv = (weight: string, outChannels: number, kernel: 1 | 3, stride = 1, groups = 1): OracleOp => ({
  kind: "conv2d",
  weight,
  outChannels,
  groups,
  kernel: [kernel, kernel],
  stride: [stride, stride],
  padding: kernel === 3 ? [1, 1, 1, 1] : [0, 0, 0, 0],
  dilation: [1, 1],
});

function graphOf(...nodes: [OracleOp, ...number[]][]): OracleGraph {
  return {
    nodes: nodes.map(([op, ...inputs], index) => ({ name: `${index}`, op, inputs })),
    output: nodes.length - 1,
  };
}

/** conv → identity block → projection block → flatten → dense. */
const residual = graphOf(
  [{ kind: "input", shape: [2, 2, 2] }],
  [conv("stem", 2, 1), 0],
  [conv("a1", 2, 1), 1],
  [conv("a2", 2, 1), 2],
  [{ kind: "add" }, 3, 1],
  [{ kind: "activation", name: "relu" }, 4],
  [conv("b1", 3, 1), 5],
  [conv("b2", 3, 1), 6],
  [conv("projection", 3, 1), 5],
  [{ kind: "add" }, 7, 8],
  [{ kind: "flatten" }, 9],
  [{ kind: "dense", weight: "fc", outFeatures: 2 }, 10],
);

/** sin ramps: no two weights alike. */
function ramps(lengths: Record<string, number>): Map<string, Float64Array> {
  return new Map(
    Object.entries(lengths).map(([name, length], at) => [
      name,
      Float64Array.from({ length }, (_, k) => Math.sin(2.3 * k + at + 1)),
    ]),
  );
}
const residualWeights = ramps({ stem: 4, a1: 4, a2: 4, b1: 6, b2: 9, projection: 6, fc: 24 });

describe("the ways of a residual network", () => {
  const ways = new Ways(residual);

  it("leave the stem into the block alone: the identity shortcut is not walked", () => {
    expect(ways.on(1, 1)).toEqual([{ to: 2, features: [[1]] }]);
    expect(ways.on(3, 0).map(({ to }) => to)).toEqual([6, 8]);
  });

  it("enter the last block's sum by residual and projection, the first block's by its convolution alone", () => {
    expect(ways.back(11, 5)).toEqual([
      { from: 7, unit: 1 },
      { from: 8, unit: 1 },
    ]);
    expect(ways.back(6, 1)).toEqual([{ from: 3, unit: 1 }]);
    expect(ways.back(2, 1)).toEqual([{ from: 1, unit: 1 }]);
  });

  it("spread a flattened channel over its features", () => {
    expect(ways.on(7, 2)).toEqual([{ to: 11, features: [[8], [9], [10], [11]] }]);
    expect(ways.on(11, 1)).toEqual([{ to: OUTPUT, features: [[1]] }]);
  });

  it("keep units that are cut off from the weighted branch, and drop those that are not", () => {
    const split = graphOf(
      [{ kind: "input", shape: [4] }],
      [{ kind: "dense", weight: "a", outFeatures: 4 }, 0],
      [{ kind: "select", index: [0, 1] }, 1],
      [{ kind: "select", index: [2, 3] }, 1],
      [{ kind: "dense", weight: "b", outFeatures: 2 }, 2],
      [{ kind: "add" }, 4, 3],
    );
    const ways = new Ways(split);
    expect(ways.on(1, 0)).toEqual([{ to: 4, features: [[0]] }]);
    expect(ways.on(1, 3)).toEqual([{ to: OUTPUT, features: [[1]] }]);
  });
});

describe("a unit that an operation takes several times", () => {
  // unit 0 twice and unit 1 once into "taken", both once into "plain"
  const graph = graphOf(
    [{ kind: "input", shape: [2] }],
    [{ kind: "select", index: [0, 1, 0] }, 0],
    [{ kind: "dense", weight: "taken", outFeatures: 1 }, 1],
    [{ kind: "dense", weight: "plain", outFeatures: 1 }, 0],
    [{ kind: "add" }, 2, 3],
  );
  const parameters = new Map([
    ["taken", [1, 9, 3]],
    ["plain", [4, 7]],
  ]);

  it("goes there by one way, with copies of one feature", () => {
    expect(new Ways(graph).on(0, 0)).toEqual([
      { to: 2, features: [[0, 2]] },
      { to: 3, features: [[0]] },
    ]);
  });

  it.each([
    ["equal", [1 / 8, 3 / 8, 1 / 2]],
    ["weight", [1 / 8, 3 / 8, 1 / 2]],
  ] as const)(
    "chooses among its edges in proportion to their weights, branching: %s",
    (branching, shares) => {
      const walks = new Walker(new Ways(graph), parameters, { ...PHEW, branching }).everyWalk(true, 0);
      expect(walks.map(({ probability }) => probability)).toEqual(shares);
    },
  );

  it("is one of its features, of which one may be taken twice", () => {
    const features = graphOf(
      [{ kind: "input", shape: [1, 1, 3] }],
      [{ kind: "flatten" }, 0],
      [{ kind: "select", index: [0, 2, 1, 0] }, 1],
      [{ kind: "dense", weight: "fc", outFeatures: 1 }, 2],
    );
    const ways = new Ways(features);
    expect(ways.on(0, 0)).toEqual([{ to: 3, features: [[0, 3], [2], [1]] }]);
    const walks = new Walker(ways, new Map([["fc", [1, 5, 5, 2]]])).everyWalk(true, 0);
    const third = walks.map(({ edges, probability }) => [edges[0]!.index, 3 * probability] as const);
    for (const [index, share] of third) expect(share).toBeCloseTo([1 / 3, 1, 1, 2 / 3][index]!, 12);
  });
});

describe("the walker", () => {
  it("takes the probabilities of a hand-worked network", () => {
    const graph = graphOf(
      [{ kind: "input", shape: [1] }],
      [{ kind: "dense", weight: "a", outFeatures: 2 }, 0],
      [{ kind: "dense", weight: "b", outFeatures: 1 }, 1],
    );
    const parameters = new Map([
      ["a", [3, -1]],
      ["b", [0, -2]],
    ]);
    const probabilities = (rules: Partial<typeof PHEW>, forward: boolean) =>
      new Walker(new Ways(graph), parameters, { ...PHEW, ...rules })
        .everyWalk(forward, 0)
        .map(({ probability }) => probability);
    expect(probabilities({}, true)).toEqual([0.75, 0.25]);
    expect(probabilities({ bias: "square" }, true)).toEqual([0.9, 0.1]);
    expect(probabilities({ bias: "uniform" }, true)).toEqual([0.5, 0.5]);
    expect(probabilities({ bias: "inverse" }, true)[0]).toBeCloseTo(0.25, 5);
    // the weight 0 is never drawn backward
    expect(probabilities({}, false)).toEqual([1]);
  });

  it("draws uniformly where all weights of a unit are 0", () => {
    const graph = graphOf(
      [{ kind: "input", shape: [1] }],
      [{ kind: "dense", weight: "a", outFeatures: 4 }, 0],
    );
    const walks = new Walker(new Ways(graph), new Map([["a", [0, 0, 0, 0]]])).everyWalk(true, 0);
    expect(walks.map(({ probability }) => probability)).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it("weighs branches by all their weights together where asked to", () => {
    const graph = graphOf(
      [{ kind: "input", shape: [1, 1, 1] }],
      [conv("a", 1, 1), 0],
      [conv("b", 1, 3), 0],
      [{ kind: "add" }, 1, 2],
    );
    const parameters = new Map([
      ["a", [1]],
      ["b", [1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ]);
    const throughA = (branching: "equal" | "weight", forward: boolean) =>
      new Walker(new Ways(graph), parameters, { ...PHEW, branching })
        .everyWalk(forward, 0)
        .filter(({ edges }) => edges[0]!.parameter === "a")
        .reduce((sum, { probability }) => sum + probability, 0);
    for (const forward of [true, false]) {
      expect(throughA("equal", forward)).toBeCloseTo(0.5, 12);
      expect(throughA("weight", forward)).toBeCloseTo(0.1, 12);
    }
  });

  it.each([true, false])(
    "walks as often as the enumerated probabilities say (χ² at 1e-6), forward: %s",
    (forward) => {
      const walker = new Walker(new Ways(residual), residualWeights);
      const expected = new Map<string, number>();
      for (const { edges, probability } of walker.everyWalk(forward, 1)) {
        const key = JSON.stringify(edges);
        expected.set(key, (expected.get(key) ?? 0) + probability);
      }
      expect([...expected.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      const walkCount = 4000;
      const random = randomFrom(7);
      const seen = new Map<string, number>();
      for (let w = 0; w < walkCount; w++) {
        const key = JSON.stringify(walker.walk(forward, 1, random));
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
      expect([...seen.keys()].every((key) => expected.has(key))).toBe(true);
      // walks expected fewer than 5 times are put together in one class
      let [chiSquare, classes, rareSeen, rareExpected] = [0, 0, 0, 0];
      for (const [key, p] of expected) {
        const count = seen.get(key) ?? 0;
        if (p * walkCount < 5) [rareSeen, rareExpected] = [rareSeen + count, rareExpected + p * walkCount];
        else [chiSquare, classes] = [chiSquare + (count - p * walkCount) ** 2 / (p * walkCount), classes + 1];
      }
      chiSquare += (rareSeen - rareExpected) ** 2 / rareExpected;
      // Wilson–Hilferty: the 1 − 1e-6 quantile of χ² with `classes` degrees of freedom, 4.753 standard deviations
      const spread = 2 / (9 * classes);
      expect(chiSquare).toBeLessThan(classes * (1 - spread + 4.753 * Math.sqrt(spread)) ** 3);
    },
  );

  it("keeps whole walks, forward first, and every kept weight lies on a path", () => {
    const walker = new Walker(new Ways(residual), residualWeights);
    const { kept, walkCount } = walker.keep(20, randomFrom(3));
    const count = [...kept.values()].flatMap((mask) => [...mask]).reduce((a, b) => a + b, 0);
    expect(count).toBeGreaterThanOrEqual(20);
    expect(count).toBeLessThan(20 + 6);
    expect(walkCount).toBeGreaterThan(3);
    expect(edgesOnPaths(walker.ways, kept)).toEqual(kept);
  });

  it("keeps whole kernels where asked to", () => {
    const graph = graphOf([{ kind: "input", shape: [2, 3, 3] }], [conv("a", 4, 3), 0]);
    const walker = new Walker(new Ways(graph), ramps({ a: 72 }), { ...PHEW, granularity: "kernel" });
    const { kept, walkCount } = walker.keep(10, randomFrom(1));
    expect(walkCount).toBeGreaterThanOrEqual(2);
    for (let k = 0; k < 8; k++) expect(new Set(kept.get("a")!.slice(9 * k, 9 * k + 9)).size).toBe(1);
  });
});

describe("edges on paths", () => {
  it("leave out a weight whose way on or back was removed", () => {
    const graph = graphOf(
      [{ kind: "input", shape: [2] }],
      [{ kind: "dense", weight: "a", outFeatures: 2 }, 0],
      [{ kind: "dense", weight: "b", outFeatures: 2 }, 1],
    );
    // a: 0→0, 1→1; b: 0→0: unit 1 leads nowhere
    const kept = new Map([
      ["a", [1, 0, 0, 1]],
      ["b", [1, 0, 0, 0]],
    ]);
    const onPaths = edgesOnPaths(new Ways(graph), kept);
    expect([...onPaths.get("a")!]).toEqual([1, 0, 0, 0]);
    expect([...onPaths.get("b")!]).toEqual([1, 0, 0, 0]);
  });
});

describe("sums over element paths", () => {
  it("are matrix products for a perceptron", () => {
    const graph = graphOf(
      [{ kind: "input", shape: [2] }],
      [{ kind: "dense", weight: "a", outFeatures: 2 }, 0],
      [{ kind: "dense", weight: "b", outFeatures: 1 }, 1],
    );
    const parameters = new Map([
      ["a", [1, -2, 3, 0]],
      ["b", [-5, 7]],
    ]);
    const { sum, pathCount, gradients } = elementPathSums(graph, parameters, 1);
    expect(sum).toBe(5 * (1 + 2) + 7 * (3 + 0));
    expect(pathCount).toBe(3);
    expect([...gradients.get("a")!]).toEqual([5, 5, 7, 7]);
    expect([...gradients.get("b")!]).toEqual([3, 3]);
    expect(elementPathSums(graph, parameters, 2).sum).toBe(25 * (1 + 4) + 49 * 9);
  });

  it("count the positions of a convolution, the mean of a pool and the scale of a normalisation", () => {
    const graph = graphOf(
      [{ kind: "input", shape: [1, 2, 2] }],
      [{ ...(conv("a", 1, 1) as Extract<OracleOp, { kind: "conv2d" }>) }, 0],
      [{ kind: "batchNorm", scale: "g", shift: "s", mean: "m", variance: "v", epsilon: 0, momentum: 0.1 }, 1],
      [{ kind: "globalAveragePool" }, 2],
    );
    const parameters = new Map([
      ["a", [3]],
      ["g", [-2]],
      ["s", [9]],
      ["m", [9]],
      ["v", [4]],
    ]);
    const { sum, pathCount, gradients } = elementPathSums(graph, parameters, 1);
    expect(sum).toBe((4 * 3 * 2) / Math.sqrt(4) / 4);
    expect(pathCount).toBe(4);
    expect([...gradients.get("a")!]).toEqual([1]);
    expect([...gradients.get("g")!]).toEqual([1.5]);
  });
});
