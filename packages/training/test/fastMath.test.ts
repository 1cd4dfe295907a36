import { initialise, prune, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import { loadExecutor } from "../src/executors.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
import { randomBatch, relativeDifference } from "./randomNetworks.ts";

describe("fast math", () => {
  it.each(["rows", "pixels", "winograd"] as const)(
    "agrees with plain arithmetic to 1e-4, kernel %s, and gives the same bits for 1 and 2 threads",
    async (kernel) => {
      const network = zooModel("resnet20", { inputShape: [3, 16, 16] });
      const weights = await initialise(network, { seed: 1 });
      const { masks } = await prune(network, weights, { method: "erk", density: 0.5, seed: 1 });
      const batch = randomBatch(network, 20, 3);
      const outcome = async (fastMath: boolean, threadCount: number) => {
        const executor = await createSparseExecutor({
          ...{ network, weights, masks, seed: 0, batchSize: 20, kernel, fastMath, threadCount },
          optimiser: { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 1e-4 } },
          unwritten: Number.NaN,
        });
        expect(executor.backend.includes("fast math")).toBe(fastMath);
        const outputs = await executor.predict(batch.x, batch.count);
        const { loss } = await executor.step(batch, 0.01);
        executor.dispose();
        return { outputs, loss };
      };
      const plain = await outcome(false, 1);
      const fast = await outcome(true, 1);
      expect(await outcome(true, 2)).toEqual(fast);
      expect(relativeDifference(fast.outputs, plain.outputs)).toBeLessThan(1e-4);
      expect(Math.abs(fast.loss / plain.loss - 1)).toBeLessThan(1e-4);
    },
  );

  it("is refused by an executor that has none", async () => {
    await expect(loadExecutor("tensorflow", { fastMath: true })).rejects.toThrow(
      "fast math: got the tensorflow executor, expected the sparse executor.",
    );
  });
});
