/** Gradients by weights that are not there, from every executor, against analytic derivatives of the whole network. */
import { spawnSync } from "node:child_process";
import {
  initialise,
  type Masks,
  maskedWeights,
  type Network,
  NetworkBuilder,
  type Weights,
  zooModel,
} from "@phew/core";
import { Random } from "@phew/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { caseCount, isLong } from "../../../vitest.long.ts";
import { torchDerivatives } from "../src/bench/torchDerivatives.ts";
import { GradientError } from "../src/diverged.ts";
import type { Batch, Executor } from "../src/executor.ts";
import { createDifferentiator } from "../src/sparse/run/differentiator.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
import { overflowing, subjects } from "./executorSubjects.ts";
import {
  activationNetwork,
  convolutions,
  graphNetwork,
  normNetwork,
  poolingNetworks,
  smallNetwork,
} from "./operationNetworks.ts";
import { randomBatch, randomMasks, randomWeights, relativeDifference } from "./randomNetworks.ts";

type Requests = Parameters<Executor["absentGradients"]>[0];

const whole = (network: Network): Requests =>
  new Map(network.prunable.map(({ name }) => [name, "all" as const]));

async function collected(
  executor: Executor,
  requests: Requests,
  batch: Batch,
): Promise<Map<string, Float32Array>> {
  const gradients = new Map<string, Float32Array>();
  await executor.absentGradients(requests, batch, (name, gradient) => gradients.set(name, gradient));
  return gradients;
}

/** Of the whole network with the removed weights at 0. */
async function analytic(network: Network, weights: Weights, masks: Masks, batch: Batch): Promise<Weights> {
  const request = { network, weights, masks, batches: [batch], statistics: "batch", removed: true } as const;
  return (await createDifferentiator().gradients(request)).gradients;
}

/** Half of each layer's weights, in no order. */
function candidatesOf(network: Network, seed: number): Map<string, Uint32Array> {
  const random = new Random(seed, 4);
  return new Map(
    network.prunable.map(({ name, length }) => [
      name,
      Uint32Array.from({ length: Math.ceil(length / 2) }, () => random.below(length)),
    ]),
  );
}

/** Masks of which some units of every layer lack every weight. */
function withDeadUnits(network: Network, seed: number): Masks {
  const masks = randomMasks(network, 0.4, seed);
  for (const parameter of network.prunable) {
    const row = parameter.length / parameter.shape[0]!;
    masks.of(parameter).fill(0, 0, row);
  }
  return masks;
}

describe.each(subjects.filter(({ present }) => present))("$heading", ({ make }) => {
  it.each([
    smallNetwork(),
    graphNetwork(),
    normNetwork(),
    activationNetwork("leakyRelu"),
    ...poolingNetworks(),
  ])("has those of the whole network: $name", async (network) => {
    const [weights, masks] = [randomWeights(network, 3), withDeadUnits(network, 3)];
    const executor = await make({ network, weights, masks, batchSize: 20 });
    const batch = randomBatch(network, 20, 1);
    const expected = await analytic(network, weights, masks, batch);
    const order: string[] = [];
    await executor.absentGradients(whole(network), batch, (name, gradient) => {
      order.push(name);
      expect(relativeDifference(gradient, expected.get(name)!), name).toBeLessThan(2e-4);
    });
    expect(order).toEqual(network.prunable.map(({ name }) => name).reverse());
    executor.dispose();
  });

  it("are those of the indices asked for, in their order, after steps and changes too, and change nothing", async () => {
    const network = smallNetwork();
    const [weights, masks] = [randomWeights(network, 3), withDeadUnits(network, 3)];
    const executor = await make({ network, weights, masks, batchSize: 20, labelSmoothing: 0.1 });
    const other = await make({ network, weights, masks, batchSize: 20, labelSmoothing: 0.1 });
    const candidates = candidatesOf(network, 1);
    for (let step = 0; step < 3; step++) {
      const batch = randomBatch(network, 20 - step, step);
      const gradients = await collected(executor, candidates, batch);
      const answer = await executor.absentGradients(new Map(), batch, () => {});
      const all = await collected(executor, whole(network), batch);
      for (const [name, indices] of candidates)
        expect(gradients.get(name)).toEqual(Float32Array.from(indices, (k) => all.get(name)![k]!));
      const one = await collected(executor, new Map([["conv2.weight", "all"]]), batch);
      expect(one).toEqual(new Map([["conv2.weight", all.get("conv2.weight")]]));
      const next = randomMasks(network, 0.3, step);
      // without dropout, the loss of the step
      expect((await other.step(batch, 0)).loss).toBeCloseTo(answer.loss, 5);
      await executor.step(batch, 0);
      for (const each of [executor, other]) {
        if (step === 2) await each.changeMasks(next);
        await each.step(batch, 0.05);
      }
      expect(await executor.weights()).toEqual(await other.weights());
      expect(await executor.state()).toEqual(await other.state());
    }
    for (const each of [executor, other]) each.dispose();
  });

  it("leave dropout out", async () => {
    const b = new NetworkBuilder("drop", [6]);
    const network = b.build(b.dense("out", b.dropout(0.5, b.relu(b.dense("first", b.input, 9))), 3));
    const [weights, masks] = [randomWeights(network, 1), randomMasks(network, 0.5, 1)];
    const executor = await make({ network, weights, masks });
    const batch = randomBatch(network, 11, 1);
    const gradients = await collected(executor, whole(network), batch);
    const expected = await analytic(network, weights, masks, batch);
    for (const [name, gradient] of gradients)
      expect(relativeDifference(gradient, expected.get(name)!)).toBeLessThan(2e-4);
    executor.dispose();
  });

  it("says what is wrong with a request, and names a parameter whose gradient is not finite", async () => {
    const { network, weights } = overflowing();
    const executor = await make({ network, weights });
    const batch = { x: Float32Array.of(1e30), y: Int32Array.of(1), count: 1 };
    const ask = (requests: Requests) => executor.absentGradients(requests, batch, () => {});
    await expect(ask(new Map([["first.bias", "all"]]))).rejects.toThrow(/first\.bias.*prunable/s);
    await expect(ask(new Map([["first.weight", Uint32Array.of(1)]]))).rejects.toThrow(/index 1.*0 to 0/s);
    await expect(ask(new Map([["second.weight", new Uint32Array(3)]]))).rejects.toThrow(
      /3 indices.*at most 2/s,
    );
    const error = await ask(whole(network)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GradientError);
    expect((error as GradientError).parameter).toBe("first.weight");
    executor.dispose();
  });
});

