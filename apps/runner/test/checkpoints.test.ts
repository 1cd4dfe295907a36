/** A checkpoint that is whole may still be of another version, or of somebody else: it is taken as it must be or refused. */
import { initialise, Masks, zooModel } from "@phew/core";
import type { Tensor } from "@phew/formats";
import { expect, it } from "vitest";
import { fromTensors, toTensors } from "../src/train/checkpoints.ts";

const network = zooModel("mlp", { classCount: 3, inputShape: [4] });
const position = {
  epoch: 2,
  step: 9,
  lossSum: 0.5,
  correctCount: 3,
  epochs: [{ epoch: 1, testLoss: Number.NaN, testAccuracy: 0.5 }],
  elapsedMs: 7,
};

/** As it comes out of a file. */
async function kept() {
  const weights = await initialise(network, { seed: 1 });
  const state = new Map([
    ["firstMoment", weights],
    ["secondMoment", new Map([...weights].slice(1))],
  ]);
  const made = toTensors(network, { position, weights, state }, "sha");
  return { ...made, progress: JSON.parse(JSON.stringify(made.progress)) };
}

it("is the state that was kept", async () => {
  const { training, masksDigest } = fromTensors(network, await kept());
  expect(masksDigest).toBe("sha");
  expect(training.position).toMatchObject({ epoch: 2, step: 9, lossSum: 0.5, correctCount: 3 });
  expect([...training.weights.keys()]).toEqual(network.parameters.map(({ name }) => name));
  // of the optimiser whatever buffers there were, and in each whatever parameters
  expect([...training.state.keys()]).toEqual(["firstMoment", "secondMoment"]);
  expect(training.state.get("firstMoment")).toEqual(training.weights);
  expect([...training.state.get("secondMoment")!.keys()]).toEqual([...training.weights.keys()].slice(1));
});

it("has the masks that hold, where they are not those of the start", async () => {
  const { training } = fromTensors(network, await kept());
  expect(training.masks).toBeUndefined();
  const masks = new Masks(
    network,
    Uint8Array.from({ length: network.prunableCount }, (_, k) => k % 2),
  );
  const made = toTensors(network, { ...training, masks }, "sha");
  expect(fromTensors(network, made).training.masks!.bytes).toEqual(masks.bytes);
  const [first] = network.prunable.map(({ name }) => `masks.${name}`);
  const refused = (change: (tensors: Map<string, Tensor>) => unknown) => {
    const tensors = new Map(made.tensors);
    change(tensors);
    return () => fromTensors(network, { ...made, tensors });
  };
  expect(refused((tensors) => tensors.delete(first!))).toThrow(/the mask of .* got nothing/);
  const { shape, data } = made.tensors.get(first!)!;
  expect(refused((tensors) => tensors.set(first!, { dtype: "U8", shape, data }))).toThrow(/got U8 of shape/);
  expect(
    refused((tensors) => tensors.set(first!, { dtype: "BOOL", shape, data: data.map(() => 2) })),
  ).toThrow(/bytes above 1/);
});

it("is refused where a number of it is none that could be, or a weight is missing", async () => {
  const checkpoint = await kept();
  const { position: own } = checkpoint.progress;
  for (const progress of [
    null,
    {},
    { ...checkpoint.progress, masksDigest: 1 },
    { ...checkpoint.progress, position: { ...own, epoch: 1.5 } },
    { ...checkpoint.progress, position: { ...own, step: -1 } },
    { ...checkpoint.progress, position: { ...own, lossSum: "a" } },
    { ...checkpoint.progress, position: { ...own, epochs: {} } },
    { ...checkpoint.progress, position: { ...own, epochs: [{ epoch: [] }] } },
  ])
    expect(() => fromTensors(network, { ...checkpoint, progress })).toThrow(
      /another state, .*begin again with --force/,
    );
  const [name] = network.parameters.map((parameter) => parameter.name);
  const tensors = new Map([...checkpoint.tensors].filter(([key]) => key !== name));
  expect(() => fromTensors(network, { ...checkpoint, tensors })).toThrow(
    `"${name}" in the run's checkpoint: got nothing`,
  );
});
