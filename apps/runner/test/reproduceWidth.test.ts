/** The experiment on width: its search for the greatest trace against every mask there is, and its walks. */
import {
  type Masks,
  Masks as MasksOf,
  maskFaults,
  type Network,
  pathKernelTrace,
  type Weights,
} from "@phew/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { width } from "../src/reproduce/experiments/width.ts";
import { perceptron } from "../src/reproduce/perceptron.ts";
import {
  greatestTraces,
  hiddenLayer,
  leastWidthTrace,
  traceBound,
} from "../src/reproduce/width/oneHiddenLayer.ts";
import { type UnitWalksRow, unitWalksMeasurement } from "../src/reproduce/width/unitWalks.ts";
import { filesBelow, phew, readText, scratchFolder } from "./phew.ts";

const [INPUTS, HIDDEN, OUTPUTS] = [2, 3, 2] as const;
const network = perceptron([INPUTS, HIDDEN, OUTPUTS]);

function weightsOf(values: readonly number[]): Weights {
  const first = Float32Array.from(values.slice(0, INPUTS * HIDDEN));
  return new Map([
    ["fc1.weight", first],
    ["fc2.weight", Float32Array.from(values.slice(INPUTS * HIDDEN))],
  ]);
}

const layerOf = (weights: Weights, hidden: number = HIDDEN) =>
  hiddenLayer(weights.get("fc1.weight")!, weights.get("fc2.weight")!, hidden);

/** Every mask of so many weights. */
function* allMasks(of: Network, keepCount: number): Generator<Masks> {
  for (let bits = 0; bits < 2 ** of.prunableCount; bits++) {
    const bytes = Uint8Array.from({ length: of.prunableCount }, (_, k) => (bits >> k) & 1);
    if (bytes.reduce((sum, kept) => sum + kept, 0) === keepCount) yield new MasksOf(of, bytes);
  }
}

/** Greatest traces by the number of hidden units in use, of masks all of whose weights are on paths. */
function searchedAll(weights: Weights, keepCount: number): number[] {
  const best = Array.from({ length: HIDDEN + 1 }, () => Number.NEGATIVE_INFINITY);
  for (const masks of allMasks(network, keepCount)) {
    if (maskFaults(masks).ineffectiveCount > 0) continue;
    const first = masks.of(network.prunable[0]!);
    const units = Array.from({ length: HIDDEN }, (_, h) => h).filter((h) =>
      first.subarray(h * INPUTS, (h + 1) * INPUTS).includes(1),
    ).length;
    best[units] = Math.max(best[units]!, pathKernelTrace(network, weights, masks).total);
  }
  return best;
}

const someWeights = fc.array(fc.float({ min: Math.fround(-2), max: Math.fround(2), noNaN: true }), {
  minLength: network.prunableCount,
  maxLength: network.prunableCount,
});

describe("the greatest path kernel trace of a hidden layer", () => {
  it("is that of the best of all masks, for every number of units", { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(someWeights, fc.integer({ min: 2, max: 8 }), (values, keepCount) => {
        const weights = weightsOf(values);
        const found = [...greatestTraces(layerOf(weights), keepCount)];
        for (const [units, trace] of searchedAll(weights, keepCount).entries()) {
          if (Number.isFinite(trace)) expect(found[units]).toBeCloseTo(trace, 5);
          else expect(found[units]).toBe(trace);
        }
      }),
      { numRuns: 12 },
    );
  });

  it("is not above its bound, nor below that of whole units and of the mask that comes near the bound", () => {
    fc.assert(
      fc.property(someWeights, fc.integer({ min: 2, max: 12 }), (values, keepCount) => {
        const layer = layerOf(weightsOf(values));
        // fewer weights may be better where one more fits no path
        const counts = Array.from({ length: keepCount + 1 }, (_, count) => count);
        const best = Math.max(...counts.flatMap((count) => [...greatestTraces(layer, count)]));
        const { bound, reached } = traceBound(layer, keepCount);
        expect(bound).toBeGreaterThanOrEqual(best * (1 - 1e-9));
        expect(reached).toBeLessThanOrEqual(best * (1 + 1e-9));
        expect(leastWidthTrace(layer, keepCount).trace).toBeLessThanOrEqual(best * (1 + 1e-9));
      }),
    );
  });

  it("is 2·inputs·outputs for each whole unit of equal weights, at the least width", () => {
    const equal = layerOf(weightsOf(Array.from({ length: network.prunableCount }, () => 1)));
    const whole = INPUTS + OUTPUTS;
    // units of a weights in and b out have 2ab: 2·(4 + 4), and of three units 2·(4 + 1 + 1)
    expect([...greatestTraces(equal, 2 * whole)]).toEqual([-Infinity, -Infinity, 16, 12]);
    expect(leastWidthTrace(equal, 2 * whole)).toEqual({ trace: 2 * 2 * INPUTS * OUTPUTS, width: 2 });
    expect(traceBound(equal, 2 * whole).bound).toBeCloseTo(16, 9);
  });
});

describe("walks through units", () => {
  it("pass every layer of a chain once each, and are the same twice", async () => {
    const measurement = unitWalksMeasurement([{ model: "lenet5", densities: [0.05], seedCount: 1 }]);
    expect(measurement.keys).toEqual(["lenet5 0.05 0"]);
    const measured = () => measurement.measure("lenet5 0.05 0", new AbortController().signal);
    const row: UnitWalksRow = await measured();
    expect(row.units).toEqual([6, 16, 120, 84, 10]);
    for (const [l, units] of row.units.entries()) {
      expect(row.means[l]).toBeCloseTo(row.walks / units, 9);
      expect(row.expected[l]).toBeCloseTo(row.walks / units, 9);
    }
    expect(await measured()).toEqual(row);
  });
});

describe("the experiment", () => {
  it.runIf(isLong)("is the same bytes twice at the scale smoke", async () => {
    const made = await Promise.all(
      [scratchFolder(), scratchFolder()].map(async (folder) => {
        const { exitCode } = await phew(
          ["reproduce", "width", "--out", folder, "--runs", `${folder}/runs`, "--json"],
          folder,
        );
        expect(exitCode).toBe(0);
        return `${folder}/width-smoke`;
      }),
    );
    const names = filesBelow(made[0]!);
    expect(names).toEqual(filesBelow(made[1]!));
    expect(names).toContain("hidden-layer.svg");
    for (const name of names) expect(readText(`${made[0]}/${name}`)).toBe(readText(`${made[1]}/${name}`));
  });

  it("trains nothing where the data are missing, and plans more at a larger scale", () => {
    const counts = (["smoke", "laptop", "paper"] as const).map((scale) => {
      const { own, masks, runs } = width.plan(scale, new Set(["glyphs"]));
      expect(runs!.every(({ settings }) => settings.dataset === "glyphs")).toBe(true);
      return own!.reduce((sum, { keys }) => sum + keys.length, masks!.length);
    });
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });
});
