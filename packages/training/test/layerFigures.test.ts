import { initialise, prune, type TrainEvent, zooModel } from "@phew/core";
import { expect, it } from "vitest";
import { glyphs } from "../src/datasets/glyphs/glyphs.ts";
import { loadExecutor } from "../src/executors.ts";
import { gradientNorms, layerMilliseconds } from "../src/layerFigures.ts";
import { train } from "../src/train.ts";

it("tells after each epoch how long the mean gradient of each layer is, and its time, from the sparse executor", async () => {
  const dataset = glyphs({ classCount: 4, trainCount: 60, testCount: 20, seed: 0 });
  const network = zooModel("lenet5", { classCount: 4 });
  const weights = await initialise(network, { seed: 1 });
  const { masks } = await prune(network, weights, { method: "phew", density: 0.1, seed: 1 });
  const momentum = 0.9;
  const training = train({
    dataset,
    network,
    weights,
    masks,
    executor: await loadExecutor("sparse"),
    optimiser: { name: "sgd", settings: { momentum, nesterov: true, weightDecay: 1e-4 } },
    epochCount: 1,
    batchSize: 20,
    rate: 0.05,
    seed: 0,
    threadCount: 1,
    evaluateFirst: true,
    checkpoints: {
      due: ({ step }) => step === 3,
      keep: async ({ state }) => {
        kept = state.get("momentum")!;
      },
    },
  });
  let kept: ReadonlyMap<string, Float32Array> = new Map();
  const events: TrainEvent[] = [];
  for await (const event of training) events.push(event);
  const [before, after] = events.filter((event) => event.kind === "train.epoch");
  // nothing was trained before the first step
  expect(before).not.toHaveProperty("gradientNorms");
  expect(before).not.toHaveProperty("layerMs");
  const norms = network.prunable.map(({ name }) => (1 - momentum) * Math.hypot(...kept.get(name)!));
  expect(after!.gradientNorms).toHaveLength(5);
  for (const [l, norm] of norms.entries()) {
    expect(norm).toBeGreaterThan(0);
    expect(after!.gradientNorms![l]! / norm).toBeCloseTo(1, 4);
  }
  expect(after!.layerMs).toHaveLength(5);
  for (const milliseconds of after!.layerMs!) expect(milliseconds).toBeGreaterThan(0);
});

it("adds up all kinds of work of a layer, by the name of its node, and tells nothing an executor does not", () => {
  const network = zooModel("lenet5");
  const [first, second] = network.prunable.map(({ node }) => network.nodes[node]!.name) as [string, string];
  const times = [
    { layer: first, work: "forward", milliseconds: 1 },
    { layer: first, work: "backward", milliseconds: 2 },
    { layer: second, work: "forward", milliseconds: 4 },
    { layer: "elsewhere", work: "forward", milliseconds: 8 },
  ];
  expect(layerMilliseconds(times, network)).toEqual([3, 4, 0, 0, 0]);
  expect(gradientNorms({}, network, { name: "sgd" }, 1)).toBeUndefined();
});
