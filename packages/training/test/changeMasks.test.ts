/** Masks that change between steps: an executor goes on as a new one made from the same masks, weights and state. */
import { AWAKE, Masks, maskedParameters, type Network, type Weights } from "@phew/core";
import { Random } from "@phew/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { caseCount } from "../../../vitest.long.ts";
import type { Executor, OptimiserState } from "../src/executor.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
import { subjects } from "./executorSubjects.ts";
import {
  activationNetwork,
  convolutions,
  graphNetwork,
  normNetwork,
  smallNetwork,
} from "./operationNetworks.ts";
import { randomBatch, randomMasks, randomWeights } from "./randomNetworks.ts";

const KINDS = ["rewire", "kill a unit", "empty a layer", "redraw", "all"] as const;
type Kind = (typeof KINDS)[number];

/** Masks after one change of a kind, drawn from the seed. */
function changed(masks: Masks, kind: Kind, seed: number): Masks {
  const { network } = masks;
  const random = new Random(seed, 9);
  const next = new Masks(network, masks.bytes.slice());
  const parameter = network.prunable[random.below(network.prunable.length)]!;
  const layer = next.of(parameter);
  const row = layer.length / parameter.shape[0]!;
  const unit = random.below(parameter.shape[0]!);
  if (kind === "rewire") {
    for (let k = 0; k < next.bytes.length; k++) if (random.nextFloat() < 0.3) next.bytes[k]! ^= 1;
  } else if (kind === "kill a unit") layer.fill(0, unit * row, (unit + 1) * row);
  else if (kind === "empty a layer") layer.fill(0);
  else if (kind === "redraw")
    next.bytes.set(randomMasks(network, 0.1 + 0.8 * random.nextFloat(), seed).bytes);
  else next.bytes.fill(1);
  return next;
}

const bits = (values: Weights) =>
  new Map(Array.from(values, ([name, array]) => [name, [...new Uint32Array(array.slice().buffer)]]));
const stateBits = (state: OptimiserState) =>
  new Map(Array.from(state, ([name, values]) => [name, bits(values)]));

interface Given {
  readonly network: Network;
  readonly before: Masks;
  readonly next: Masks;
}

/** Survivors bit for bit, the rest 0; other parameters by whether their unit was and is silent. */
function expectChange(
  { network, before, next }: Given,
  was: Weights,
  is: Weights,
  back: (name: string) => number,
) {
  const [old, young] = [bits(was), bits(is)];
  const [silent, silenced] = [maskedParameters(before), maskedParameters(next)];
  for (const { name } of network.parameters) {
    if (!was.has(name)) continue;
    const [keptBefore, kept] = [before.get(name), next.get(name)];
    const expected = old.get(name)!.map((word, k) => {
      if (kept !== undefined) return kept[k] === 1 && keptBefore![k] === 1 ? word : 0;
      if (silenced.get(name)?.[k] === 0) return 0;
      return silent.get(name)?.[k] === 0 ? new Uint32Array(Float32Array.of(back(name)).buffer)[0]! : word;
    });
    expect(young.get(name), name).toEqual(expected);
  }
}

/** The same bytes as a fresh executor's, in this state and in the next steps. */
async function expectSame(executor: Executor, fresh: Executor, network: Network, step: number) {
  expect(stateBits(await executor.state())).toEqual(stateBits(await fresh.state()));
  expect(bits(await executor.weights())).toEqual(bits(await fresh.weights()));
  for (let k = 0; k < 2; k++) {
    const batch = randomBatch(network, 9 - k, 100 + step + k);
    expect(await fresh.evaluate(batch)).toEqual(await executor.evaluate(batch));
    expect(await fresh.step(batch, 0.05)).toEqual(await executor.step(batch, 0.05));
  }
  expect(bits(await executor.weights())).toEqual(bits(await fresh.weights()));
  expect(stateBits(await executor.state())).toEqual(stateBits(await fresh.state()));
}

