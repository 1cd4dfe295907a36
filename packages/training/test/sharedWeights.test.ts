/** Layers that share weights, trained: the sparse executor beside the tensorflow executor, which adds gradients by name. */
import { initialise, Masks, type Network, NetworkBuilder } from "@phew/core";
import { describe, expect, it } from "vitest";
import { loadExecutor } from "../src/executors.ts";
import { randomBatch, randomMasks, relativeDifference } from "./randomNetworks.ts";

/** A convolution that is called on two values, and a dense layer on features of which some are silent in one call. */
function network(): Network {
  const b = new NetworkBuilder("twice", [4, 5, 5]);
  const conv = {
    kind: "conv2d",
    weight: "conv.weight",
    bias: "conv.bias",
    outChannels: 4,
    groups: 1,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1, 1, 1],
    dilation: [1, 1],
  } as const;
  const once = b.relu(b.node("once", conv, b.input));
  const again = b.relu(b.node("again", conv, once));
  const dense = { kind: "dense", weight: "fc.weight", outFeatures: 4 } as const;
  const features = b.node("features", dense, b.globalAveragePool(again));
  return b.build(b.dense("last", b.node("features again", dense, b.relu(features)), 3));
}

const adamw = {
  name: "adamw",
  settings: { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.05 },
};

describe("layers that share weights", () => {
  it.each([undefined, 0.05])("take the same steps in both executors, clipped at %s", async (clipNorm) => {
    const own = network();
    const weights = await initialise(own, { seed: 2 });
    const [masks, others] = [randomMasks(own, 0.6, 5), randomMasks(own, 0.5, 6)];
    // unit 2 of the convolution is dead: its second call meets only zeros there
    masks.get("conv.weight")!.fill(0, 2 * 36, 3 * 36);
    const options = {
      network: own,
      weights,
      masks,
      batchSize: 6,
      seed: 0,
      optimiser: { ...adamw, ...(clipNorm !== undefined && { clipNorm }) },
    };
    const executors = await Promise.all(
      ["sparse", "tensorflow"].map(async (name) => (await loadExecutor(name))(options)),
    );
    const batch = randomBatch(own, 6, 4);
    const alike = async () => {
      const [found, expected] = await Promise.all(executors.map((executor) => executor.weights()));
      expect([...found!.keys()]).toEqual([...expected!.keys()]);
      for (const [name, values] of expected!)
        expect(relativeDifference(found!.get(name)!, values), name).toBeLessThan(1e-3);
    };
    for (let step = 0; step < 3; step++) for (const executor of executors) await executor.step(batch, 0.01);
    await alike();
    for (const executor of executors) await executor.changeMasks(new Masks(own, others.bytes.slice()));
    for (let step = 0; step < 2; step++) for (const executor of executors) await executor.step(batch, 0.01);
    await alike();
    for (const executor of executors) executor.dispose();
  });
});
