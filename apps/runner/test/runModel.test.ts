/** A run's folder as a model, and masks beside weights that were trained since. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { initialise, Masks, type Network, NetworkBuilder, type Weights, zooModel } from "@phew/core";
import {
  exportModel,
  float32Tensor,
  readMasks,
  readSafetensors,
  toFloat32,
  writeSafetensors,
} from "@phew/formats";
import { beforeAll, describe, expect, it } from "vitest";
import { lastingFolder, phew } from "./phew.ts";

const folder = lastingFolder();
const json = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await phew([...args, "--json"], folder);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
};
const refusal = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await phew(args, folder);
  expect([1, 2]).toContain(exitCode);
  expect(stdout).toBe("");
  expect(stderr.trimEnd().split("\n").length).toBe(1);
  return stderr;
};
const batch = ["--batch", "batch.safetensors"];
const logitsOf = async (file: string) =>
  toFloat32((await readSafetensors(path.join(folder, file))).tensors.get("logits")!);
let run = "";

beforeAll(async () => {
  const settings = ["--epochs", "1", "--train-count", "300", "--test-count", "60", "--rewind-step", "2"];
  await json("train", "lenet5", "--dataset", "glyphs", "--density", "0.02", ...settings);
  run = path.join("runs", "train", readdirSync(path.join(folder, "runs", "train"))[0]!);
  const x = Float32Array.from({ length: 3 * 28 * 28 }, (_, k) => Math.sin(k));
  await writeSafetensors(
    path.join(folder, "batch.safetensors"),
    new Map([["x", float32Tensor([3, 1, 28, 28], x)]]),
  );
});

describe("a run of a network with fewer units", () => {
  const narrow = [
    "train",
    "lenet5",
    "--method",
    "dense",
    "--narrow-to-density",
    "0.05",
    "--experiment",
    "narrow",
  ];
  const settings = ["--dataset", "glyphs", "--epochs", "1", "--train-count", "100", "--test-count", "60"];

  it("has nearly as many weights as the density keeps, says which units, and is a model", async () => {
    const { stderr, exitCode } = await phew([...narrow, ...settings], folder);
    expect(exitCode, stderr).toBe(0);
    const [own] = readdirSync(path.join(folder, "runs", "narrow")).filter((name) => /-0$/.test(name));
    const events = readFileSync(path.join(folder, "runs", "narrow", own!, "events.jsonl"), "utf8");
    const network = zooModel("lenet5", { narrowTo: 0.05 });
    const units = network.prunable.map(({ shape }) => shape[0]).join(", ");
    expect(Math.abs(network.prunableCount - 0.05 * 61_470)).toBeLessThan(200);
    expect(events).toContain(`lenet5 narrowed to 3,220 of 61,470 weights; units of its layers: ${units}.`);
    await json("predict", path.join("runs", "narrow", own!), ...batch, "--out", "narrow.safetensors");
    expect(await logitsOf("narrow.safetensors")).toHaveLength(30);
  });

  it("is refused for a network of a file, for one that is pruned, and for too few weights", async () => {
    const network = zooModel("lenet5");
    const model = { format: "zoo", network, weights: await initialise(network, { seed: 1 }) } as const;
    await exportModel(path.join(folder, "own.onnx"), model, Masks.dense(network), "zeroed");
    expect(
      await refusal("train", "own.onnx", "--method", "dense", "--narrow-to-density", "0.1", ...settings),
    ).toContain(
      "--narrow-to-density: got 0.1 for the network of own.onnx, expected it for a network of the zoo, whose layers can be made with fewer units",
    );
    expect(await refusal("train", "lenet5", "--density", "0.1", "--narrow-to-density", "0.1")).toContain(
      "--narrow-to-density: got 0.1 for a run that prunes by phew, expected it with --method dense",
    );
    expect(
      await refusal("train", "mlp", "--method", "dense", "--narrow-to-density", "0.001", "-q", ...settings),
    ).toContain("whole units come near: 795 weights are the nearest");
  });
});

describe("a run's folder is a model with its masks", () => {
  it("to predict: what its checkpoint gives with its masks", async () => {
    const own = await json("predict", run, ...batch, "--out", "own.safetensors");
    expect(own.density).toBeCloseTo(0.02, 3);
    expect(own.notes).toEqual([]);
    const checkpoint = `${run}/checkpoint.safetensors`;
    await json(
      "predict",
      "lenet5",
      "--weights",
      checkpoint,
      "--masks",
      run,
      ...batch,
      "--out",
      "by-hand.safetensors",
    );
    expect(await logitsOf("own.safetensors")).toEqual(await logitsOf("by-hand.safetensors"));
  });

  it("to export: the small model computes the same", async () => {
    const { shape } = zooModel("lenet5").parameters.find(({ name }) => name === "fc1.weight")!;
    await json("export", run, "--form", "compact", "--out", "small.safetensors");
    const { tensors } = await readSafetensors(path.join(folder, "small.safetensors"));
    expect(tensors.get("fc1.weight")!.shape[0]).toBeLessThan(shape[0]!);
    await json("export", run, "--form", "zeroed", "--out", "zeroed.safetensors");
    await json("predict", run, ...batch, "--out", "own2.safetensors");
    await json(
      "predict",
      "zeroed.safetensors",
      "--architecture",
      "lenet5",
      ...batch,
      "--out",
      "zeroed-y.safetensors",
    );
    expect(await logitsOf("zeroed-y.safetensors")).toEqual(await logitsOf("own2.safetensors"));
  });

  it("to export as an ONNX model of its own, which computes the same", async () => {
    await json("export", run, "--form", "compact", "--out", "small.onnx");
    await json("predict", "small.onnx", ...batch, "--out", "small-y.safetensors");
    await json("predict", run, ...batch, "--out", "own3.safetensors");
    const [small, own] = [await logitsOf("small-y.safetensors"), await logitsOf("own3.safetensors")];
    for (const [k, y] of own.entries()) expect(Math.abs(small[k]! - y)).toBeLessThan(1e-5);
  });

  it("to analyse, prune and compare", async () => {
    expect((await json("analyze", run)).density).toBeCloseTo(0.02, 3);
    expect((await json("prune", run, "--density", "0.01")).masks[0].density).toBeCloseTo(0.01, 3);
    expect((await json("compare", run, "--method", "magnitude", "--density", "0.01")).masks.length).toBe(1);
  });

  it("to prune within its masks, by scores and by walks; what can do neither is refused", async () => {
    const parent = await readMasks(path.join(folder, run, "masks.safetensors"), zooModel("lenet5"));
    for (const method of ["magnitude", "synflow", "phew"]) {
      const pruned = await json(
        "prune",
        run,
        "--method",
        method,
        "--density",
        "0.005",
        "--out",
        `${method}.safetensors`,
      );
      expect(pruned.notes.join()).toMatch(/Kept within the run's masks: 1,\d+ of 61,470 weights/);
      expect(pruned.notes.join()).not.toMatch(/exactly 0/);
      const own = await readMasks(path.join(folder, `${method}.safetensors`), zooModel("lenet5"));
      expect(own.keptCount).toBeGreaterThan(0);
      expect(own.bytes.every((kept, k) => kept === 0 || parent.bytes[k] === 1)).toBe(true);
    }
    expect(await refusal("prune", run, "--method", "random", "--density", "0.005")).toMatch(
      /choose (within|from).*checkpoint/,
    );
    expect(await refusal("prune", run, "--method", "magnitude", "--density", "0.5")).toMatch(
      /at most the 1\d+ of/,
    );
    expect((await json("compare", run, "--method", "random", "--density", "0.01")).notes.join()).toMatch(
      /exactly 0/,
    );
  });

  it("to prune within masks that are named, or within the weights other than 0", async () => {
    await json("export", run, "--form", "zeroed", "--out", "sparse.safetensors");
    const sparse = ["prune", "sparse.safetensors", "--architecture", "lenet5", "--density", "0.005"];
    const masksOf = async (name: string, ...args: string[]) => {
      await json(...sparse, "--method", "synflow", ...args, "--out", name);
      return [...(await readMasks(path.join(folder, name), zooModel("lenet5"))).bytes];
    };
    const within = await masksOf("w1.safetensors", "--within", run);
    expect(await masksOf("w2.safetensors", "--masks-from-zeros")).toEqual(within);
    await json("prune", run, "--method", "synflow", "--density", "0.005", "--out", "w3.safetensors");
    expect([...(await readMasks(path.join(folder, "w3.safetensors"), zooModel("lenet5"))).bytes]).toEqual(
      within,
    );
    const kept = await json(...sparse, "--method", "magnitude", "--masks-from-zeros", "--runs", "confined");
    const config = JSON.parse(readFileSync(path.join(folder, kept.masks[0].folder, "config.json"), "utf8"));
    expect(config.config.within).toBe("zeros");
    expect(await refusal(...sparse, "--within", run, "--masks-from-zeros")).toMatch(/one or the other/);
  });

  it("to export masks that say of their origin what phew prune wrote", async () => {
    const metadataOf = async (file: string) => (await readSafetensors(path.join(folder, file))).metadata;
    await json("export", run, "--form", "masks", "--out", "masks-again.safetensors");
    const [own, again] = [
      await metadataOf(`${run}/masks.safetensors`),
      await metadataOf("masks-again.safetensors"),
    ];
    for (const key of [
      "method",
      "options",
      "seed",
      "requestedDensity",
      "density",
      "weightsDigest",
      "version",
    ])
      expect([key, again[key]]).toEqual([key, own[key] ?? "missing"]);
    expect(again).toMatchObject(own);
    const zeros = ["--masks-from-zeros", "--form", "masks", "--out", "zeros.safetensors"];
    await json("export", "sparse.safetensors", "--architecture", "lenet5", ...zeros);
    await json(
      "analyze",
      "sparse.safetensors",
      "--architecture",
      "lenet5",
      "--masks",
      "zeros.safetensors",
      "--same-weights",
    );
  });

  it("at an early step with @rewind, whose weights differ", async () => {
    await json("predict", `${run}@rewind`, ...batch, "--out", "early.safetensors");
    await json("predict", run, ...batch, "--out", "late.safetensors");
    expect(await logitsOf("early.safetensors")).not.toEqual(await logitsOf("late.safetensors"));
  });

  it("and is refused by what it lacks", async () => {
    expect(await refusal("predict", `${run}@best`, ...batch)).toMatch(/without best\.safetensors/);
    expect(await refusal("predict", `${run}@last`, ...batch)).toMatch(
      /got @last, expected @final, @best, @rewind/,
    );
    expect(await refusal("predict", "runs", ...batch)).toMatch(/the folder runs, which is none of a run/);
    expect(await refusal("predict", run, "--architecture", "lenet5", ...batch)).toMatch(/knows its network/);
    await json("prune", "lenet5", "--density", "0.1", "--runs", "kept");
    const pruned = path.join("kept", "prune", readdirSync(path.join(folder, "kept", "prune"))[0]!);
    expect(await refusal("predict", pruned, ...batch)).toMatch(
      /without checkpoint\.safetensors.*did not train/,
    );
    expect((await json("analyze", "lenet5", "--masks", pruned)).density).toBeCloseTo(0.1, 3);
  });
});

describe("a training takes pruned models of other programs", () => {
  it("originals and masks as weights and as what it keeps within", async () => {
    await json("export", run, "--form", "original+masks", "--out", "both.safetensors");
    await json("export", run, "--form", "original+masks", "--out", "both.onnx");
    const settings = ["--epochs", "1", "--train-count", "100", "--test-count", "20", "--dataset", "glyphs"];
    for (const within of ["both.onnx", run]) {
      const sources = ["--score-weights", "both.safetensors", "--start-weights", run, "--within", within];
      const trained = await json(
        "train",
        "lenet5",
        "--method",
        "magnitude",
        "--density",
        "0.01",
        ...settings,
        ...sources,
      );
      const masksFile = path.join(folder, trained.folder, "masks.safetensors");
      const own = await readMasks(masksFile, zooModel("lenet5"));
      const parent = await readMasks(path.join(folder, run, "masks.safetensors"), zooModel("lenet5"));
      expect(own.keptCount).toBeGreaterThan(0);
      expect(own.bytes.every((kept, k) => kept === 0 || parent.bytes[k] === 1)).toBe(true);
    }
  });
});

describe("masks beside weights that were trained since", () => {
  const trained = () => ["lenet5", "--weights", `${run}/checkpoint.safetensors`, "--masks", run];

  it("are taken with a note by every verb that takes masks", async () => {
    for (const args of [
      ["predict", ...trained(), ...batch],
      ["analyze", ...trained()],
      ["export", ...trained(), "--form", "compact", "--out", "small2.safetensors"],
    ]) {
      const { notes } = await json(...args);
      expect(notes.filter((note: string) => note.includes("made for other weights")).length).toBe(1);
    }
  });

  it("are refused with --same-weights by every such verb", async () => {
    for (const args of [
      ["predict", ...trained(), ...batch],
      ["predict", run, ...batch],
      ["analyze", ...trained()],
      ["export", ...trained(), "--out", "never.safetensors"],
    ])
      expect(await refusal(...args, "--same-weights")).toMatch(/masks made for other weights/);
  });

  it("count by name and shape all the same", async () => {
    expect(await refusal("predict", "mlp", "--masks", run, "--batch", "batch.safetensors")).toMatch(
      /a mask of no parameter of mlp/,
    );
  });
});

describe("weights in the network of a model file", () => {
  const onnx = (name: string, network: Network, weights: Weights) =>
    exportModel(path.join(folder, name), { format: "zoo", network, weights }, Masks.dense(network), "zeroed");

  it("are written into that file", async () => {
    const network = zooModel("lenet5");
    await onnx("first.onnx", network, await initialise(network, { seed: 1 }));
    await json(
      "export",
      `${run}/checkpoint.safetensors`,
      "--architecture",
      "first.onnx",
      "--masks",
      run,
      "--out",
      "second.onnx",
    );
    await json("predict", "second.onnx", ...batch, "--out", "second.safetensors");
    await json("predict", run, ...batch, "--out", "own4.safetensors");
    expect(await logitsOf("second.safetensors")).toEqual(await logitsOf("own4.safetensors"));
  });

  it("are refused with a batch normalisation that was folded into the file's own", async () => {
    const plain = new NetworkBuilder("folded", [1, 28, 28]);
    const x = plain.relu(plain.conv2d("conv", plain.input, { outChannels: 3, kernel: 5 }));
    const folded = plain.build(plain.dense("fc", plain.globalAveragePool(x), 10));
    await onnx("folded.onnx", folded, await initialise(folded, { seed: 1 }));
    const state = new Map(folded.parameters.map(({ name, shape }) => [name, zerosOf(shape)]));
    for (const name of ["weight", "bias", "running_mean", "running_var"])
      state.set(`bn.${name}`, zerosOf([3]));
    await writeSafetensors(path.join(folder, "state.safetensors"), state);
    const message = await refusal("predict", "state.safetensors", "--architecture", "folded.onnx", ...batch);
    expect(message).toMatch(/batch normalisation \(bn\.running_mean\).*folded on export.*docs\/pytorch\.md/);
  });
});

const zerosOf = (shape: readonly number[]) =>
  float32Tensor(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
