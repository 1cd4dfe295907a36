/** What the sparse executor promises beyond what every executor does: the same bits, and memory. */
import { initialise, NetworkBuilder, prune, type Value, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import type { ExecutorOptions } from "../src/executor.ts";
import { createSparseExecutor, type SparseExecutorOptions } from "../src/sparse/run/executor.ts";
import { smallNetwork } from "./operationNetworks.ts";
import { randomBatch, randomMasks, randomWeights } from "./randomNetworks.ts";

const withNesterov = { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 5e-4 } };
const make = (options: Partial<SparseExecutorOptions> & Pick<ExecutorOptions, "network" | "weights">) =>
  createSparseExecutor({
    optimiser: withNesterov,
    batchSize: 64,
    seed: 0,
    threadCount: 1,
    // a number that is read before it is written shows at once
    unwritten: Number.NaN,
    ...options,
  });

describe("the same bits", () => {
  const network = smallNetwork();
  const weights = randomWeights(network, 9);
  const masks = randomMasks(network, 0.4, 2);

  async function trained(threadCount: number, batchSize: number) {
    const executor = await make({ network, weights, masks, threadCount, batchSize });
    const losses = [];
    for (let step = 0; step < 6; step++)
      losses.push((await executor.step(randomBatch(network, batchSize - step, step), 0.05)).loss);
    const result = {
      losses,
      weights: await executor.weights(),
      momentum: (await executor.state()).get("momentum")!,
    };
    executor.dispose();
    return result;
  }

  it.each([50, 300])("for 1, 2 and 3 threads, batches of up to %i", async (batchSize) => {
    const alone = await trained(1, batchSize);
    for (const threadCount of [2, 3]) expect(await trained(threadCount, batchSize)).toEqual(alone);
  });

  it("for 1, 2 and 3 threads and whatever memory held, layers in the domain of F(4×4, 3×3) among others", async () => {
    const b = new NetworkBuilder("wide", [3, 13, 10]);
    const conv = (name: string, x: Value, outChannels: number) =>
      b.relu(b.batchNorm(`${name}.bn`, b.conv2d(name, x, { outChannels, kernel: 3, padding: 1 })));
    const x = conv("c", conv("b", conv("a", b.input, 20), 37), 18);
    const wide = b.build(b.dense("out", b.globalAveragePool(x), 4));
    const start = randomWeights(wide, 4);
    const kept = randomMasks(wide, 0.8, 1);
    const trainedWide = async (threadCount: number, unwritten: number) => {
      const options = { weights: start, masks: kept, batchSize: 70, kernel: "winograd" } as const;
      const executor = await make({ network: wide, ...options, threadCount, unwritten });
      for (let step = 0; step < 3; step++) await executor.step(randomBatch(wide, 70 - 9 * step, step), 0.05);
      const result = {
        weights: await executor.weights(),
        momentum: (await executor.state()).get("momentum")!,
      };
      executor.dispose();
      return result;
    };
    const alone = await trainedWide(1, 0);
    expect(await trainedWide(1, Number.NaN)).toEqual(alone);
    for (const threadCount of [2, 3]) expect(await trainedWide(threadCount, 1e30)).toEqual(alone);
  });
});

describe("the plan of memory", () => {
  it("needs under 10 MB for weights and optimiser of vgg19-bn at 2 %", async () => {
    const vgg = zooModel("vgg19-bn");
    const initial = await initialise(vgg, { seed: 1 });
    const { masks } = await prune(vgg, initial, { method: "phew", density: 0.02, seed: 1 });
    const executor = await make({ network: vgg, weights: initial, masks, batchSize: 16 });
    const { weightBytes, optimiserBytes } = executor.plan;
    expect(weightBytes + optimiserBytes).toBeLessThan(1e7);
    executor.dispose();
  });
});