/** A strided, dilated, grouped convolution of volumes behind another. */
function volumeNetwork(): Network {
  const b = new NetworkBuilder("volume", [1, 4, 3, 5]);
  const of = (name: string, outChannels: number, groups: number) =>
    ({ kind: "conv3d", weight: `${name}.weight`, bias: `${name}.bias`, outChannels, groups }) as const;
  const whole = { stride: [1, 1, 1], dilation: [1, 1, 1], padding: [0, 0, 0, 0, 0, 0] } as const;
  const first = b.node("first", { ...of("first", 4, 1), ...whole, kernel: [1, 1, 2] }, b.input);
  const window = {
    kernel: [3, 2, 2],
    stride: [2, 1, 2],
    dilation: [1, 2, 1],
    padding: [1, 1, 0, 1, 0, 1],
  } as const;
  const second = b.node("second", { ...of("second", 6, 2), ...window }, b.activation("tanh", first));
  return b.build(b.dense("out", b.flatten(b.activation("tanh", second)), 3));
}

describe("the sparse executor", () => {
  const networks = fc.oneof(
    fc.constantFrom(activationNetwork("tanh"), activationNetwork("sigmoid"), graphNetwork(), volumeNetwork()),
    convolutions,
  );

  it("agrees with the whole network's derivatives on any convolution, the same bits for 1, 2 and 3 threads", async () => {
    await fc.assert(
      fc.asyncProperty(networks, fc.nat(100), async (network, seed) => {
        const [weights, masks] = [randomWeights(network, seed), withDeadUnits(network, seed)];
        const batch = randomBatch(network, 37, seed);
        const results = [];
        for (const threadCount of [1, 2, 3]) {
          const options = {
            network,
            weights,
            masks,
            threadCount,
            batchSize: 40,
            seed: 0,
            unwritten: Number.NaN,
          };
          const executor = await createSparseExecutor({ ...options, optimiser: { name: "sgd" } });
          results.push(await collected(executor, whole(network), batch));
          executor.dispose();
        }
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
        const expected = await analytic(network, weights, masks, batch);
        for (const [name, gradient] of results[0]!)
          expect(relativeDifference(gradient, expected.get(name)!), name).toBeLessThan(2e-4);
      }),
      { numRuns: caseCount(6, 40) },
    );
  });

  const present = isLong && spawnSync("python3", ["-c", "import torch"]).status === 0;

  it.skipIf(!present)(
    "agrees with PyTorch's dense gradient of resnet20 (long tests; skipped where python3 has no torch)",
    async () => {
      const network = zooModel("resnet20", { inputShape: [3, 8, 8] });
      const masks = randomMasks(network, 0.1, 1);
      const weights = maskedWeights(await initialise(network, { seed: 1 }), masks);
      const batch = randomBatch(network, 12, 1);
      const request = { network, weights, batches: [batch], statistics: "batch" } as const;
      const { gradientValues } = torchDerivatives(request, weights, { threadCount: 1, double: true });
      const options = { network, weights, masks, batchSize: 12, seed: 0, optimiser: { name: "sgd" } };
      const executor = await createSparseExecutor(options);
      await executor.absentGradients(whole(network), batch, (name, gradient) =>
        expect(relativeDifference(gradient, gradientValues.get(name)!), name).toBeLessThan(1e-3),
      );
      executor.dispose();
    },
  );

  it("plans the memory, which the largest layer bounds and not the network", async () => {
    const [side, layers] = [200, 10];
    const b = new NetworkBuilder("deep", [side]);
    let x = b.input;
    for (let layer = 0; layer < layers; layer++) x = b.relu(b.dense(`fc${layer}`, x, side));
    const network = b.build(x);
    const weights = randomWeights(network, 1);
    const masks = randomMasks(network, 0.05, 1);
    const options = { network, weights, masks, batchSize: 8, seed: 0, optimiser: { name: "sgd" } };
    const without = await createSparseExecutor(options);
    const planned = await createSparseExecutor({ ...options, absentGradients: true });
    const batch = randomBatch(network, 8, 1);
    const before = without.plan.peakBytes;
    await without.absentGradients(whole(network), batch, () => {});
    expect(planned.plan).toEqual(without.plan);
    // sums and entries of one layer, and the kept weights a second time
    const room = 12 * side * side + 24 * masks.keptCount;
    const growth = without.plan.peakBytes - before;
    expect(growth).toBeLessThan(1.2 * room);
    expect(growth).toBeLessThan(4 * network.prunableCount);
    for (const executor of [without, planned]) executor.dispose();
  });
});
