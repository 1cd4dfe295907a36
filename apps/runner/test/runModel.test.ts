/** A run's folder as a model, and masks beside weights that were trained since. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { zooModel } from "@phew/core";
import { float32Tensor, readSafetensors, toFloat32, writeSafetensors } from "@phew/formats";
import { beforeAll, describe, expect, it } from "vitest";
import { lastingFolder, phew } from "./phew.ts";

const folder = lastingFolder();
const json = (...args: string[]) => {
  const { exitCode, stdout, stderr } = phew([...args, "--json"], folder);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
};
const refusal = (...args: string[]) => {
  const { exitCode, stdout, stderr } = phew(args, folder);
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
  json("train", "lenet5", "--dataset", "glyphs", "--density", "0.02", ...settings);
  run = path.join("runs", "train", readdirSync(path.join(folder, "runs", "train"))[0]!);
  const x = Float32Array.from({ length: 3 * 28 * 28 }, (_, k) => Math.sin(k));
  await writeSafetensors(
    path.join(folder, "batch.safetensors"),
    new Map([["x", float32Tensor([3, 1, 28, 28], x)]]),
  );
}, 60_000);

describe("a run's folder is a model with its masks", () => {
  it("to predict: what its checkpoint gives with its masks", async () => {
    const own = json("predict", run, ...batch, "--out", "own.safetensors");
    expect(own.density).toBeCloseTo(0.02, 3);
    expect(own.notes).toEqual([]);
    const checkpoint = `${run}/checkpoint.safetensors`;
    json(
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
    json("export", run, "--form", "compact", "--out", "small.safetensors");
    const { tensors } = await readSafetensors(path.join(folder, "small.safetensors"));
    expect(tensors.get("fc1.weight")!.shape[0]).toBeLessThan(shape[0]!);
    json("export", run, "--form", "zeroed", "--out", "zeroed.safetensors");
    json("predict", run, ...batch, "--out", "own2.safetensors");
    json(
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

  it("to analyse, prune and compare", () => {
    expect(json("analyze", run).density).toBeCloseTo(0.02, 3);
    expect(json("prune", run, "--density", "0.01").masks[0].density).toBeCloseTo(0.01, 3);
    expect(json("compare", run, "--methods", "magnitude", "--densities", "0.01").masks.length).toBe(1);
  });

  it("at an early step with @rewind, whose weights differ", async () => {
    json("predict", `${run}@rewind`, ...batch, "--out", "early.safetensors");
    json("predict", run, ...batch, "--out", "late.safetensors");
    expect(await logitsOf("early.safetensors")).not.toEqual(await logitsOf("late.safetensors"));
  });

  it("and is refused by what it lacks", () => {
    expect(refusal("predict", `${run}@best`, ...batch)).toMatch(/without best\.safetensors/);
    expect(refusal("predict", `${run}@last`, ...batch)).toMatch(/got @last, expected @final, @best, @rewind/);
    expect(refusal("predict", "runs", ...batch)).toMatch(/the folder runs, which is none of a run/);
    expect(refusal("predict", run, "--architecture", "lenet5", ...batch)).toMatch(/knows its network/);
    json("prune", "lenet5", "--density", "0.1", "--runs", "kept");
    const pruned = path.join("kept", "prune", readdirSync(path.join(folder, "kept", "prune"))[0]!);
    expect(refusal("predict", pruned, ...batch)).toMatch(/without checkpoint\.safetensors.*did not train/);
    expect(json("analyze", "lenet5", "--masks", pruned).density).toBeCloseTo(0.1, 3);
  });
});

describe("masks beside weights that were trained since", () => {
  const trained = () => ["lenet5", "--weights", `${run}/checkpoint.safetensors`, "--masks", run];

  it("are taken with a note by every verb that takes masks", () => {
    for (const args of [
      ["predict", ...trained(), ...batch],
      ["analyze", ...trained()],
      ["export", ...trained(), "--form", "compact", "--out", "small2.safetensors"],
    ]) {
      const { notes } = json(...args);
      expect(notes.filter((note: string) => note.includes("made for other weights")).length).toBe(1);
    }
  });

  it("are refused with --same-weights by every such verb", () => {
    for (const args of [
      ["predict", ...trained(), ...batch],
      ["predict", run, ...batch],
      ["analyze", ...trained()],
      ["export", ...trained(), "--out", "never.safetensors"],
    ])
      expect(refusal(...args, "--same-weights")).toMatch(/masks made for other weights/);
  });

  it("count by name and shape all the same", () => {
    expect(refusal("predict", "mlp", "--masks", run, "--batch", "batch.safetensors")).toMatch(
      /a mask of no parameter of mlp/,
    );
  });
});