describe.each(subjects.filter(({ present }) => present))("$heading", ({ make }) => {
  it("goes on as a new executor of the same masks, weights and state", async () => {
    const network = smallNetwork();
    let before = randomMasks(network, 0.3, 1);
    const executor = await make({ network, weights: randomWeights(network, 2), masks: before, batchSize: 9 });
    let step = 0;
    for (const [turn, kind] of [...KINDS, "rewire" as const].entries()) {
      await executor.step(randomBatch(network, 9, step), 0.05);
      const was = [await executor.weights(), (await executor.state()).get("momentum")!] as const;
      const next = changed(before, kind, turn);
      await executor.changeMasks(next);
      const weights = await executor.weights();
      const state = await executor.state();
      const awake = (name: string) =>
        ({ scale: 1, slope: 0.25 })[network.parameters.find((p) => p.name === name)!.role as string] ?? AWAKE;
      expectChange({ network, before, next }, was[0], weights, awake);
      expectChange({ network, before, next }, was[1], state.get("momentum")!, () => 0);
      const fresh = await make({ network, weights, masks: next, batchSize: 9 });
      await fresh.restore(weights, state, step + 1);
      await expectSame(executor, fresh, network, step + 1);
      fresh.dispose();
      step += 3;
      before = next;
    }
    executor.dispose();
  });

  it("keeps its masks if the caller writes into theirs, and refuses another network's", async () => {
    const network = smallNetwork();
    const masks = randomMasks(network, 0.5, 1);
    const given = new Masks(network, masks.bytes.slice());
    const executor = await make({ network, weights: randomWeights(network, 2), masks: given, batchSize: 4 });
    given.bytes.fill(1);
    await executor.changeMasks(masks);
    const weights = await executor.weights();
    for (const parameter of network.prunable)
      expect(weights.get(parameter.name)!.every((w, k) => (w === 0) === (masks.of(parameter)[k] === 0))).toBe(
        true,
      );
    await expect(executor.changeMasks(Masks.dense(normNetwork()))).rejects.toThrow(
      /expected.*those of small/s,
    );
    executor.dispose();
  });

  it("lets a unit that comes back learn", async () => {
    const network = smallNetwork();
    const masks = changed(Masks.dense(network), "all", 0);
    const parameter = network.prunable.find(({ name }) => name === "conv1.weight")!;
    const row = parameter.length / parameter.shape[0]!;
    masks.of(parameter).fill(0, 2 * row, 3 * row);
    const executor = await make({ network, weights: randomWeights(network, 2), masks, batchSize: 9 });
    for (let step = 0; step < 3; step++) await executor.step(randomBatch(network, 9, step), 0.05);
    await executor.changeMasks(Masks.dense(network));
    for (let step = 3; step < 6; step++) await executor.step(randomBatch(network, 9, step), 0.05);
    const values = (await executor.weights()).get("conv1.weight")!.subarray(2 * row, 3 * row);
    expect(values.every((w) => w !== 0)).toBe(true);
    executor.dispose();
  });
});

describe("the sparse executor", () => {
  it("plans the memory of a new one, however many changes there were", async () => {
    const network = smallNetwork();
    const options = { network, weights: randomWeights(network, 1), batchSize: 16, seed: 0 };
    const wanted = { ...options, optimiser: { name: "sgd" }, absentGradients: true };
    const executor = await createSparseExecutor({ ...wanted, masks: randomMasks(network, 0.3, 0) });
    const count = caseCount(60, 300);
    for (let k = 1; k <= count; k++) await executor.changeMasks(randomMasks(network, 0.3, k));
    const fresh = await createSparseExecutor({ ...wanted, masks: randomMasks(network, 0.3, count) });
    expect(executor.plan).toEqual(fresh.plan);
    for (const each of [executor, fresh]) each.dispose();
  });

  const networks = fc.oneof(
    fc.constantFrom(
      smallNetwork(),
      graphNetwork(),
      normNetwork(),
      activationNetwork("leakyRelu"),
      activationNetwork("sigmoid"),
    ),
    convolutions,
  );
  const optimisers = fc.constantFrom(
    { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 5e-4 } },
    { name: "sgd", settings: { momentum: 0.9, nesterov: false, weightDecay: 5e-4 }, clipNorm: 0.1 },
    { name: "adamw" },
  );

  it("has the bytes of a new one after any changes, for 1 and 2 threads", async () => {
    const changes = fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        networks,
        optimisers,
        changes,
        fc.nat(1000),
        async (network, optimiser, kinds, seed) => {
          const weights = randomWeights(network, seed);
          const options = { network, optimiser, batchSize: 40, seed: 3, unwritten: Number.NaN };
          let masks = randomMasks(network, 0.5, seed);
          const executors = [];
          for (const threadCount of [1, 2])
            executors.push(await createSparseExecutor({ ...options, weights, masks, threadCount }));
          let step = 0;
          for (const kind of kinds) {
            masks = changed(masks, kind, seed + step);
            for (const executor of executors) {
              await executor.step(randomBatch(network, 40 - step, step), 0.05);
              await executor.changeMasks(masks);
            }
            const now = await executors[0]!.weights();
            const fresh = await createSparseExecutor({ ...options, weights: now, masks, threadCount: 1 });
            await fresh.restore(now, await executors[0]!.state(), ++step);
            const batch = randomBatch(network, 33, 50 + step++);
            const result = await fresh.step(batch, 0.05);
            for (const executor of executors) {
              expect(await executor.step(batch, 0.05)).toEqual(result);
              expect(bits(await executor.weights())).toEqual(bits(await fresh.weights()));
              expect(stateBits(await executor.state())).toEqual(stateBits(await fresh.state()));
            }
            fresh.dispose();
          }
          for (const executor of executors) executor.dispose();
        },
      ),
      { numRuns: caseCount(10, 60) },
    );
  });
});
