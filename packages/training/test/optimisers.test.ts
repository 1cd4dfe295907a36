/** Every optimiser on every executor, beside PyTorch; what is kept of it, and what is refused. */
import { readFileSync } from "node:fs";
import { ArgumentError, Masks, type Network, NetworkBuilder, type Weights } from "@phew/core";
import { describe, expect, it } from "vitest";
import type { Executor, OptimiserState } from "../src/executor.ts";
import { chosenOptimiser } from "../src/optimisers/chosen.ts";
import { optimisers } from "../src/optimisers/registry.ts";
import { createSparseExecutor } from "../src/sparse/run/executor.ts";
import { loadTensorflowExecutor } from "../src/tensorflow.ts";
import { subjects } from "./executorSubjects.ts";
import { randomBatch, randomMasks, randomWeights, relativeDifference } from "./randomNetworks.ts";

const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"));

/** Of fixtures/torchOptimisers.py. */
interface TorchCase {
  readonly name: string;
  readonly rate: number;
  readonly settings: Readonly<Record<string, number | boolean>>;
  readonly losses: readonly number[];
  readonly end: Readonly<Record<string, readonly number[]>>;
}
const torch: readonly TorchCase[] = fixture("torchOptimisers");
const given = fixture("torchTrajectory");

function torchNetwork(): Network {
  const b = new NetworkBuilder("torch", [2, 8, 8]);
  const first = { outChannels: 4, kernel: 3, padding: 1, bias: false };
  const second = { outChannels: 6, kernel: 3, stride: 2, padding: 1, groups: 2, bias: false };
  const x = b.relu(b.batchNorm("1", b.conv2d("0", b.input, first)));
  const y = b.relu(b.batchNorm("5", b.conv2d("4", b.maxPool2d(x, { kernel: 2 }), second)));
  return b.build(b.dense("8", b.flatten(y), 5));
}

const cases = torch.map((each) => [`${each.name} ${JSON.stringify(each.settings)}`, each] as const);

describe.each(subjects)("optimisers, $heading", ({ present, make }) => {
  it.skipIf(!present).each(cases)("makes PyTorch's 50 steps of %s", async (_, { end, losses, ...rest }) => {
    const network = torchNetwork();
    const masks = new Masks(network);
    for (const parameter of network.prunable) masks.of(parameter).set(given.masks[parameter.name]);
    const weights: Weights = new Map(
      network.parameters.map(({ name }) => [name, Float32Array.from(given.start[name] as number[])]),
    );
    const { rate, ...optimiser } = rest;
    const executor = await make({ network, masks, weights, optimiser });
    for (const [step, loss] of losses.entries()) {
      const index = step % given.batches;
      const length = given.count * 128;
      const batch = {
        x: Float32Array.from(given.x.slice(index * length, (index + 1) * length)),
        y: Int32Array.from(given.y.slice(index * given.count, (index + 1) * given.count)),
        count: given.count,
      };
      expect(Math.abs((await executor.step(batch, rate)).loss / loss - 1), `step ${step}`).toBeLessThan(1e-4);
    }
    for (const [name, values] of await executor.weights())
      expect(relativeDifference(values, Float32Array.from(end[name]!)), name).toBeLessThan(1e-4);
    executor.dispose();
  });
});

