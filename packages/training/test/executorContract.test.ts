/** What every executor does, on whatever backend. */
import {
  buildNetwork,
  initialise,
  Masks,
  maskedParameters,
  NetworkBuilder,
  type NodeSpec,
  type Weights,
  zooModel,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import { glyphs } from "../src/datasets/glyphs/glyphs.ts";
import type { Executor, ExecutorOptions } from "../src/executor.ts";
import { overflowing, subjects } from "./executorSubjects.ts";
import { smallNetwork } from "./operationNetworks.ts";
import { randomBatch, randomMasks, randomWeights } from "./randomNetworks.ts";

const withNesterov = { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 5e-4 } };
const withSetting = (setting: Readonly<Record<string, number>>) => ({
  ...withNesterov,
  settings: { ...withNesterov.settings, ...setting },
});

describe.each(subjects.filter(({ present }) => present))("$heading", ({ make }) => {
  describe("stochastic gradient descent", () => {
    it.each([
      { name: "sgd", settings: { momentum: 0, nesterov: false, weightDecay: 0 } },
      { name: "sgd", settings: { momentum: 0.9, nesterov: false, weightDecay: 0.01 } },
      { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 0.01 } },
    ])("follows the closed form of two classes and one input with %j", async (optimiser) => {
      const { momentum, nesterov, weightDecay } = optimiser.settings;
      const b = new NetworkBuilder("two", [1]);
      const network = b.build(b.dense("w", b.input, 2, { bias: false }));
      const theta = [0.5, -0.25];
      const executor = await make({
        network,
        optimiser,
        weights: new Map([["w.weight", Float32Array.from(theta)]]),
      });
      const velocity = [0, 0];
      for (let step = 0; step < 25; step++) {
        // one example x of class 0: p = σ((θ0 − θ1)·x), L = −ln p, ∂L/∂θ = ∓(1 − p)·x
        const x = step % 2 === 0 ? 1.5 : -0.5;
        const p = 1 / (1 + Math.exp(-(theta[0]! - theta[1]!) * x));
        const { loss } = await executor.step({ x: Float32Array.of(x), y: Int32Array.of(0), count: 1 }, 0.2);
        expect(loss).toBeCloseTo(-Math.log(p), 5);
        for (const k of [0, 1]) {
          const g = (k === 0 ? -1 : 1) * (1 - p) * x + weightDecay * theta[k]!;
          velocity[k] = momentum * velocity[k]! + g;
          theta[k]! -= 0.2 * (nesterov ? g + momentum * velocity[k]! : velocity[k]!);
        }
      }
      const weights = (await executor.weights()).get("w.weight")!;
      const state = (await executor.state()).get("momentum")!.get("w.weight")!;
      for (const k of [0, 1]) {
        expect(weights[k]).toBeCloseTo(theta[k]!, 5);
        expect(state[k]).toBeCloseTo(velocity[k]!, 5);
      }
      executor.dispose();
    });

    it("learns 64 glyphs by heart", async () => {
      const { train } = glyphs({ classCount: 10, trainCount: 64, testCount: 1, seed: 1 });
      const network = zooModel("lenet5");
      const executor = await make({ network, weights: await initialise(network, { seed: 1 }) });
      const x = new Float32Array(64 * 784);
      train.fillInto(
        x,
        Array.from({ length: 64 }, (_, k) => k),
      );
      const batch = { x, y: Int32Array.from(train.classes), count: 64 };
      let steps = 0;
      while ((await executor.evaluate(batch)).correctCount < 64 && steps < 150) {
        await executor.step(batch, 0.02);
        steps++;
      }
      expect(await executor.evaluate(batch)).toMatchObject({ correctCount: 64 });
      executor.dispose();
    });
  });

  describe("masks", () => {
    const network = smallNetwork();
    const weights = randomWeights(network, 5);
    const masks = randomMasks(network, 0.3, 5);
    // unit 2 of conv1, unit 5 of conv2 and unit 7 of fc1 lose every weight that enters them
    for (const [name, unit] of [
      ["conv1.weight", 2],
      ["conv2.weight", 5],
      ["fc1.weight", 7],
    ] as const) {
      const parameter = network.prunable.find((candidate) => candidate.name === name)!;
      const rowLength = parameter.length / parameter.shape[0]!;
      masks.of(parameter).fill(0, unit * rowLength, (unit + 1) * rowLength);
    }
    const zeros = new Map(maskedParameters(masks));
    for (const parameter of network.prunable) zeros.set(parameter.name, masks.of(parameter));

    /** Every masked entry is 0 and some others are not. */
    function expectMasked(values: Weights): void {
      for (const [name, mask] of zeros) {
        const entries = values.get(name)!;
        expect(
          entries.filter((v, k) => mask[k] === 0 && v !== 0),
          name,
        ).toHaveLength(0);
        expect(
          entries.some((v) => v !== 0),
          name,
        ).toBe(true);
      }
    }

    it("hold weights, biases, scales, shifts and momentum at exactly zero through momentum and decay", async () => {
      expect([...zeros.keys()].sort()).toEqual(
        expect.arrayContaining([
          "bn1.bias",
          "bn1.weight",
          "bn2.weight",
          "conv1.bias",
          "conv1.weight",
          "fc1.bias",
        ]),
      );
      const executor = await make({ network, weights, masks });
      expectMasked(await executor.weights());
      for (let step = 0; step < 60; step++) {
        const { loss } = await executor.step(randomBatch(network, 8, step), step < 30 ? 0.05 : 0.005);
        expect(Number.isFinite(loss)).toBe(true);
      }
      expectMasked(await executor.weights());
      expectMasked((await executor.state()).get("momentum")!);
      executor.dispose();
    });

    it("also hold at zero what a restored state brings back", async () => {
      const executor = await make({ network, weights, masks });
      await executor.restore(weights, new Map([["momentum", weights]]));
      expectMasked(await executor.weights());
      expectMasked((await executor.state()).get("momentum")!);
      executor.dispose();
    });

    it("silence dead units: the network behind them computes as if they were cut out", async () => {
      const executor = await make({ network, weights, masks });
      for (let step = 0; step < 5; step++) await executor.step(randomBatch(network, 8, step), 0.05);
      const trained = new Map(await executor.weights());
      const batch = randomBatch(network, 8, 77);
      const before = await executor.predict(batch.x, 8);
      executor.dispose();
      // whatever the dead unit of conv1 was connected to, nothing arrives: its outgoing weights do not matter
      const outgoing = trained.get("shortcut.weight")!.slice();
      for (let o = 0; o < 8; o++) outgoing[o * 6 + 2] = 1000;
      const dense = await make({ network, weights: trained.set("shortcut.weight", outgoing) });
      expect([...(await dense.predict(batch.x, 8))]).toEqual([...before]);
      dense.dispose();
    });

    it("change nothing where everything is kept", async () => {
      const batch = randomBatch(network, 8, 1);
      const results = [];
      for (const all of [undefined, Masks.dense(network)]) {
        const executor = await make({ network, weights, ...(all === undefined ? {} : { masks: all }) });
        await executor.step(batch, 0.1);
        results.push(await executor.predict(batch.x, 8));
        executor.dispose();
      }
      expect(results[0]).toEqual(results[1]);
    });
  });

  describe("executor", () => {
    const network = smallNetwork();
    const weights = randomWeights(network, 9);

    it("gives back the weights it was given, unchanged by prediction and evaluation", async () => {
      const executor = await make({ network, weights });
      const batch = randomBatch(network, 8, 3);
      await executor.predict(batch.x, 8);
      await executor.evaluate(batch);
      for (const [name, values] of await executor.weights()) expect(values).toEqual(weights.get(name));
      for (const [, values] of (await executor.state()).get("momentum")!)
        expect(values.every((v) => v === 0)).toBe(true);
      executor.dispose();
    });

    it("continues from a restored state as if nothing had happened in between", async () => {
      const executor = await make({ network, weights });
      const step = (k: number) => executor.step(randomBatch(network, 8, k), 0.05);
      for (let k = 0; k < 3; k++) await step(k);
      const [saved, momentum] = [await executor.weights(), await executor.state()];
      const expected = [await step(3), await step(4)];
      const end = await executor.weights();
      await executor.restore(saved, momentum, 3);
      expect([await step(3), await step(4)]).toEqual(expected);
      expect(await executor.weights()).toEqual(end);
      executor.dispose();
    });

    it("goes on from a state that another one saved, with dropout and dead units, with the same bits", async () => {
      const b = new NetworkBuilder("dropping", [2, 6, 6]);
      const conv = b.batchNorm("bn", b.conv2d("conv", b.input, { outChannels: 8, kernel: 3, padding: 1 }));
      const dropping = b.build(b.dense("out", b.dropout(0.3, b.flatten(b.relu(conv))), 4));
      const kept = Masks.dense(dropping);
      kept.get("conv.weight")!.fill(0, 0, 36);
      const options = { network: dropping, weights: randomWeights(dropping, 1), masks: kept };
      const step = (executor: Executor, k: number) => executor.step(randomBatch(dropping, 8, k), 0.05);
      const whole = await make(options);
      for (let k = 0; k < 3; k++) await step(whole, k);
      const [saved, momentum] = [await whole.weights(), await whole.state()];
      const resumed = await make(options);
      await resumed.restore(saved, momentum, 3);
      for (let k = 3; k < 6; k++) expect(await step(resumed, k)).toEqual(await step(whole, k));
      expect(await resumed.weights()).toEqual(await whole.weights());
      whole.dispose();
      resumed.dispose();
    });

    it("changes nothing in a step whose loss is not finite, and names the layer where that began", async () => {
      const huge = new Map(weights).set(
        "fc2.weight",
        weights.get("fc2.weight")!.map((w) => w * 3e38),
      );
      const executor = await make({ network, weights: huge });
      const { loss } = await executor.step(randomBatch(network, 4, 1), 0.1);
      expect(loss).not.toSatisfy(Number.isFinite);
      expect(executor.firstNonFinite!()).toBe("fc2");
      for (const [name, values] of await executor.weights()) expect(values).toEqual(huge.get(name));
      await executor.restore(weights, new Map());
      expect((await executor.step(randomBatch(network, 4, 1), 0.1)).loss).toSatisfy(Number.isFinite);
      expect(executor.firstNonFinite!()).toBeUndefined();
      executor.dispose();
    });

    it("names the parameter whose gradient is not finite, though the loss is, and changes nothing", async () => {
      const subject = overflowing();
      const executor = await make(subject);
      const batch = { x: Float32Array.of(1e30), y: Int32Array.of(0), count: 1 };
      // hidden and logits are 0, the loss is ln 2, and ∂L/∂first is 1e30 · 1e20
      await expect(executor.step(batch, 0.1)).rejects.toThrow(
        'the gradient of "first.weight" is no longer finite',
      );
      for (const [name, values] of await executor.weights())
        expect(values).toEqual(subject.weights.get(name));
      executor.dispose();
    });

    it("drops the same elements for the same seed, others for another, about as many as asked for", async () => {
      const b = new NetworkBuilder("dropout", [4000]);
      // sums of what is left of 4,000 ones, in both classes the same: the loss is ln 2, the gradient shows what was dropped
      const dropping = b.build(b.dense("sum", b.dropout(0.25, b.input), 2, { bias: false }));
      const zero = new Map([["sum.weight", new Float32Array(8000)]]);
      const ones = { x: new Float32Array(4000).fill(1), y: Int32Array.of(0), count: 1 };
      const gradients = async (seed: number) => {
        const executor = await make({
          network: dropping,
          weights: zero,
          seed,
          optimiser: { name: "sgd", settings: { momentum: 0, nesterov: false, weightDecay: 0 } },
        });
        const steps = [];
        for (let step = 0; step < 2; step++) {
          await executor.step(ones, 0);
          steps.push((await executor.state()).get("momentum")!.get("sum.weight")!.subarray(0, 4000));
        }
        executor.dispose();
        return steps;
      };
      const [first, second] = await gradients(1);
      expect(await gradients(1)).toEqual([first, second]);
      expect(second).not.toEqual(first);
      expect((await gradients(2))[0]).not.toEqual(first);
      // kept elements are divided by 0.75; 3,000 ± 27 are kept, six standard deviations are allowed: 2e-9 false alarms
      const kept = first!.filter((g) => g !== 0);
      expect(Math.abs(kept.length - 3000)).toBeLessThan(6 * Math.sqrt(4000 * 0.25 * 0.75));
      expect(kept.every((g) => Math.abs(g + 0.5 / 0.75) < 1e-6)).toBe(true);
      // and none in evaluation
      const executor = await make({
        network: dropping,
        weights: new Map([["sum.weight", new Float32Array(8000).fill(1)]]),
      });
      expect([...(await executor.predict(ones.x, 1))]).toEqual([4000, 4000]);
      executor.dispose();
    });

    it("says which layer it cannot compute", async () => {
      const specs: NodeSpec[] = [
        { name: "x", op: { kind: "input", shape: [4] }, inputs: [] },
        { name: "fc", op: { kind: "dense", weight: "fc.weight", outFeatures: 3 }, inputs: ["x"] },
        { name: "odd", op: { kind: "opaque", operation: "Einsum", shape: [3] }, inputs: ["fc"] },
      ];
      const odd = buildNetwork("odd", specs, "odd");
      await expect(make({ network: odd, weights: randomWeights(odd, 0) })).rejects.toThrow(
        /layer "odd": got the operation Einsum, expected one that can be computed: .*activation, .*\. Such a network can be pruned/,
      );
    });

    const refused: [string, Partial<ExecutorOptions>, RegExp][] = [
      ["batch size 0", { batchSize: 0 }, /batch size: got 0/],
      ["label smoothing 1", { labelSmoothing: 1 }, /label smoothing: got 1/],
      ["momentum 1", { optimiser: withSetting({ momentum: 1 }) }, /momentum: got 1/],
      [
        "Nesterov alone",
        { optimiser: withSetting({ momentum: 0 }) },
        /Nesterov momentum: got a momentum of 0/,
      ],
      ["negative decay", { optimiser: withSetting({ weightDecay: -1 }) }, /weight decay: got -1/],
      ["decay NaN", { optimiser: withSetting({ weightDecay: Number.NaN }) }, /weight decay: got NaN/],
      ["no weights", { weights: new Map() }, /weights of "conv1.weight": got none, expected 108/],
      ["another network's masks", { masks: Masks.dense(zooModel("lenet5")) }, /masks: got those of lenet5/],
    ];
    it.each(refused)("refuses %s", async (_what, change, message) => {
      await expect(make({ network, weights, ...change })).rejects.toThrow(message);
    });

    it("refuses batches that do not fit", async () => {
      const executor = await make({ network, weights, batchSize: 4 });
      const batch = randomBatch(network, 4, 0);
      await expect(executor.step(randomBatch(network, 5, 0), 0.1)).rejects.toThrow(
        /5 examples, expected 1 to 4/,
      );
      await expect(executor.step({ ...batch, count: 3 }, 0.1)).rejects.toThrow(/512 values, expected 384/);
      await expect(executor.evaluate({ ...batch, y: Int32Array.of(0, 1, 2, 4) })).rejects.toThrow(
        /class 4, expected 0 to 3/,
      );
      await expect(executor.evaluate({ ...batch, y: Int32Array.of(0) })).rejects.toThrow(
        /1 class for 4 examples/,
      );
      await expect(executor.predict(batch.x, 0)).rejects.toThrow(/0 examples/);
      executor.dispose();
    });
  });
});
