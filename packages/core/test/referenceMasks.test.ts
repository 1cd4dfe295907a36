/**
 * Mask statistics on ResNet-20 compared with an independent simulation of the reference code (facts.md §4.6, one seed
 * of it). Tolerances are 3 to 4 standard deviations over seeds of the compared values, measured on 20 seeds. Our
 * values are means of 3 fixed seeds, so the test gives the same result in every run.
 */
import { describe, expect, it } from "vitest";
import { type Analysis, analyse } from "../src/analysis/analyse.ts";
import { widePathKernelTrace } from "../src/analysis/pathKernelTrace.ts";
import { numberOf } from "../src/analysis/wide.ts";
import { keepCountAt } from "../src/masks/masks.ts";
import { prunerByName } from "../src/pruners/registry.ts";
import { initialise } from "../src/weights/initialise.ts";
import { ownInitialisation, zooModel } from "../src/zoo/zoo.ts";

const SEEDS = [0, 1, 2];
const network = zooModel("resnet20");

const analyses = new Map<string, Analysis[]>();
async function analysesOf(method: string, density: number): Promise<Analysis[]> {
  const key = `${method} ${density}`;
  if (!analyses.has(key)) {
    const found: Analysis[] = [];
    for (const seed of SEEDS) {
      const { weights, denseTrace } = await dense(seed);
      const request = {
        network,
        weights,
        keepCount: keepCountAt(density, network.prunableCount),
        seed,
        options: {},
      };
      found.push(analyse(weights, (await prunerByName(method).prune(request)).masks, { denseTrace }));
    }
    analyses.set(key, found);
  }
  return analyses.get(key)!;
}

const denseOf = new Map<number, ReturnType<typeof makeDense>>();
function dense(seed: number) {
  if (!denseOf.has(seed)) denseOf.set(seed, makeDense(seed));
  return denseOf.get(seed)!;
}
async function makeDense(seed: number) {
  const weights = await initialise(network, { seed, initialisation: ownInitialisation(network) });
  return { weights, denseTrace: widePathKernelTrace(network, weights) };
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

describe("masks of ResNet-20 at initialisation", () => {
  it("start from the reference's dense trace, 8.87e10 for its seed (expected over seeds: 1.2e11)", async () => {
    for (const seed of SEEDS) {
      const { denseTrace } = await dense(seed);
      // a seed's trace has a standard deviation of 0.035 in log10
      expect(Math.abs(Math.log10(numberOf(denseTrace.total) / 8.87e10))).toBeLessThan(0.25);
    }
  });

  // density, method, trace / dense, mean width, min width, ineffective weights in %; tolerances of the four, the
  // first in powers of ten
  it.each([
    [0.21, "random", 5.626e-9, 1, 1, 1.4, [0.5, 0.005, 0.09, 1.6]],
    [0.21, "erk", 2.851e-5, 1, 1, 0, [0.1, 0, 0, 0]],
    [0.21, "magnitude", 0.009137, 1, 1, 0, [0.03, 0, 0, 0]],
    [0.107, "random", 7.401e-11, 0.987, 0.719, 3.27, [0.7, 0.015, 0.3, 3.5]],
    [0.107, "erk", 8.857e-7, 1, 1, 0, [0.12, 0, 0, 0]],
    [0.107, "magnitude", 0.0003761, 1, 1, 0, [0.04, 0, 0, 0.1]],
    [0.055, "random", 5.138e-12, 0.967, 0.719, 7.69, [0.95, 0.025, 0.35, 3]],
    [0.055, "erk", 4.198e-8, 1, 1, 0, [0.15, 0, 0, 0]],
    [0.055, "magnitude", 2.236e-5, 1, 1, 0, [0.06, 0.001, 0.02, 0.15]],
    [0.018, "random", 3.009e-15, 0.898, 0.312, 16.36, [3, 0.06, 0.25, 8]],
    [0.018, "erk", 2.014e-10, 0.999, 0.984, 0.55, [0.3, 0.004, 0.06, 0.7]],
    [0.018, "magnitude", 3.676e-7, 0.887, 0.438, 7.05, [0.12, 0.02, 0.15, 2.5]],
  ] as const)(
    "at density %d, %s: trace %d of dense, widths %d and %d, %d %% ineffective",
    async (density, method, trace, meanWidth, minWidth, ineffective, tolerance) => {
      const found = await analysesOf(method, density);
      const near = (values: number[], expected: number, most: number) =>
        expect(Math.abs(mean(values) - expected)).toBeLessThanOrEqual(most);
      near(
        found.map((a) => Math.log10(a.relativeTrace!)),
        Math.log10(trace),
        tolerance[0],
      );
      near(
        found.map((a) => a.meanWidth),
        meanWidth,
        tolerance[1],
      );
      near(
        found.map((a) => a.minWidth),
        minWidth,
        tolerance[2],
      );
      near(
        found.map((a) => (100 * a.ineffectiveCount) / a.keptCount),
        ineffective,
        tolerance[3],
      );
    },
  );

  it("have the reference's order: magnitude has more trace than ERK, and ERK than random, by orders", async () => {
    for (const density of [0.21, 0.107, 0.055, 0.018]) {
      const traces = await Promise.all(
        ["random", "erk", "magnitude"].map((method) => analysesOf(method, density)),
      );
      for (const [k] of SEEDS.entries()) {
        const [random, erk, magnitude] = traces.map((found) => found[k]!.relativeTrace!) as [
          number,
          number,
          number,
        ];
        expect(erk).toBeGreaterThan(1e3 * random);
        expect(magnitude).toBeGreaterThan(100 * erk);
      }
    }
  });
});