describe.each(optimisers.map((optimiser) => [optimiser.name, optimiser] as const))(
  "%s",
  (name, optimiser) => {
    const network = torchNetwork();
    const masks = randomMasks(network, 0.4, 5);
    const start = {
      network,
      masks,
      weights: randomWeights(network, 2),
      optimiser: { name },
      batchSize: 24,
      seed: 3,
    };
    const train = async (executor: Executor, from: number, to: number) => {
      for (let step = from; step < to; step++)
        await executor.step(randomBatch(network, 24, 10 + step), optimiser.rate);
    };
    const bytesOf = (values: Weights) =>
      [...values].map(([key, v]) => [key, Buffer.from(v.buffer).toString("hex")]);
    const all = async (executor: Executor) => {
      const state = await executor.state();
      return [bytesOf(await executor.weights()), ...[...state.values()].map(bytesOf)];
    };

    it("has the same bytes for one thread and for several, and when it goes on from its state", async () => {
      const whole = await createSparseExecutor({ ...start, threadCount: 1 });
      const threads = await createSparseExecutor({ ...start, threadCount: 3 });
      await train(whole, 0, 3);
      const [weights, state] = [await whole.weights(), await whole.state()];
      await train(whole, 3, 7);
      await train(threads, 0, 7);
      const ended = await all(whole);
      expect(await all(threads)).toEqual(ended);
      const resumed = await createSparseExecutor({ ...start, threadCount: 2 });
      await resumed.restore(weights, state, 3);
      await train(resumed, 3, 7);
      expect(await all(resumed)).toEqual(ended);
      for (const executor of [whole, threads, resumed]) executor.dispose();
    });

    // settings in the middle of their ranges: each has its effect, which its default may not have
    it.each([false, true])("steps as its tensorStep does, flags turned: %s", async (isTurned) => {
      const settings = Object.fromEntries(
        Object.entries(optimiser.settings).map(([setting, declared]) => {
          if (!("least" in declared)) return [setting, declared.default !== isTurned];
          const { least, most = least + 0.1 } = declared;
          return [setting, least + 0.6 * (most - least)];
        }),
      );
      const options = { ...start, optimiser: { name, settings } };
      const [kernel, tensors] = [
        await createSparseExecutor(options),
        await (await loadTensorflowExecutor("tfjs-wasm"))(options),
      ];
      for (let step = 0; step < 4; step++) {
        const batch = randomBatch(network, 24, 10 + step);
        for (const executor of [kernel, tensors]) await executor.step(batch, 0.05 / (1 + step));
        const found = new Map([["weights", await kernel.weights()], ...(await kernel.state())]);
        const expected = new Map([["weights", await tensors.weights()], ...(await tensors.state())]);
        expect([...found.keys()]).toEqual([...expected.keys()]);
        for (const [buffer, values] of expected)
          for (const [parameter, numbers] of values)
            expect(
              relativeDifference(found.get(buffer)!.get(parameter)!, numbers),
              `${buffer} of ${parameter}, step ${step + 1}`,
            ).toBeLessThan(1e-4);
      }
      for (const executor of [kernel, tensors]) executor.dispose();
    });

    it("keeps state of kept weights and trained parameters alone, and the plan of memory counts it", async () => {
      const executor = await createSparseExecutor(start);
      await train(executor, 0, 3);
      const state: OptimiserState = await executor.state();
      expect([...state.keys()]).toEqual([...optimiser.state]);
      for (const values of state.values()) {
        for (const parameter of network.prunable) {
          const numbers = values.get(parameter.name)!;
          expect(numbers.some((v) => v !== 0)).toBe(true);
          masks.of(parameter).forEach((kept, k) => {
            if (kept === 0) expect(numbers[k]).toBe(0);
          });
        }
      }
      const dense = await createSparseExecutor({ ...start, masks: undefined! });
      const count = (of: (name: string) => boolean) =>
        network.parameters
          .filter(({ trained, name: parameter }) => trained && of(parameter))
          .reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
      const bytes = 4 * optimiser.state.length * count(() => true);
      expect(dense.plan.optimiserBytes).toBeGreaterThanOrEqual(bytes);
      // regions begin at multiples of 64 bytes
      expect(dense.plan.optimiserBytes).toBeLessThan(bytes + 64 * network.parameters.length * 2);
      expect(executor.plan.optimiserBytes).toBeLessThan(dense.plan.optimiserBytes);
      executor.dispose();
      dense.dispose();
    });

    it.skipIf(optimiser.meanGradient === undefined)(
      "tells the length of the mean gradient, which is that of the gradient where it stays the same",
      async () => {
        const executor = await createSparseExecutor({
          ...start,
          optimiser: { name, settings: { weightDecay: 0 } },
        });
        // steps so small that the gradient stays
        for (let step = 0; step < 60; step++) await executor.step(randomBatch(network, 24, 1), 1e-9);
        const { values } = chosenOptimiser({ name });
        const { buffer, factor } = optimiser.meanGradient!;
        const gradient = await createSparseExecutor({
          ...start,
          optimiser: { name: "sgd", settings: { momentum: 0, nesterov: false, weightDecay: 0 } },
        });
        await gradient.step(randomBatch(network, 24, 1), 1e-9);
        const norms = gradient.stateNorms!("momentum");
        for (const [parameter, norm] of executor.stateNorms!(buffer))
          expect(factor(values, 60) * (norm / norms.get(parameter)!)).toBeCloseTo(1, 2);
        executor.dispose();
        gradient.dispose();
      },
    );

    it("has settings whose defaults are within their ranges, and refuses what is outside, of another kind or unknown", () => {
      const { values } = chosenOptimiser({ name });
      for (const [setting, declared] of Object.entries(optimiser.settings)) {
        expect(values[setting]).toBe(declared.default);
        const wrong = "least" in declared ? [declared.least - 1, Number.NaN, true] : [1];
        if ("most" in declared) wrong.push(declared.most! + 1);
        for (const value of wrong)
          expect(() => chosenOptimiser({ name, settings: { [setting]: value } }), setting).toThrow(
            ArgumentError,
          );
      }
      expect(() => chosenOptimiser({ name, settings: { speed: 1 } })).toThrow(
        new RegExp(`speed: got 1 for ${name}, expected settings that ${name} has: `),
      );
    });
  },
);

it("is one of those that there are", () => {
  expect(() => chosenOptimiser({ name: "adamv" })).toThrow(/optimiser: got "adamv".*Did you mean "adamw"/);
});
