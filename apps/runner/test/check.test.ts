/** Sanity checks on the command line: of masks, and of the runs that train with them. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { zooModel } from "@phew/core";
import { readMaskFile } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { filesBelow, phew, scratchFolder } from "./phew.ts";

async function json(args: readonly string[], cwd: string) {
  const { exitCode, stdout, stderr } = await phew([...args, "--json"], cwd);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

const PRUNE = ["prune", "lenet5", "--density", "0.05", "--seed", "3"];

describe("phew prune --check", () => {
  it("keeps the layer densities, changes the mask, and writes down what was done", async () => {
    const folder = scratchFolder();
    const plain = await json([...PRUNE, "--out", "plain.safetensors"], folder);
    const check = ["--check", "shuffle", "--check-option", "within=unit"];
    const checked = await json([...PRUNE, ...check, "--out", "checked.safetensors"], folder);
    const kept = (of: typeof plain) =>
      of.masks[0].layers.map((layer: { keptCount: number }) => layer.keptCount);
    expect(kept(checked)).toEqual(kept(plain));
    expect(checked.masks[0].check).toEqual({ name: "shuffle", options: { within: "unit" } });
    const network = zooModel("lenet5");
    const [a, b] = [
      await readMaskFile(path.join(folder, "plain.safetensors"), network),
      await readMaskFile(path.join(folder, "checked.safetensors"), network),
    ];
    expect(b.metadata).toMatchObject({ check: "shuffle", checkOptions: '{"within":"unit"}', seed: "3" });
    expect(a.metadata.check).toBeUndefined();
    expect(a.masks.bytes).not.toEqual(b.masks.bytes);
    // the walks of the method did not make this mask
    expect(
      (await json(["analyze", "lenet5", "--masks", "checked.safetensors"], folder)).walks,
    ).toBeUndefined();
  });

  it("finds the weights that were drawn anew by what the mask file says", async () => {
    const folder = scratchFolder();
    await json([...PRUNE, "--check", "reinitialise", "--out", "m.safetensors"], folder);
    const anew = await json(["analyze", "lenet5", "--masks", "m.safetensors"], folder);
    expect(anew.weights).toBe("drawn with seed 1000003");
    const { exitCode, stderr } = await phew(
      ["analyze", "lenet5", "--masks", "m.safetensors", "--seed", "3", "--same-weights"],
      folder,
    );
    expect(stderr).toMatch(/masks made for other weights/);
    expect(exitCode).toBe(2);
  });

  it("lists the checks with their options", async () => {
    const names = (await json(["prune", "--checks"], scratchFolder())).map(
      (check: { name: string }) => check.name,
    );
    expect(names).toEqual(["shuffle", "random", "widen", "reinitialise", "rescale"]);
    expect((await phew(["prune", "--checks"])).stdout).toContain("--check-option fraction=0…1 [1]");
  });

  it.each([
    [[...PRUNE, "--check", "shufle"], /--check: got "shufle".*Did you mean "shuffle"/, 2],
    [[...PRUNE, "--check-option", "within=unit"], /--check-option: got it without --check/, 2],
    [[...PRUNE, "--check", "widen", "--check-option", "fraction=3"], /widen: fraction: got 3/, 1],
    [
      ["train", "lenet5", "--method", "dense", "--check", "shuffle"],
      /--check: got shuffle of a dense run/,
      2,
    ],
    [
      ["train", "lenet5", "--density", "0.05", "--check-option", "a=1"],
      /--check-option: got some without a check/,
      2,
    ],
    [
      ["train", "lenet5", "--density", "0.05", "--init", "normal", "--check", "reinitialise"],
      /--init: got one beside a check that draws them/,
      2,
    ],
  ])("refuses %j", async (args, message, code) => {
    const folder = scratchFolder();
    const { exitCode, stderr } = await phew(args, folder);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(code);
    expect(existsSync(path.join(folder, "runs"))).toBe(false);
  });
});

describe("phew train --check", () => {
  it("is a run of its own, trained with the checked mask and the weights drawn anew", async () => {
    const folder = scratchFolder();
    const size = ["--train-count", "200", "--test-count", "50", "--epochs", "1", "--no-figures"];
    const train = ["train", "lenet5", "--density", "0.05", "--seed", "2", ...size];
    const plain = await json(train, folder);
    const checked = await json([...train, "--check", "reinitialise", "--check-option", "step=7"], folder);
    expect(checked.folder).not.toBe(plain.folder);
    const config = JSON.parse(readFileSync(path.join(folder, checked.folder, "config.json"), "utf8"));
    expect(config.config).toMatchObject({ check: "reinitialise", checkOptions: { step: 7 } });
    expect(filesBelow(path.join(folder, checked.folder))).toContain("checkpoint.safetensors");
    const network = zooModel("lenet5", { classCount: 10, inputShape: plain.config.inputShape });
    const of = async (run: { folder: string }) =>
      (await readMaskFile(path.join(folder, run.folder, "masks.safetensors"), network)).metadata;
    expect(await of(checked)).toMatchObject({ check: "reinitialise", weightsSeed: "9", seed: "2" });
    expect((await of(plain)).weightsDigest).not.toBe((await of(checked)).weightsDigest);
    // the same configuration, from the run's own file, finds the run
    const again = await json(["train", "--config", path.join(checked.folder, "config.json")], folder);
    expect(again).toMatchObject({ skipped: true, folder: checked.folder });
  });
});

describe("phew train --init", () => {
  it("draws the weights that phew prune --init draws, and prunes and trains by them", async () => {
    const folder = scratchFolder();
    const prune = [...PRUNE, "--input", "1,28,28", "--init", "normal", "--out", "m.safetensors"];
    await json(prune, folder);
    const size = ["--train-count", "100", "--test-count", "50", "--epochs", "1", "--no-figures"];
    const train = ["train", "lenet5", "--density", "0.05", "--seed", "3", ...size];
    const run = await json([...train, "--init", "normal"], folder);
    const network = zooModel("lenet5", { inputShape: [1, 28, 28] });
    const of = (file: string) => readMaskFile(path.join(folder, file), network);
    const [pruned, trained] = [await of("m.safetensors"), await of(`${run.folder}/masks.safetensors`)];
    expect(trained.masks.bytes).toEqual(pruned.masks.bytes);
    expect(trained.metadata.weightsDigest).toBe(pruned.metadata.weightsDigest);
  });
});
