/** PHEW compared with 4,000 runs of its authors' algorithm, weight by weight. */
import { beforeAll, describe, expect, it } from "vitest";
import { phew, phewNested } from "../src/pruners/phew.ts";
import { completeOptions, type OptionValue } from "../src/pruners/pruner.ts";
import { GOLDEN, goldenFacts, goldenNetwork, goldenPresent, goldenWeights, readTensors } from "./golden.ts";
import { deviation, type Frequencies, frequenciesOf, globalTest, normalQuantile } from "./statistics.ts";

const RUN_COUNT = 2000;
const DENSITIES = [0.1, 0.3];
/** Of each test here. */
const FALSE_ALARM_RATE = 1e-4;

type GoldenName = "mlp" | "convnet";

interface Runs {
  readonly masks: Uint8Array[];
  readonly walkCounts: number[];
}

/** One run per seed; all densities from one sequence of walks, equal to the masks of separate runs. */
async function runsOf(
  name: GoldenName,
  options: Record<string, OptionValue> = {},
): Promise<Map<number, Runs>> {
  const network = goldenNetwork(name);
  const weights = goldenWeights(name);
  const keepCounts = DENSITIES.map((density) => Math.floor(density * network.prunableCount));
  const runs = DENSITIES.map((): Runs => ({ masks: [], walkCounts: [] }));
  const completed = completeOptions(phew, options);
  for (let seed = 0; seed < RUN_COUNT; seed++) {
    let at = 0;
    const request = { network, weights, seed, options: completed };
    for await (const { masks, walkCount } of phewNested(request, keepCounts)) {
      runs[at]!.masks.push(masks.bytes);
      runs[at++]!.walkCounts.push(walkCount!);
    }
  }
  return new Map(DENSITIES.map((density, at) => [density, runs[at]!]));
}

function referenceOf(name: GoldenName, density: number): Frequencies {
  const network = goldenNetwork(name);
  const tensors = readTensors(`${GOLDEN}${name}/phew.safetensors`);
  const share = new Float64Array(network.prunableCount);
  for (const { name: parameter, start } of network.prunable)
    share.set(tensors.get(`phew@${density}.${parameter}`)!.data, start);
  return { share, runCount: goldenFacts(name).phew_runs! };
}

function greatestDeviation(a: Frequencies, b: Frequencies): number {
  return Math.max(...Array.from(a.share, (_, k) => Math.abs(deviation(a, b, k))));
}

const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

describe.skipIf(!goldenPresent).each(["mlp", "convnet"] as const)(
  "PHEW on golden %s, over 2,000 seeds",
  (name) => {
    let runs: Map<number, Runs>;
    beforeAll(async () => {
      runs = await runsOf(name);
    });

    it.each(DENSITIES)("keeps each weight as often as the authors' algorithm at density %s", (density) => {
      const ours = frequenciesOf(runs.get(density)!.masks);
      // Bonferroni: correlation between the weights only makes false alarms rarer
      const limit = -normalQuantile(FALSE_ALARM_RATE / 2 / ours.share.length);
      expect(greatestDeviation(ours, referenceOf(name, density))).toBeLessThan(limit);
    });

    it.each(DENSITIES)("keeps all weights taken together as often at density %s", (density) => {
      const { masks } = runs.get(density)!;
      const reference = referenceOf(name, density);
      const { statistic, threshold } = globalTest(frequenciesOf(masks), reference, masks, FALSE_ALARM_RATE);
      expect(statistic).toBeLessThan(threshold);
    });

    it.each(DENSITIES)("needs as many walks on average at density %s", (density) => {
      const { walkCounts } = runs.get(density)!;
      const average = mean(walkCounts);
      const variance = mean(walkCounts.map((count) => (count - average) ** 2));
      const { phew_runs, phew_mean_walks } = goldenFacts(name);
      const z =
        (average - phew_mean_walks![density]!) / Math.sqrt(variance * (1 / RUN_COUNT + 1 / phew_runs!));
      expect(Math.abs(z)).toBeLessThan(-normalQuantile(FALSE_ALARM_RATE / 2));
    });
  },
);

describe.skipIf(!goldenPresent)("these tests", () => {
  it("notice walks that go forward only", async () => {
    const { masks } = (await runsOf("mlp", { direction: "forward" })).get(0.1)!;
    const reference = referenceOf("mlp", 0.1);
    const { statistic, threshold } = globalTest(frequenciesOf(masks), reference, masks, FALSE_ALARM_RATE);
    expect(statistic).toBeGreaterThan(threshold);
  });

  it("find two halves of the same runs neither different nor too similar", async () => {
    const { masks } = (await runsOf("convnet")).get(0.1)!;
    const [ours, others] = [masks.slice(0, RUN_COUNT / 2), masks.slice(RUN_COUNT / 2)];
    const [a, b] = [frequenciesOf(ours), frequenciesOf(others)];
    expect(greatestDeviation(a, b)).toBeLessThan(-normalQuantile(FALSE_ALARM_RATE / 2 / a.share.length));
    const { statistic, threshold, weightCount, freedom } = globalTest(a, b, ours, FALSE_ALARM_RATE);
    expect(statistic).toBeLessThan(threshold);
    // five standard deviations below the mean
    expect(statistic).toBeGreaterThan(weightCount * (1 - 5 * Math.sqrt(2 / freedom)));
  });
});
