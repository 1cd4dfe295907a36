import { type Masks, type Network, NetworkBuilder, type Weights } from "@phew/core";
import { describe, expect, it } from "vitest";
import { countInTop } from "../src/crossEntropy.ts";
import type { Batch, ExecutorOptions } from "../src/executor.ts";
import { loadExecutor } from "../src/executors.ts";
import { clipFactor } from "../src/gradientNorm.ts";
import { randomMasks, randomWeights } from "./randomNetworks.ts";

function network(): Network {
  const b = new NetworkBuilder("clipped", [3, 8, 8]);
  const first = b.relu(
    b.batchNorm("bn", b.conv2d("conv1", b.input, { outChannels: 8, kernel: 3, padding: 1 })),
  );
  const second = b.relu(
    b.conv2d("conv2", first, { outChannels: 6, kernel: 3, stride: 2, padding: 1, bias: true }),
  );
  return b.build(b.dense("fc", b.flatten(second), 7));
}

const net = network();
const COUNT = 9;
const batch: Batch = {
  x: Float32Array.from({ length: COUNT * 192 }, (_, k) => Math.sin(k * 1.7) + 0.3 * Math.cos(k * 0.37)),
  y: Int32Array.from({ length: COUNT }, (_, k) => (3 * k) % 7),
  count: COUNT,
};

/** Parameters after one step at rate 1 without momentum or decay: θ − g. */
async function stepped(name: string, change: Partial<ExecutorOptions> & { clipNorm?: number }, rate = 1) {
  const { clipNorm, ...options } = change;
  const executor = await (await loadExecutor(name))({
    network: net,
    weights: randomWeights(net, 4),
    optimiser: {
      name: "sgd",
      settings: { momentum: 0, nesterov: false, weightDecay: 0 },
      ...(clipNorm === undefined ? {} : { clipNorm }),
    },
    batchSize: 16,
    seed: 0,
    ...options,
  });
  try {
    const before = await executor.weights();
    await executor.step(batch, rate);
    return {
      before,
      after: await executor.weights(),
      evaluation: await executor.evaluate(batch),
      logits: await executor.predict(batch.x, COUNT),
    };
  } finally {
    executor.dispose();
  }
}

const trained = net.parameters.filter(({ role }) => role !== "mean" && role !== "variance");

/** θ before − θ after, and its length over all parameters. */
function change({ before, after }: { before: Weights; after: Weights }) {
  const values = trained.flatMap(({ name }) => {
    const end = after.get(name)!;
    return Array.from(before.get(name)!, (v, k) => v - end[k]!);
  });
  return { values, norm: Math.hypot(...values) };
}

describe.each(["sparse", "tensorflow"])("clipping in the %s executor", (name) => {
  it.each([
    ["dense", undefined],
    ["masked at 40 %", randomMasks(net, 0.4, 2)],
  ] as [string, Masks | undefined][])(
    "shortens all gradients together to the norm, %s",
    async (_what, masks) => {
      const given = masks === undefined ? {} : { masks };
      const free = change(await stepped(name, given));
      const clipNorm = free.norm / 3;
      const clipped = change(await stepped(name, { ...given, clipNorm }));
      expect(clipped.norm / clipNorm).toBeCloseTo(1, 4);
      clipped.values.forEach((value, k) => {
        expect(Math.abs(value - free.values[k]! / 3)).toBeLessThan(3e-6 * (1 + free.norm));
      });
    },
  );

  it("changes no bit where gradients are short enough", async () => {
    const masks = randomMasks(net, 0.4, 2);
    const free = await stepped(name, { masks });
    const clipped = await stepped(name, { masks, clipNorm: 1e9 });
    expect(clipped.after).toEqual(free.after);
  });

  it("leaves the decay of weights as it is: the gradient is clipped before", async () => {
    const optimiser = {
      name: "sgd",
      settings: { momentum: 0, nesterov: false, weightDecay: 0.5 },
      clipNorm: 1e-9,
    };
    const { before, after } = await stepped(name, { optimiser }, 0.1);
    for (const { name: parameter } of trained) {
      const end = after.get(parameter)!;
      before.get(parameter)!.forEach((v, k) => {
        expect(end[k]).toBeCloseTo(0.95 * v, 6);
      });
    }
  });

  it("counts the classes that are among the five greatest outputs", async () => {
    const { evaluation, logits } = await stepped(name, {});
    const expected = [...batch.y].filter((own, i) => {
      const row = [...logits.subarray(7 * i, 7 * i + 7)];
      return row
        .map((v, c) => [v, c] as const)
        .sort((a, b) => b[0] - a[0] || a[1] - b[1])
        .slice(0, 5)
        .some(([, c]) => c === own);
    }).length;
    expect(evaluation.correct5Count).toBe(expected);
    expect(evaluation.correct5Count).toBeGreaterThanOrEqual(evaluation.correctCount);
  });

  it.each([0, -1, Number.NaN])("refuses to clip at %d", async (clipNorm) => {
    await expect(stepped(name, { clipNorm })).rejects.toThrow(/norm to clip gradients at: got/);
  });
});

it("clips alike for any number of threads, bit for bit", async () => {
  const masks = randomMasks(net, 0.4, 2);
  const [one, two] = [
    await stepped("sparse", { masks, clipNorm: 0.01, threadCount: 1 }),
    await stepped("sparse", { masks, clipNorm: 0.01, threadCount: 2 }),
  ];
  expect(two.after).toEqual(one.after);
});

describe("clipFactor", () => {
  it("is PyTorch's clip coefficient: max_norm / (norm + 1e-6), at most 1", () => {
    expect(clipFactor(25, 1)).toBeCloseTo(1 / 5.000001, 15);
    expect(clipFactor(25, 6)).toBe(1);
    expect(clipFactor(0, 1)).toBe(1);
  });
});

describe("countInTop", () => {
  it("takes the lower class among equal outputs, and nothing that is not a number", () => {
    const logits = Float32Array.of(1, 1, 1, 0, 2, Number.NaN);
    expect(countInTop(1, logits, Int32Array.of(0, 1), 3)).toBe(2);
    expect(countInTop(1, logits, Int32Array.of(1, 2), 3)).toBe(0);
    expect(countInTop(3, logits, Int32Array.of(2, 2), 3)).toBe(1);
  });
});
