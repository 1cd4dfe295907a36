/** SNIP and GraSP beside PyTorch's scores and masks, and beside an independent differentiation. */
import { type Batch, initialise, type PruningData, prune, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  GOLDEN,
  GOLDEN_NAMES,
  type GoldenName,
  goldenNetwork,
  goldenPresent,
  goldenWeights,
  readTensors,
} from "../../core/test/golden.ts";
import { expectGoldenMasks, expectGoldenScores } from "../../core/test/goldenScores.ts";
import { loadDataset } from "../src/datasets/registry.ts";
import { pruningBatches } from "../src/pruningExamples.ts";
import { createDifferentiator } from "../src/sparse/run/differentiator.ts";

const differentiator = createDifferentiator();

function goldenData(name: GoldenName): PruningData {
  const tensors = readTensors(`${GOLDEN}${name}/batch.safetensors`);
  const y = Int32Array.from(tensors.get("y")!.data);
  return { batches: [{ x: tensors.get("x")!.data, y, count: y.length }], differentiator };
}

describe.skipIf(!goldenPresent)("golden networks (skipped without ../shared/golden)", () => {
  const cases = GOLDEN_NAMES.flatMap((name) =>
    (["snip", "grasp"] as const).map((method) => [method, name] as const),
  );

  it.each(cases)("%s of %s: PyTorch's scores, by running and by batch statistics", async (method, name) => {
    const network = goldenNetwork(name);
    const weights = goldenWeights(name);
    const normalised = network.nodes.some(({ op }) => op.kind === "batchNorm");
    for (const statistics of normalised ? ["running", "batch"] : ["running"]) {
      const { scores } = await prune(network, weights, {
        method,
        density: 0.5,
        seed: 0,
        options: { statistics },
        data: goldenData(name),
      });
      const golden = statistics === "running" ? method : `${method}_batch_statistics`;
      expectGoldenScores(name, network, scores!, golden, method === "snip" ? 1e-4 : 1e-3);
    }
  });

  it.each(cases)("%s of %s: PyTorch's masks at three densities", async (method, name) => {
    await expectGoldenMasks(name, method, { data: goldenData(name) });
  });
});

describe("the examples that are looked at", () => {
  it("are as many of each class, the same for the same seed, and others for another", async () => {
    const dataset = await loadDataset("glyphs", { classCount: 7, trainCount: 700, testCount: 7 });
    const [batch] = pruningBatches(dataset, 5, 3) as [Batch];
    const counts = new Array(7).fill(0);
    for (const label of batch.y) counts[label]++;
    expect(counts).toEqual(new Array(7).fill(5));
    expect(pruningBatches(dataset, 5, 3)).toEqual([batch]);
    expect(pruningBatches(dataset, 5, 4)[0]!.x).not.toEqual(batch.x);
    const batches = pruningBatches(dataset, 60, 3);
    expect(batches.map(({ count }) => count)).toEqual([256, 164]);
    expect(batches[0]!.x).toHaveLength(256 * 28 * 28);
  });

  it("must be there: a class with fewer is named", async () => {
    const dataset = await loadDataset("glyphs", { classCount: 3, trainCount: 12, testCount: 3 });
    expect(() => pruningBatches(dataset, 200, 0)).toThrow(
      /examples of each class: got 200, expected at most \d+/,
    );
  });
});

describe("snip in several rounds", () => {
  it("differs from one round, keeps what is asked for, and scores what is left", async () => {
    const dataset = await loadDataset("glyphs", { classCount: 10, trainCount: 400, testCount: 10 });
    const network = zooModel("lenet5", { inputShape: dataset.inputShape });
    const weights = await initialise(network, { seed: 1 });
    const data = { batches: pruningBatches(dataset, 10, 0), differentiator };
    const settings = { method: "snip", density: 0.05, seed: 0, data };
    const once = await prune(network, weights, settings);
    const often = await prune(network, weights, { ...settings, options: { rounds: 5 } });
    expect(often.keptCount).toBe(once.keptCount);
    expect(often.scores).toEqual(once.scores);
    const shared = often.masks.bytes.filter((kept, k) => kept === 1 && once.masks.bytes[k] === 1).length;
    expect(shared).toBeLessThan(often.keptCount);
    expect(Array.from(once.scores!).reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 9);
  });

  it("stops between rounds where it is asked to", async () => {
    const network = zooModel("lenet5");
    const weights = await initialise(network, { seed: 1 });
    const x = new Float32Array(784 * 2).fill(0.5);
    const stop = new AbortController();
    const data = { batches: [{ x, y: Int32Array.of(1, 2), count: 2 }], differentiator };
    const onProgress = () => stop.abort(new Error("enough"));
    const settings = { method: "snip", density: 0.1, seed: 0, options: { rounds: 50 }, data, onProgress };
    await expect(prune(network, weights, { ...settings, signal: stop.signal })).rejects.toThrow("enough");
  });
});
